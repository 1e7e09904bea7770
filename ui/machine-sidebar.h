/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The list of machines with its search; selecting a row shows a machine and never starts it. */

#include <gtk/gtk.h>

#include "manager/model/store.h"

#define VM_TYPE_MACHINE_SIDEBAR (vm_machine_sidebar_get_type())
G_DECLARE_FINAL_TYPE(VmMachineSidebar, vm_machine_sidebar, VM, MACHINE_SIDEBAR, GtkBox)

/* Signals: "selected" (VmMachine or NULL), "activated" (VmMachine), "menu" (VmMachine, GtkWidget
 * row) for the context menu; "pressed" (VmMachine) when a row was clicked. Property "search" (boolean): the search bar is shown. */
void vm_machine_sidebar_set_store(VmMachineSidebar *self, VmStore *store);

void vm_machine_sidebar_select(VmMachineSidebar *self, VmMachine *machine);
VmMachine *vm_machine_sidebar_get_selected(VmMachineSidebar *self);
/* The row after or before the selected one in the order on screen. */
void vm_machine_sidebar_move(VmMachineSidebar *self, int step);
gboolean vm_machine_sidebar_has_focus(VmMachineSidebar *self);
void vm_machine_sidebar_focus(VmMachineSidebar *self);
