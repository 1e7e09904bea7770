/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * "All machines": a table to sort, with columns to choose and to move, and actions on several.
 *
 * Signals: "activated" (VmMachine *); "act" (const char *what, GPtrArray *machines): "start",
 * "shut-down", "group" or "delete", for the window to carry out.
 */

#include <gtk/gtk.h>

#include "manager/model/store.h"

#define VM_TYPE_OVERVIEW_PAGE (vm_overview_page_get_type())
G_DECLARE_FINAL_TYPE(VmOverviewPage, vm_overview_page, VM, OVERVIEW_PAGE, GtkBox)

/* Where a machine's picture comes from; borrowed, NULL for none. */
typedef cairo_surface_t *(*VmPictureFunc)(VmMachine *machine, gpointer data);

void vm_overview_page_set_store(VmOverviewPage *self, VmStore *store);
void vm_overview_page_set_pictures(VmOverviewPage *self, VmPictureFunc function, gpointer data);

/* Order, visibility, widths and sorting of the columns are kept there. */
void vm_overview_page_set_settings(VmOverviewPage *self, GSettings *settings);

/* One switch per column, for the menu "Columns": action names are the columns' ids. Owned by the
 * caller. */
GSimpleActionGroup *vm_overview_page_make_column_actions(VmOverviewPage *self);
GMenuModel *vm_overview_page_make_column_menu(VmOverviewPage *self);

void vm_overview_page_select_all(VmOverviewPage *self);
/* (element-type VmMachine); g_ptr_array_unref(). */
GPtrArray *vm_overview_page_get_selected(VmOverviewPage *self);
/* Where a popover about the selection may point. */
GtkWidget *vm_overview_page_get_group_button(VmOverviewPage *self);
