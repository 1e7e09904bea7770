/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One machine in the sidebar: picture, title, state. */

#include <gtk/gtk.h>

#include "manager/model/machine.h"
#include "ui/picture-turns.h"

#define VM_TYPE_MACHINE_ROW (vm_machine_row_get_type())
G_DECLARE_FINAL_TYPE(VmMachineRow, vm_machine_row, VM, MACHINE_ROW, GtkListBoxRow)

GtkWidget *vm_machine_row_new(VmMachine *machine);
VmMachine *vm_machine_row_get_machine(VmMachineRow *self);

/* A new processor share and, unless turns is NULL, a picture; called at most once a second for visible rows. */
void vm_machine_row_refresh(VmMachineRow *self, VmPictureTurns *turns);

/* As vm_machine_thumbnail_get_picture(). */
cairo_surface_t *vm_machine_row_get_picture(VmMachineRow *self);
