/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "display/peer.h"

#include "display/handshake.h"
#include "vmm/base/fd.h"

enum {
    AUTHENTICATION_TIMEOUT_S = 10
};

const char *
vm_peer_get_guid(void)
{
    static char *guid; /* NOLINT(cppcoreguidelines-avoid-non-const-global-variables) */

    if (g_once_init_enter(&guid)) {
        g_once_init_leave(&guid, g_dbus_generate_guid());
    }
    return guid;
}

GSocketConnection *
vm_peer_import(int fd, GError **error)
{
    g_autoptr(GSocket) socket = g_socket_new_from_fd(fd, error);

    if (!socket) {
        fd_closep(&fd);
        return NULL;
    }
    if (g_socket_get_family(socket) != G_SOCKET_FAMILY_UNIX ||
        g_socket_get_socket_type(socket) != G_SOCKET_TYPE_STREAM) {
        g_set_error_literal(error, G_DBUS_ERROR, G_DBUS_ERROR_INVALID_ARGS,
                            "not a Unix stream socket");
        return NULL;
    }
    return g_socket_connection_factory_create_connection(socket);
}

static gboolean
allow_mechanism(GDBusAuthObserver *observer, const char *mechanism, gpointer user_data)
{
    /* ANONYMOUS is what display/handshake.c makes of a good EXTERNAL. */
    return g_strcmp0(mechanism, "EXTERNAL") == 0 || g_strcmp0(mechanism, "ANONYMOUS") == 0;
}

static gboolean
give_up(gpointer user_data)
{
    g_cancellable_cancel(user_data);
    return G_SOURCE_REMOVE;
}

static void
handle_opened(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    GError *error = NULL;
    GDBusConnection *connection = g_dbus_connection_new_finish(result, &error);
    GSource *timeout = g_task_get_task_data(task);

    g_source_destroy(timeout);
    if (connection) {
        g_task_return_pointer(task, connection, g_object_unref);
    } else {
        g_task_return_error(task, error);
    }
}

void
vm_peer_open_async(GIOStream *stream, GAsyncReadyCallback callback, gpointer user_data)
{
    g_autoptr(GDBusAuthObserver) observer = g_dbus_auth_observer_new();
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    GError *error = NULL;
    g_autoptr(GIOStream) handshake = vm_handshake_new(G_SOCKET_CONNECTION(stream), &error);
    GTask *task = g_task_new(NULL, NULL, callback, user_data);

    if (!handshake) {
        g_task_return_error(task, error);
        g_object_unref(task);
        return;
    }
    GSource *timeout = g_timeout_source_new_seconds(AUTHENTICATION_TIMEOUT_S);

    g_source_set_callback(timeout, give_up, g_object_ref(cancellable), g_object_unref);
    g_source_attach(timeout, NULL);
    g_task_set_task_data(task, timeout, (GDestroyNotify)(void (*)(void))g_source_unref);
    g_signal_connect(observer, "allow-mechanism", G_CALLBACK(allow_mechanism), NULL);
    g_dbus_connection_new(handshake, vm_peer_get_guid(),
                          G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_SERVER |
                              G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_ALLOW_ANONYMOUS |
                              G_DBUS_CONNECTION_FLAGS_DELAY_MESSAGE_PROCESSING,
                          observer, cancellable, handle_opened, task);
}

GDBusConnection *
vm_peer_open_finish(GAsyncResult *result, GError **error)
{
    return g_task_propagate_pointer(G_TASK(result), error);
}
