/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A D-Bus link on a client's socket, on which we are the server and it is we who call. It belongs to one
 * thread and wakes no other: a frame's damage goes out with one system call, and its answer comes in with
 * one (GDBusConnection takes eight changes of threads and 25 system calls for the two). The client's own
 * calls are answered as those of a peer without objects.
 *
 * Signals: "ready" (), the handshake is done; "closed" (), the link is gone, for whatever reason.
 */

#include <gio/gio.h>

#include "display/wire.h"

G_BEGIN_DECLS

enum {
    VM_CALLS_MAX = 8 /* without an answer */
};

#define VM_TYPE_CALLER (vm_caller_get_type())
G_DECLARE_FINAL_TYPE(VmCaller, vm_caller, VM, CALLER, GObject)

typedef struct {
    const char *path;
    const char *interface;
    const char *member;
    const char *signature;
    gconstpointer body; /* in our byte order, without the tail */
    gsize body_size;
    GBytes *tail; /* the end of the body, or NULL; a reference is kept until it is sent */
    int fd;       /* of the caller, or -1; only where vm_caller_passes_fds() */
} VmCall;

/* `answer` is an answer or an error; `data`, of `size` bytes, is all of it. */
typedef void (*VmCallDone)(const VmWireMessage *answer, const guint8 *data, gsize size,
                           gpointer user_data);

/* NULL with an error when another user stands at the other end. Call vm_caller_start() then. */
VmCaller *vm_caller_new(GSocketConnection *connection, GError **error);
void vm_caller_start(VmCaller *self);

gboolean vm_caller_passes_fds(VmCaller *self);

/*
 * After "ready", with fewer than VM_CALLS_MAX calls unanswered. `done` runs once, from the main loop, with
 * `user_data`; never when the link closes before. FALSE when there was no memory or no descriptor for it.
 */
gboolean vm_caller_call(VmCaller *self, const VmCall *call, VmCallDone done, gpointer user_data);

/* Hang up; no signal and no answer follows. */
void vm_caller_close(VmCaller *self);

G_END_DECLS
