/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How a machine shall be cloned: the copy's name, in full or linked, and what that takes. */

#include <gtk/gtk.h>

#include "manager/model/store.h"
#include "vmm/client/vm-machines.h"

#define VM_TYPE_CLONE_CHOICE (vm_clone_choice_get_type())
G_DECLARE_FINAL_TYPE(VmCloneChoice, vm_clone_choice, VM, CLONE_CHOICE, GtkBox)

/* Signals: "changed", after which vm_clone_choice_is_good() may say something else; "confirmed", Enter in the name. */
GtkWidget *vm_clone_choice_new(void);

/* Reads the headers of its disks; a name that was typed before goes. */
void vm_clone_choice_set_machine(VmCloneChoice *self, VmStore *store, VmMachine *machine);

/* Beside the name. */
void vm_clone_choice_add_button(VmCloneChoice *self, GtkWidget *button);
void vm_clone_choice_focus(VmCloneChoice *self);

/* There is a machine, it is off, and the copy has a name. */
gboolean vm_clone_choice_is_good(VmCloneChoice *self);
VmMachine *vm_clone_choice_get_machine(VmCloneChoice *self); /* borrowed, or NULL */
const char *vm_clone_choice_get_title(VmCloneChoice *self);
VmCloneFlags vm_clone_choice_get_flags(VmCloneChoice *self);
