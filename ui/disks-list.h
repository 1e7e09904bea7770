/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The disks of a machine: how long each is, larger, one more, one less. */

#include <gtk/gtk.h>

#include "manager/model/machine.h"
#include "vmm/client/bases.h"

#define VM_TYPE_DISKS_LIST (vm_disks_list_get_type())
G_DECLARE_FINAL_TYPE(VmDisksList, vm_disks_list, VM, DISKS_LIST, GtkBox)

/* machine may be NULL. To be called again when it changed. */
void vm_disks_list_show(VmDisksList *self, VmMachine *machine, VmBases *bases);
