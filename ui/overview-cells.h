/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Cells that draw something of one machine: its picture, or its last minute. */

#include <gtk/gtk.h>

#include "manager/model/machine.h"

#define VM_TYPE_PICTURE_CELL (vm_picture_cell_get_type())
G_DECLARE_FINAL_TYPE(VmPictureCell, vm_picture_cell, VM, PICTURE_CELL, GtkCellRenderer)

#define VM_TYPE_HISTORY_CELL (vm_history_cell_get_type())
G_DECLARE_FINAL_TYPE(VmHistoryCell, vm_history_cell, VM, HISTORY_CELL, GtkCellRenderer)

GtkCellRenderer *vm_picture_cell_new(void);
/* picture is copied by reference, and may be NULL; dim for a machine that is off. */
void vm_picture_cell_set(VmPictureCell *self, cairo_surface_t *picture, VmMachine *machine);

GtkCellRenderer *vm_history_cell_new(VmMachineFigure figure);
/* The machine that is drawn next. */
void vm_history_cell_set(VmHistoryCell *self, VmMachine *machine);
