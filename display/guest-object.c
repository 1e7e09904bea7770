/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gio/gunixfdlist.h>
#include <sys/socket.h>

#include "display/balloon-object.h"
#include "display/guest-error.h"
#include "display/objects.h"
#include "vm-dbus-vmm1.h"
#include "vmm/base/fd.h"

#define GUEST_PATH "/org/vitrine/Vmm1/Guest"

static void
update_nothing(GDBusInterfaceSkeleton *interface, VmClient *client, gpointer data)
{
}

static VmPort *
find_port(GObject *guest, const char *prefix)
{
    GPtrArray *ports = vm_model_get_ports(g_object_get_data(guest, "model"));

    for (guint i = 0; i < ports->len; i++) {
        if (g_str_has_prefix(vm_port_get_name(g_ptr_array_index(ports, i)), prefix)) {
            return g_ptr_array_index(ports, i);
        }
    }
    return NULL;
}

/* A list with the client's end of a new reader of the port. */
static GUnixFDList *
open_port(VmPort *port, GError **error)
{
    g_autoptr(GUnixFDList) fds = g_unix_fd_list_new();
    int pair[2];
    int r = fd_socket_pair(SOCK_STREAM, pair);

    if (r < 0) {
        g_set_error(error, VM_GUEST_ERROR, GUEST_ERROR_INTERNAL_ERROR,
                    "No socket can be made (%s).", g_strerror(-r));
        return NULL;
    }
    cleanup_fd int theirs = pair[1];
    if (!vm_port_add_reader(port, pair[0], error) ||
        g_unix_fd_list_append(fds, theirs, error) < 0) {
        return NULL;
    }
    return g_steal_pointer(&fds);
}

/* `user_data` is the first part of the port's name. */
static gboolean
handle_get_port(VmDbusGuest *guest, GDBusMethodInvocation *invocation, GUnixFDList *none,
                gpointer user_data)
{
    VmPort *port = find_port(G_OBJECT(guest), user_data);
    g_autoptr(GError) error = NULL;
    g_autoptr(GUnixFDList) fds = NULL;

    if (!port) {
        g_dbus_method_invocation_return_dbus_error(invocation, VM_ERROR_UNAVAILABLE,
                                                   "The machine has no such port.");
        return TRUE;
    }
    fds = open_port(port, &error);
    if (fds) {
        g_dbus_method_invocation_return_value_with_unix_fd_list(invocation, g_variant_new("(h)", 0),
                                                                fds);
    } else {
        g_dbus_method_invocation_return_gerror(invocation, error);
    }
    return TRUE;
}

/* For every method that needs `user_data`, which no machine has yet. Descriptors go with the message. */
static void
answer_not_present(GDBusMethodInvocation *invocation, const char *device)
{
    g_dbus_method_invocation_return_error(invocation, VM_GUEST_ERROR,
                                          GUEST_ERROR_DEVICE_NOT_PRESENT,
                                          "The machine has no %s device.", device);
}

static gboolean
handle_get_endpoint(VmDbusGuest *guest, GDBusMethodInvocation *invocation, GUnixFDList *fds,
                    GVariant *handle, gpointer user_data)
{
    answer_not_present(invocation, user_data);
    return TRUE;
}

static gboolean
handle_vsock_connect(VmDbusHostVsockEndpoint *endpoint, GDBusMethodInvocation *invocation,
                     GUnixFDList *fds, guint port)
{
    answer_not_present(invocation, "vsock");
    return TRUE;
}

static gboolean
handle_vsock_listen(VmDbusHostVsockEndpoint *endpoint, GDBusMethodInvocation *invocation,
                    GUnixFDList *fds, guint port, GVariant *acceptor)
{
    answer_not_present(invocation, "vsock");
    return TRUE;
}

static void
export_guest(VmClient *client)
{
    static char console[] = "console.";
    static char serial[] = "serial.";
    static char vsock[] = "vsock";
    g_autoptr(VmDbusGuest) guest = vm_dbus_guest_skeleton_new();

    g_object_set_data_full(G_OBJECT(guest), "model", g_object_ref(vm_client_get_model(client)),
                           g_object_unref);
    g_signal_connect(guest, "handle-get-console", G_CALLBACK(handle_get_port), console);
    g_signal_connect(guest, "handle-get-serial", G_CALLBACK(handle_get_port), serial);
    g_signal_connect(guest, "handle-get-host-vsock-endpoint", G_CALLBACK(handle_get_endpoint),
                     vsock);
    g_signal_connect_object(guest, "handle-get-balloon-controller",
                            G_CALLBACK(vm_balloon_object_get_controller), client, 0);
    vm_client_export(client, GUEST_PATH, G_DBUS_INTERFACE_SKELETON(guest), update_nothing, NULL);
}

void
vm_guest_object_export(VmClient *client)
{
    g_autoptr(VmDbusHostVsockEndpoint) vsock = vm_dbus_host_vsock_endpoint_skeleton_new();

    export_guest(client);
    g_signal_connect(vsock, "handle-connect", G_CALLBACK(handle_vsock_connect), NULL);
    g_signal_connect(vsock, "handle-listen", G_CALLBACK(handle_vsock_listen), NULL);
    vm_client_export(client, GUEST_PATH, G_DBUS_INTERFACE_SKELETON(vsock), update_nothing, NULL);
    vm_balloon_object_export(client);
}
