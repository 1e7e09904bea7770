/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a connection asks of the machine's displays. */

#include "vmm/client/private.h"

#define DISPLAYS   "org.vitrine.Vmm1.Displays"
#define PROPERTIES "org.freedesktop.DBus.Properties"

/* Takes `task` and a floating `arguments`; the reply, of that type, ends the task. */
static void
call_displays(VmConnection *self, const char *method, GVariant *arguments, const char *type,
              GTask *task)
{
    const gboolean asks = g_str_equal(method, "GetAll");
    const VmMethod call = {VM_MACHINE_PATH, asks ? PROPERTIES : DISPLAYS, method, type};

    vm_connection_call(self, &call, arguments, task);
}

static gboolean
finish_call(VmConnection *self, GAsyncResult *result, GError **error)
{
    g_autoptr(GVariant) reply = NULL;

    g_return_val_if_fail(g_task_is_valid(result, self), FALSE);
    reply = g_task_propagate_pointer(G_TASK(result), error);
    return reply != NULL;
}

void
vm_connection_add_display_async(VmConnection *self, const VmDisplayMode *mode,
                                GCancellable *cancellable, GAsyncReadyCallback callback,
                                gpointer user_data)
{
    g_return_if_fail(VM_IS_CONNECTION(self));
    call_displays(
        self, "Add",
        g_variant_new("(uuuu)", mode->width, mode->height, mode->width_mm, mode->height_mm), "(u)",
        g_task_new(self, cancellable, callback, user_data));
}

gboolean
vm_connection_add_display_finish(VmConnection *self, GAsyncResult *result, guint *ret_display,
                                 GError **error)
{
    g_autoptr(GVariant) reply = NULL;

    g_return_val_if_fail(g_task_is_valid(result, self), FALSE);
    reply = g_task_propagate_pointer(G_TASK(result), error);
    if (!reply) {
        return FALSE;
    }
    g_variant_get(reply, "(u)", ret_display);
    return TRUE;
}

void
vm_connection_remove_display_async(VmConnection *self, guint display, GCancellable *cancellable,
                                   GAsyncReadyCallback callback, gpointer user_data)
{
    g_return_if_fail(VM_IS_CONNECTION(self));
    call_displays(self, "Remove", g_variant_new("(u)", display), "()",
                  g_task_new(self, cancellable, callback, user_data));
}

gboolean
vm_connection_remove_display_finish(VmConnection *self, GAsyncResult *result, GError **error)
{
    return finish_call(self, result, error);
}

/* GIO's usual form. */
void
vm_connection_set_display_mode_async(VmConnection *self, guint display, const VmDisplayMode *mode,
                                     GCancellable *cancellable, GAsyncReadyCallback callback,
                                     gpointer user_data)
{
    g_return_if_fail(VM_IS_CONNECTION(self));
    call_displays(self, "SetMode",
                  g_variant_new("(uuuuu)", display, mode->width, mode->height, mode->width_mm,
                                mode->height_mm),
                  "()", g_task_new(self, cancellable, callback, user_data));
}

gboolean
vm_connection_set_display_mode_finish(VmConnection *self, GAsyncResult *result, GError **error)
{
    return finish_call(self, result, error);
}

void
vm_connection_get_displays_async(VmConnection *self, GCancellable *cancellable,
                                 GAsyncReadyCallback callback, gpointer user_data)
{
    g_return_if_fail(VM_IS_CONNECTION(self));
    call_displays(self, "GetAll", g_variant_new("(s)", DISPLAYS), "(a{sv})",
                  g_task_new(self, cancellable, callback, user_data));
}

GVariant *
vm_connection_get_displays_finish(VmConnection *self, GAsyncResult *result, guint *ret_maximum,
                                  GError **error)
{
    g_autoptr(GVariant) reply = NULL;
    g_autoptr(GVariant) values = NULL;
    GVariant *displays;
    guint maximum = 0;

    g_return_val_if_fail(g_task_is_valid(result, self), NULL);
    reply = g_task_propagate_pointer(G_TASK(result), error);
    if (!reply) {
        return NULL;
    }
    values = g_variant_get_child_value(reply, 0);
    displays = g_variant_lookup_value(values, "Displays", G_VARIANT_TYPE("a(uuuuu)"));
    if (!displays || !g_variant_lookup(values, "Maximum", "u", &maximum)) {
        g_clear_pointer(&displays, g_variant_unref);
        g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "unexpected answer");
        return NULL;
    }
    if (ret_maximum) {
        *ret_maximum = maximum;
    }
    return displays;
}
