/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a connection asks of the guest's balloon. */

#include "vmm/client/private.h"

#define GUEST_PATH "/org/vitrine/Vmm1/Guest"
#define BALLOON    "org.vitrine.Vmm1.BalloonController"
#define PAGE_SIZE  G_GUINT64_CONSTANT(4096)

/* Takes `task` and a floating `arguments`; the reply, of that type, ends the task. */
static void
call_balloon(VmConnection *self, const char *method, GVariant *arguments, const char *type,
             GTask *task)
{
    const VmMethod call = {GUEST_PATH, BALLOON, method, type};

    vm_connection_call(self, &call, arguments, task);
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
