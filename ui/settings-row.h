/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One setting: title, a line that explains it, a mark, and the control at the end. */

#include <gtk/gtk.h>

#define VM_TYPE_SETTINGS_ROW (vm_settings_row_get_type())
G_DECLARE_FINAL_TYPE(VmSettingsRow, vm_settings_row, VM, SETTINGS_ROW, GtkListBoxRow)

/* explain may be NULL. The control is labelled by the title. */
GtkWidget *vm_settings_row_new(const char *title, const char *explain, GtkWidget *control);
GtkWidget *vm_settings_row_get_control(VmSettingsRow *self);

/* Another explanation; a problem stays before it. Readers say `spoken` instead, each time that it changes: no
 * figures that move. NULL: the same. */
void vm_settings_row_set_explain(VmSettingsRow *self, const char *explain, const char *spoken);
/* The file that decides: the control cannot be used, and the row says where it is set; NULL: it can. */
void vm_settings_row_set_fixed(VmSettingsRow *self, const char *file);
/* NULL: the explanation comes back. */
void vm_settings_row_set_problem(VmSettingsRow *self, const char *problem);
void vm_settings_row_set_needs_restart(VmSettingsRow *self, gboolean needs);

/* To what is in plain rows that cannot have the focus, which GTK's would keep from it. */
void vm_settings_row_pass_focus(GtkListBox *list);
/* The same for one of them. */
void vm_settings_row_pass_focus_of(GtkWidget *row);
/* Shift+Tab goes to the last row that can have the focus; GTK gives up where the very last one cannot. */
void vm_settings_row_enter_from_below(GtkListBox *list);
