/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Who asks machines for pictures waits for a turn: at most VM_PICTURE_TURNS_AT_ONCE requests are under way. */

#include <gtk/gtk.h>

#define VM_PICTURE_TURNS_AT_ONCE 4

#define VM_TYPE_PICTURE_TURNS    (vm_picture_turns_get_type())
G_DECLARE_FINAL_TYPE(VmPictureTurns, vm_picture_turns, VM, PICTURE_TURNS, GObject)

typedef void (*VmPictureTurn)(GObject *who);

VmPictureTurns *vm_picture_turns_new(void);

/*
 * Calls turn(who) once, at once or later, in the order of asking; `who` is kept until then. The turn lasts
 * until vm_picture_turns_end(), which may be called within it.
 */
void vm_picture_turns_ask(VmPictureTurns *self, GObject *who, VmPictureTurn turn);
void vm_picture_turns_end(VmPictureTurns *self);
