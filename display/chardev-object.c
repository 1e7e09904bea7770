/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <sys/socket.h>

#include "display/objects.h"
#include "vm-dbus-display1.h"
#include "vm-dbus-vmm1.h"
#include "vmm/base/fd.h"

static VmPort *
port_of(gpointer interface)
{
    return VM_PORT(g_object_get_data(G_OBJECT(interface), "port"));
}

static void
update_nothing(GDBusInterfaceSkeleton *interface, VmClient *client, gpointer data)
{
}

static gboolean
is_stream(int fd)
{
    int type = 0;
    socklen_t size = sizeof(type);

    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM;
}

static gboolean
handle_register(VmDbusChardev *chardev, GDBusMethodInvocation *invocation, GUnixFDList *fds,
                GVariant *handle)
{
    g_autoptr(GError) error = NULL;
    cleanup_fd int fd = vm_client_take_handle(fds, handle, &error);

    if (fd >= 0 && !is_stream(fd)) {
        g_set_error_literal(&error, G_DBUS_ERROR, G_DBUS_ERROR_INVALID_ARGS, "not a stream socket");
    }
    if (error || !vm_port_add_reader(port_of(chardev), take_fd(&fd), &error)) {
        g_dbus_method_invocation_return_gerror(invocation, error);
        return TRUE;
    }
    vm_dbus_chardev_complete_register(chardev, invocation, NULL);
    return TRUE;
}

static gboolean
handle_send_break(VmDbusChardev *chardev, GDBusMethodInvocation *invocation)
{
    g_dbus_method_invocation_return_dbus_error(invocation, VM_ERROR_UNSUPPORTED,
                                               "The port has no break condition.");
    return TRUE;
}

void
vm_chardev_object_export(VmClient *client, VmPort *port)
{
    g_autoptr(VmDbusChardev) chardev = vm_dbus_chardev_skeleton_new();
    g_autoptr(VmDbusPort) label = vm_dbus_port_skeleton_new();
    g_autofree char *element =
        g_strcanon(g_strdup(vm_port_get_name(port)), G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS, '_');
    g_autofree char *path = g_strdup_printf("/org/qemu/Display1/Chardev_%s", element);
    g_autofree char *name = g_strdup_printf("org.qemu.console.%s", vm_port_get_name(port));

    vm_dbus_chardev_set_name(chardev, name);
    vm_dbus_chardev_set_feopened(chardev, TRUE);
    vm_dbus_chardev_set_echo(chardev, FALSE);
    vm_dbus_chardev_set_owner(chardev, "");
    vm_dbus_port_set_label(label, vm_port_get_label(port));
    g_object_set_data(G_OBJECT(chardev), "port", port);
    g_signal_connect(chardev, "handle-register", G_CALLBACK(handle_register), NULL);
    g_signal_connect(chardev, "handle-send-break", G_CALLBACK(handle_send_break), NULL);
    vm_client_export(client, path, G_DBUS_INTERFACE_SKELETON(chardev), update_nothing, NULL);
    vm_client_export(client, path, G_DBUS_INTERFACE_SKELETON(label), update_nothing, NULL);
}
