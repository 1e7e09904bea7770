/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Message bars, the newest on top. Two are shown, those before them fold into a line that counts them; hidden
 * when there are none. */

#include <gtk/gtk.h>

#define VM_TYPE_MESSAGE_STACK (vm_message_stack_get_type())
G_DECLARE_FINAL_TYPE(VmMessageStack, vm_message_stack, VM, MESSAGE_STACK, GtkBox)

/* bar goes on top; to be destroyed by whoever closes it. */
void vm_message_stack_add(VmMessageStack *self, GtkWidget *bar);
