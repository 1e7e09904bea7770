/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * How much of its memory a running guest has: what it gives back, and takes again, at once. The row of the
 * settings that it stands in says what the guest really has, or why nothing can be done.
 */

#include <gtk/gtk.h>

#include "manager/model/machine.h"

#define VM_TYPE_MEMORY_SCALE (vm_memory_scale_get_type())
G_DECLARE_FINAL_TYPE(VmMemoryScale, vm_memory_scale, VM, MEMORY_SCALE, GtkScale)

GtkWidget *vm_memory_scale_new(void);
/* machine may be NULL. It must stand in a row of ui/settings-row.h; to be called again when the machine's
 * state changed. */
void vm_memory_scale_show(VmMemoryScale *self, VmMachine *machine);
