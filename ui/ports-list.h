/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The serial ports and virtio consoles of a machine's definition: where each goes, and one more. */

#include <gtk/gtk.h>

#include "manager/model/machine.h"
#include "vmm/client/bases.h"

#define VM_TYPE_PORTS_LIST (vm_ports_list_get_type())
G_DECLARE_FINAL_TYPE(VmPortsList, vm_ports_list, VM, PORTS_LIST, GtkBox)

/* As its definition is now; machine may be NULL. */
void vm_ports_list_show(VmPortsList *self, VmMachine *machine, VmBases *bases);
