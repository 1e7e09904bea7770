/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "display/server.h"

#include "display/client.h"
#include "display/refusals.h"
#include "vmm/base/log.h"

struct _VmServer {
    GObject parent_instance;
    VmModel *model;
    GSocketService *service;
    GPtrArray *clients;
    VmRefusals *refusals;
};

G_DEFINE_FINAL_TYPE(VmServer, vm_server, G_TYPE_OBJECT)

/* A client brought a socket for one link more. */
static gboolean
handle_client_brings(VmClient *client, GSocketConnection *stream, VmServer *self)
{
    return vm_server_add(self, stream);
}

static void
handle_client_closed(VmClient *client, VmServer *self)
{
    g_ptr_array_remove(self->clients, client);
    vm_model_set_client_count(self->model, self->clients->len);
}

gboolean
vm_server_add(VmServer *self, GSocketConnection *stream)
{
    VmClient *client;

    g_return_val_if_fail(VM_IS_SERVER(self), FALSE);
    if (self->clients->len >= VM_CLIENTS_MAX) {
        log_warning("a client was refused: there are %d already", VM_CLIENTS_MAX);
        g_io_stream_close(G_IO_STREAM(stream), NULL, NULL);
        return FALSE;
    }
    client = vm_client_new(self->model, G_IO_STREAM(stream));
    g_signal_connect_object(client, "closed", G_CALLBACK(handle_client_closed), self, 0);
    g_signal_connect_object(client, "brings", G_CALLBACK(handle_client_brings), self, 0);
    g_ptr_array_add(self->clients, client);
    vm_model_set_client_count(self->model, self->clients->len);
    return TRUE;
}

void
vm_server_close(VmServer *self)
{
    g_return_if_fail(VM_IS_SERVER(self));
    /* From the end: each takes itself out. */
    for (guint i = self->clients->len; i > 0; i--) {
        g_autoptr(VmClient) client = g_object_ref(g_ptr_array_index(self->clients, i - 1));

        vm_client_close(client);
    }
}

static gboolean
handle_incoming(VmServer *self, GSocketConnection *stream, GObject *source)
{
    if (self->clients->len >= VM_CLIENTS_MAX) {
        log_warning("a client was refused: there are %d already", VM_CLIENTS_MAX);
        vm_refusals_add(self->refusals, stream, VM_CLIENTS_MAX);
    } else {
        vm_server_add(self, stream);
    }
    return TRUE;
}

static void
vm_server_finalize(GObject *object)
{
    VmServer *self = VM_SERVER(object);

    if (self->service) {
        g_socket_service_stop(self->service);
    }
    g_clear_object(&self->service);
    g_clear_pointer(&self->clients, g_ptr_array_unref);
    g_clear_pointer(&self->refusals, vm_refusals_free);
    g_clear_object(&self->model);
    G_OBJECT_CLASS(vm_server_parent_class)->finalize(object);
}

static void
vm_server_class_init(VmServerClass *klass)
{
    G_OBJECT_CLASS(klass)->finalize = vm_server_finalize;
}

static void
vm_server_init(VmServer *self)
{
    self->clients = g_ptr_array_new_with_free_func(g_object_unref);
    self->refusals = vm_refusals_new();
}

VmServer *
vm_server_new(VmModel *model, int listen_fd, GError **error)
{
    g_autoptr(VmServer) self = g_object_new(VM_TYPE_SERVER, NULL);
    g_autoptr(GSocket) socket = NULL;

    self->model = g_object_ref(model);
    if (listen_fd < 0) {
        return g_steal_pointer(&self);
    }
    socket = g_socket_new_from_fd(listen_fd, error);
    if (!socket) {
        return NULL;
    }
    self->service = g_socket_service_new();
    g_signal_connect_object(self->service, "incoming", G_CALLBACK(handle_incoming), self,
                            G_CONNECT_SWAPPED);
    if (!g_socket_listener_add_socket(G_SOCKET_LISTENER(self->service), socket, NULL, error)) {
        return NULL;
    }
    return g_steal_pointer(&self);
}
