/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Accepts clients on the control socket and keeps them; at most 16 at once. */

#include <gio/gio.h>

#include "display/model.h"

G_BEGIN_DECLS

enum {
    VM_CLIENTS_MAX = 16
};

#define VM_TYPE_SERVER (vm_server_get_type())
G_DECLARE_FINAL_TYPE(VmServer, vm_server, VM, SERVER, GObject)

/*
 * Takes `listen_fd`, a listening Unix stream socket, when it succeeds; -1: clients come by
 * vm_server_add() only. NULL with `error` set.
 */
VmServer *vm_server_new(VmModel *model, int listen_fd, GError **error);

/* One client more; FALSE when there are too many, and `stream` is closed. */
gboolean vm_server_add(VmServer *self, GSocketConnection *stream);

/* Disconnect all clients. */
void vm_server_close(VmServer *self);

G_END_DECLS
