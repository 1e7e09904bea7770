/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* For people who write drivers: what the guest does with its graphics card. Folded at first. */

#include <gtk/gtk.h>

#include "vmm/client/vm-connection.h"

#define VM_TYPE_GRAPHICS_PANE (vm_graphics_pane_get_type())
G_DECLARE_FINAL_TYPE(VmGraphicsPane, vm_graphics_pane, VM, GRAPHICS_PANE, GtkBox)

/* Once a second while there is a card; asks the machine only while it is unfolded. */
void vm_graphics_pane_update(VmGraphicsPane *self, VmConnection *connection);
/* Another machine: rates begin anew. */
void vm_graphics_pane_clear(VmGraphicsPane *self);
