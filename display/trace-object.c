/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* org.vitrine.Vmm1.Tracing: each client says what it wants to see, and gets the processes' rings. */

#include <errno.h>
#include <gio/gunixfdlist.h>

#include "display/objects.h"
#include "vm-dbus-vmm1.h"

#define MACHINE_PATH "/org/vitrine/Vmm1"

static void
refuse(GDBusMethodInvocation *invocation, int error)
{
    if (error == -EAGAIN) {
        g_dbus_method_invocation_return_dbus_error(invocation, VM_ERROR_UNAVAILABLE,
                                                   "it does not run yet");
    } else {
        g_dbus_method_invocation_return_dbus_error(invocation, VM_ERROR_BUSY, g_strerror(-error));
    }
}

static void
answer_start(const struct display_traced *traced, const int *rings, gpointer user_data)
{
    GDBusMethodInvocation *invocation = user_data;
    g_autoptr(GUnixFDList) list = g_unix_fd_list_new();
    GVariantBuilder processes;

    if (traced->error < 0) {
        refuse(invocation, traced->error);
        return;
    }
    g_variant_builder_init(&processes, G_VARIANT_TYPE("a(sh)"));
    for (guint i = 0; i < traced->count; i++) {
        int handle = g_unix_fd_list_append(list, rings[i], NULL);

        if (handle >= 0) {
            g_variant_builder_add(&processes, "(sh)", traced->name[i], handle);
        }
    }
    g_dbus_method_invocation_return_value_with_unix_fd_list(
        invocation, g_variant_new("(a(sh))", &processes), list);
}

static gboolean
handle_start(VmDbusTracing *tracing, GDBusMethodInvocation *invocation, GUnixFDList *fds,
             guint events, VmClient *client)
{
    if (!vm_model_trace(vm_client_get_model(client), client, events, answer_start, invocation)) {
        refuse(invocation, -EBUSY);
    }
    return TRUE;
}

static gboolean
handle_stop(VmDbusTracing *tracing, GDBusMethodInvocation *invocation, VmClient *client)
{
    vm_model_trace_end(vm_client_get_model(client), client);
    vm_dbus_tracing_complete_stop(tracing, invocation);
    return TRUE;
}

static void
update_nothing(GDBusInterfaceSkeleton *interface, VmClient *client, gpointer data)
{
}

void
vm_trace_object_export(VmClient *client)
{
    g_autoptr(VmDbusTracing) tracing = vm_dbus_tracing_skeleton_new();

    g_signal_connect_object(tracing, "handle-start", G_CALLBACK(handle_start), client, 0);
    g_signal_connect_object(tracing, "handle-stop", G_CALLBACK(handle_stop), client, 0);
    vm_client_export(client, MACHINE_PATH, G_DBUS_INTERFACE_SKELETON(tracing), update_nothing,
                     NULL);
}
