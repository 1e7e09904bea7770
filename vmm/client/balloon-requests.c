/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a connection asks of the guest's balloon. */

#include "vmm/client/private.h"

#define GUEST_PATH "/org/vitrine/Vmm1/Guest"
#define BALLOON    "org.vitrine.Vmm1.BalloonController"
#define PAGE_SIZE  G_GUINT64_CONSTANT(4096)

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

/* Takes `task` and a floating `arguments`; the reply, of that type, ends the task. */
static void
call_balloon(VmConnection *self, const char *method, GVariant *arguments, const char *type,
             GTask *task)
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
    g_dbus_connection_call(link, NULL, GUEST_PATH, BALLOON, method, arguments, G_VARIANT_TYPE(type),
                           G_DBUS_CALL_FLAGS_NONE, VM_CALL_TIMEOUT_MS, g_task_get_cancellable(task),
                           handle_reply, task);
}

void
vm_connection_set_balloon_async(VmConnection *self, guint64 size, GCancellable *cancellable,
                                GAsyncReadyCallback callback, gpointer user_data)
{
    g_return_if_fail(VM_IS_CONNECTION(self));
    call_balloon(self, "RequestNumPages",
                 g_variant_new("(u)", (guint)MIN(size / PAGE_SIZE, G_MAXUINT)), "()",
                 g_task_new(self, cancellable, callback, user_data));
}

gboolean
vm_connection_set_balloon_finish(VmConnection *self, GAsyncResult *result, GError **error)
{
    g_autoptr(GVariant) reply = NULL;

    g_return_val_if_fail(g_task_is_valid(result, self), FALSE);
    reply = g_task_propagate_pointer(G_TASK(result), error);
    return reply != NULL;
}

void
vm_connection_get_balloon_async(VmConnection *self, GCancellable *cancellable,
                                GAsyncReadyCallback callback, gpointer user_data)
{
    g_return_if_fail(VM_IS_CONNECTION(self));
    call_balloon(self, "GetBalloonSize", NULL, "(uu)",
                 g_task_new(self, cancellable, callback, user_data));
}

gboolean
vm_connection_get_balloon_finish(VmConnection *self, GAsyncResult *result, guint64 *ret_actual,
                                 guint64 *ret_requested, GError **error)
{
    g_autoptr(GVariant) reply = NULL;
    guint actual = 0;
    guint requested = 0;

    g_return_val_if_fail(g_task_is_valid(result, self), FALSE);
    reply = g_task_propagate_pointer(G_TASK(result), error);
    if (!reply) {
        return FALSE;
    }
    g_variant_get(reply, "(uu)", &actual, &requested);
    *ret_actual = actual * PAGE_SIZE;
    *ret_requested = requested * PAGE_SIZE;
    return TRUE;
}

void
vm_connection_get_memory_statistics_async(VmConnection *self, GCancellable *cancellable,
                                          GAsyncReadyCallback callback, gpointer user_data)
{
    g_return_if_fail(VM_IS_CONNECTION(self));
    call_balloon(self, "GetMemStats", NULL, "(a(qt))",
                 g_task_new(self, cancellable, callback, user_data));
}

GVariant *
vm_connection_get_memory_statistics_finish(VmConnection *self, GAsyncResult *result, GError **error)
{
    g_autoptr(GVariant) reply = NULL;

    g_return_val_if_fail(g_task_is_valid(result, self), NULL);
    reply = g_task_propagate_pointer(G_TASK(result), error);
    return reply ? g_variant_get_child_value(reply, 0) : NULL;
}
