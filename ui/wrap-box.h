/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Widgets side by side, and those that find no room below: as narrow as the widest of them. One that expands
 * gives way down to its least width before another goes to the next line.
 */

#include <gtk/gtk.h>

#define VM_TYPE_WRAP_BOX (vm_wrap_box_get_type())
G_DECLARE_FINAL_TYPE(VmWrapBox, vm_wrap_box, VM, WRAP_BOX, GtkContainer)

/* Before the one that is at `position` now; gtk_container_add() puts it last. */
void vm_wrap_box_insert(VmWrapBox *self, GtkWidget *child, int position);
