/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Turn a connected Unix stream socket into a D-Bus link on which we are the server. Only EXTERNAL is
 * offered and only the same user gets in; a peer that does not authenticate within 10 s is dropped.
 */

#include <gio/gio.h>

G_BEGIN_DECLS

/* The one GUID of this process; must be called once before the jail (it reads /dev/urandom). */
const char *vm_peer_get_guid(void);

/* A connection from a received descriptor, which is taken. NULL with `error` when it is no such socket. */
GSocketConnection *vm_peer_import(int fd, GError **error);

/* The result does not process messages before g_dbus_connection_start_message_processing(). */
void vm_peer_open_async(GIOStream *stream, GAsyncReadyCallback callback, gpointer user_data);
GDBusConnection *vm_peer_open_finish(GAsyncResult *result, GError **error);

G_END_DECLS
