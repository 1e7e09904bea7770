/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The pill at the bottom of the display: "Press Ctrl+Alt to release the keyboard and pointer". */

#include <gtk/gtk.h>

G_BEGIN_DECLS

#define VM_TYPE_GRAB_HINT (vm_grab_hint_get_type())
G_DECLARE_FINAL_TYPE(VmGrabHint, vm_grab_hint, VM, GRAB_HINT, GtkRevealer)

GtkWidget *vm_grab_hint_new(void);

/* Show `markup` for `seconds`, 0: until it is hidden; a new text replaces the old one. */
void vm_grab_hint_show_text(VmGrabHint *self, const char *markup, guint seconds);
void vm_grab_hint_hide(VmGrabHint *self);

G_END_DECLS
