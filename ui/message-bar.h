/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One problem in words: title, cure, buttons under the text, details that unfold. */

#include <gtk/gtk.h>

#include "manager/model/problem.h"

#define VM_TYPE_MESSAGE_BAR (vm_message_bar_get_type())
G_DECLARE_FINAL_TYPE(VmMessageBar, vm_message_bar, VM, MESSAGE_BAR, GtkBox)

/* Signal "closed": the close button was pressed; the owner takes the bar away. */
GtkWidget *vm_message_bar_new(const VmProblem *problem);
/* Of a lost connection: when it is tried again, 0: now. */
void vm_message_bar_set_retry(VmMessageBar *self, guint seconds);
/* Of a file that is open elsewhere: the machine that has it. */
void vm_message_bar_name_user(VmMessageBar *self, const char *title, const char *name);
