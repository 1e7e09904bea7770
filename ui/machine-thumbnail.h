/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The small picture of a machine in the sidebar: live while it runs, the last frame while off. */

#include <gtk/gtk.h>

#include "manager/model/machine.h"
#include "ui/picture-turns.h"

#define VM_TYPE_MACHINE_THUMBNAIL (vm_machine_thumbnail_get_type())
G_DECLARE_FINAL_TYPE(VmMachineThumbnail, vm_machine_thumbnail, VM, MACHINE_THUMBNAIL,
                     GtkDrawingArea)

void vm_machine_thumbnail_set_machine(VmMachineThumbnail *self, VmMachine *machine);

/* Ask for a new picture, when it is its turn; nothing happens while one is on its way, or when none is due
 * (ui/picture-pace.h). */
void vm_machine_thumbnail_refresh(VmMachineThumbnail *self, VmPictureTurns *turns);

/* The last picture, NULL when there is none; borrowed until the next refresh. */
cairo_surface_t *vm_machine_thumbnail_get_picture(VmMachineThumbnail *self);
