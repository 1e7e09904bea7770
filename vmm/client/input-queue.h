/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Keyboard and pointer calls of one console, in order, a bounded number of them unanswered. Private to
 * the library. Signal "stalled" (): a call got no answer in 5 s.
 */

#include <gio/gio.h>

G_BEGIN_DECLS

#define VM_TYPE_INPUT_QUEUE (vm_input_queue_get_type())
G_DECLARE_FINAL_TYPE(VmInputQueue, vm_input_queue, VM, INPUT_QUEUE, GObject)

VmInputQueue *vm_input_queue_new(GDBusConnection *link, const char *path);

/* `interface` and `method` are static; takes the floating `arguments`. Moves replace waiting moves. */
void vm_input_queue_push(VmInputQueue *self, const char *interface, const char *method,
                         GVariant *arguments);

/* Whether calls wait or have no answer yet. */
gboolean vm_input_queue_is_busy(VmInputQueue *self);

G_END_DECLS
