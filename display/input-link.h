/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The links to the keyboard and pointer processes (vmm/protocol/input.h). A key is down in the guest
 * while at least one holder (one client) keeps it down; a holder that goes away lets go of all its keys.
 * Reports that the input process does not take are queued up to a limit and then dropped.
 *
 * Signal "modifiers-changed" ().
 */

#include <glib-object.h>

G_BEGIN_DECLS

#define VM_TYPE_INPUT_LINK (vm_input_link_get_type())
G_DECLARE_FINAL_TYPE(VmInputLink, vm_input_link, VM, INPUT_LINK, GObject)

typedef struct vm_input_holder VmInputHolder;

/* Takes both descriptors, each of which may be -1. */
VmInputLink *vm_input_link_new(int keyboard_fd, int pointer_fd);

gboolean vm_input_link_has_keyboard(VmInputLink *self);
gboolean vm_input_link_has_pointer(VmInputLink *self);
/* Lamps of the keyboard: 1 scroll, 2 num, 4 caps lock. */
guint vm_input_link_get_modifiers(VmInputLink *self);

VmInputHolder *vm_input_holder_new(VmInputLink *link);
/* Release what is still down, and free. Accepts NULL. */
void vm_input_holder_free(VmInputHolder *holder);

/* `code` is KEY_xxx or BTN_xxx; FALSE when there is no device for it. */
gboolean vm_input_holder_set_key(VmInputHolder *holder, guint code, gboolean down);
/* 0 ... INPUT_ABS_MAX each. */
gboolean vm_input_link_move(VmInputLink *self, guint x, guint y);
/* Steps of the wheel, positive away from the user. */
gboolean vm_input_link_turn_wheel(VmInputLink *self, int steps);

/* Where pixel `at` of `size` lies on the absolute axis, so that the guest computes the same pixel. */
guint vm_input_absolute(guint at, guint size);

G_END_DECLS
