/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A D-Bus link on a client's socket, on which we are the server and it is we who call: sd-bus, which works in
 * the thread that calls it and wakes no other (GDBusConnection takes eight changes of threads and 25 system
 * calls for a frame and its answer). The client's own calls are answered as those of a peer without objects.
 *
 * Signals: "ready" (), the handshake is done; "closed" (), the link is gone, for whatever reason.
 */

#include <gio/gio.h>
#include <systemd/sd-bus.h>

G_BEGIN_DECLS

G_DEFINE_AUTOPTR_CLEANUP_FUNC(sd_bus_message, sd_bus_message_unref)

enum {
    VM_CALLS_MAX = 8 /* without an answer */
};

#define VM_TYPE_CALLER (vm_caller_get_type())
G_DECLARE_FINAL_TYPE(VmCaller, vm_caller, VM, CALLER, GObject)

/* `answer` is an answer or an error. */
typedef void (*VmCallDone)(sd_bus_message *answer, gpointer user_data);

/* NULL with an error when another user stands at the other end. Call vm_caller_start() then. */
VmCaller *vm_caller_new(GSocketConnection *connection, GError **error);
void vm_caller_start(VmCaller *self);

gboolean vm_caller_passes_fds(VmCaller *self);

/* After "ready": a call, to be filled with its arguments and sent. NULL when there was no memory for it. */
sd_bus_message *vm_caller_new_call(VmCaller *self, const char *path, const char *interface,
                                   const char *member);

/*
 * With fewer than VM_CALLS_MAX calls unanswered; the reference to `call` stays the caller's. `done` runs
 * once, from the main loop, with `user_data`; never when the link closes before. FALSE when it was not sent.
 */
gboolean vm_caller_send(VmCaller *self, sd_bus_message *call, VmCallDone done, gpointer user_data);

/* Hang up; no signal and no answer follows. */
void vm_caller_close(VmCaller *self);

G_END_DECLS
