/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A method call whose reply ends a task. */

#include "vmm/client/private.h"

static void
handle_reply(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    GError *error = NULL;
    GVariant *reply = g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, &error);

    if (reply) {
        g_task_return_pointer(task, reply, (GDestroyNotify)(void (*)(void))g_variant_unref);
    } else {
        g_dbus_error_strip_remote_error(error);
        g_task_return_error(task, error);
    }
}

void
vm_connection_call(VmConnection *self, const VmMethod *method, GVariant *arguments, GTask *task)
{
    GDBusConnection *link = vm_connection_get_link(self);

    if (!link) {
        if (arguments) {
            g_variant_unref(g_variant_ref_sink(arguments));
        }
        g_task_return_new_error(task, G_IO_ERROR, G_IO_ERROR_NOT_CONNECTED, "not connected");
        g_object_unref(task);
        return;
    }
    g_dbus_connection_call(link, NULL, method->path, method->interface, method->name, arguments,
                           G_VARIANT_TYPE(method->type), G_DBUS_CALL_FLAGS_NONE, VM_CALL_TIMEOUT_MS,
                           g_task_get_cancellable(task), handle_reply, task);
}
