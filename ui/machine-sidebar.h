/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The list of machines with its search; selecting a row shows a machine and never starts it. */

#include <gtk/gtk.h>

#include "manager/model/store.h"

#define VM_TYPE_MACHINE_SIDEBAR (vm_machine_sidebar_get_type())
G_DECLARE_FINAL_TYPE(VmMachineSidebar, vm_machine_sidebar, VM, MACHINE_SIDEBAR, GtkBox)

typedef enum {
    VM_SIDEBAR_SORT_NAME,
    VM_SIDEBAR_SORT_RUNNING, /* what runs first, then by name */
    VM_SIDEBAR_SORT_USED,    /* the last used first */
} VmSidebarSort;

/*
 * Signals: "selected" (VmMachine or NULL), "activated" (VmMachine), "menu" (VmMachine, GtkWidget
 * row) for the context menu; "pressed" (VmMachine) when a row was clicked; "overview" (boolean:
 * pressed, not only selected) for the row "All machines"; "moved" (VmMachine, string group) when a
 * row was dragged to a heading. Property "search" (boolean): the search bar is shown.
 */
void vm_machine_sidebar_set_store(VmMachineSidebar *self, VmStore *store);

void vm_machine_sidebar_select(VmMachineSidebar *self, VmMachine *machine);
VmMachine *vm_machine_sidebar_get_selected(VmMachineSidebar *self);
/* The row after or before the selected one in the order on screen. */
void vm_machine_sidebar_move(VmMachineSidebar *self, int step, gboolean running);
gboolean vm_machine_sidebar_has_focus(VmMachineSidebar *self);
void vm_machine_sidebar_focus(VmMachineSidebar *self);
void vm_machine_sidebar_select_overview(VmMachineSidebar *self);

/* Which groups are folded is kept there. */
void vm_machine_sidebar_set_settings(VmMachineSidebar *self, GSettings *settings);
void vm_machine_sidebar_set_sort(VmMachineSidebar *self, VmSidebarSort sort);

/* Folds a group, or unfolds it: what a click on its heading does. */
void vm_machine_sidebar_toggle_group(VmMachineSidebar *self, const char *group);

/* The picture of its row; borrowed, NULL for none. */
cairo_surface_t *vm_machine_sidebar_get_picture(VmMachineSidebar *self, VmMachine *machine);
