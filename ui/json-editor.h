/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The definition of a machine as its file has it: checked while it is typed, saved when it is right. */

#include <gtk/gtk.h>

#include "manager/model/machine.h"

#define VM_TYPE_JSON_EDITOR (vm_json_editor_get_type())
G_DECLARE_FINAL_TYPE(VmJsonEditor, vm_json_editor, VM, JSON_EDITOR, GtkBox)

/* NULL: none. */
void vm_json_editor_set_machine(VmJsonEditor *self, VmMachine *machine);
