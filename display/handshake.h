/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * D-Bus EXTERNAL authentication across a pid namespace. A client lives outside of ours, so the
 * kernel reports its process number as 0, and GLib (2.74, g_credentials_get_unix_user()) refuses such
 * credentials as invalid although the user number in them is right. So the user number is compared
 * here, and a client's "AUTH EXTERNAL <our uid>" reaches GLib's server as "AUTH ANONYMOUS": clients see
 * plain EXTERNAL.
 */

#include <gio/gio.h>
#include <gio/gunixconnection.h>

G_BEGIN_DECLS

#define VM_TYPE_HANDSHAKE (vm_handshake_get_type())
G_DECLARE_FINAL_TYPE(VmHandshake, vm_handshake, VM, HANDSHAKE, GUnixConnection)

/*
 * A connection on the same socket as `connection`, which it keeps. NULL with G_IO_ERROR_PERMISSION_DENIED
 * when another user stands at the other end.
 */
GIOStream *vm_handshake_new(GSocketConnection *connection, GError **error);

/* FALSE with G_IO_ERROR_PERMISSION_DENIED when another user made the other end. */
gboolean vm_handshake_check_peer(GSocket *socket, GError **error);
/* Whether `hex`, as it stands behind AUTH EXTERNAL, is our own user's number. */
gboolean vm_handshake_is_own_user(const char *hex);

G_END_DECLS
