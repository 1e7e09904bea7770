/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One client: its D-Bus link, its own set of exported objects, the keys it holds down and the
 * listeners it registered. It is disconnected, with one log line, when it leaves more than 256 calls
 * unanswered at once. Property changes are collected while it has not read the last ones.
 *
 * Signals: "closed" (): the owner lets go of the object. "brings" (GSocketConnection *) -> gboolean: one
 * link more for the same machine; FALSE: there are too many, and it is closed.
 */

#include <gio/gio.h>

#include "display/model.h"

G_BEGIN_DECLS

enum {
    VM_CLIENT_CALLS_MAX = 256,
    VM_CLIENT_LISTENERS_MAX = 32,
};

#define VM_TYPE_CLIENT (vm_client_get_type())
G_DECLARE_FINAL_TYPE(VmClient, vm_client, VM, CLIENT, GObject)

/* Starts by itself: authenticates, then serves. */
VmClient *vm_client_new(VmModel *model, GIOStream *stream);

/* Hang up; "closed" follows. */
void vm_client_close(VmClient *self);

/* For the *-object.c files: */

/* "brings": one link more for the machine, over a socket that the client gave. FALSE: there are too many. */
gboolean vm_client_bring(VmClient *self, GSocketConnection *stream);

VmModel *vm_client_get_model(VmClient *self);
VmInputHolder *vm_client_get_holder(VmClient *self);

/*
 * Export `interface` on the object at `path` (made when it is new). `update` sets the interface's
 * properties from the model; it is called now and whenever the model has changed.
 */
typedef void (*VmClientUpdate)(GDBusInterfaceSkeleton *interface, VmClient *client, gpointer data);
void vm_client_export(VmClient *self, const char *path, GDBusInterfaceSkeleton *interface,
                      VmClientUpdate update, gpointer data);

/* Takes `fd`: the client's end becomes a listener of `screen`. */
gboolean vm_client_add_listener(VmClient *self, VmScreen *screen, int fd, GError **error);

/* The descriptor that handle `index` of a message stands for, for the caller; -1 with `error` set. */
int vm_client_take_handle(GUnixFDList *fds, GVariant *index, GError **error);

G_END_DECLS
