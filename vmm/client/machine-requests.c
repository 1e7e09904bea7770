/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a connection asks of the machine as a whole. */

#include "vmm/client/plain-text.h"
#include "vmm/client/private.h"

#define STATISTICS "org.vitrine.Vmm1.Statistics"
#define SANDBOX    "org.vitrine.Vmm1.Sandbox"

enum {
    PROCESSES_MAX = 64,  /* a machine has no more */
    NAME_MAX_CHARS = 64, /* of a process */
};

/* A call to the machine object whose answer ends `task` through `callback`; takes `task`. */
static void
call_machine(VmConnection *self, const char *interface, const char *method, GTask *task,
             GAsyncReadyCallback callback)
{
    GDBusConnection *link = vm_connection_get_link(self);

    if (!link) {
        g_task_return_new_error(task, G_IO_ERROR, G_IO_ERROR_NOT_CONNECTED, "not connected");
        g_object_unref(task);
        return;
    }
    g_dbus_connection_call(link, NULL, VM_MACHINE_PATH, interface, method, NULL, NULL,
                           G_DBUS_CALL_FLAGS_NONE, VM_CALL_TIMEOUT_MS, g_task_get_cancellable(task),
                           callback, task);
}

static void
handle_request_done(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    GError *error = NULL;
    g_autoptr(GVariant) reply =
        g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, &error);

    if (reply) {
        g_task_return_boolean(task, TRUE);
    } else {
        g_dbus_error_strip_remote_error(error);
        g_task_return_error(task, error);
    }
}

void
vm_connection_request_async(VmConnection *self, VmRequest request, GCancellable *cancellable,
                            GAsyncReadyCallback callback, gpointer user_data)
{
    static const char *const methods[] = {
        [VM_REQUEST_POWER_BUTTON] = "PowerButton",
        [VM_REQUEST_STOP] = "Stop",
        [VM_REQUEST_RESTART] = "Restart",
        [VM_REQUEST_PAUSE] = "Pause",
        [VM_REQUEST_RESUME] = "Resume",
        [VM_REQUEST_PING] = "Ping",
        [VM_REQUEST_SLEEP_BUTTON] = "SleepButton",
    };

    g_return_if_fail(VM_IS_CONNECTION(self));
    g_return_if_fail((guint)request < G_N_ELEMENTS(methods));
    call_machine(self, VM_MACHINE_INTERFACE, methods[request],
                 g_task_new(self, cancellable, callback, user_data), handle_request_done);
}

gboolean
vm_connection_request_finish(VmConnection *self, GAsyncResult *result, GError **error)
{
    g_return_val_if_fail(g_task_is_valid(result, self), FALSE);
    return g_task_propagate_boolean(G_TASK(result), error);
}

/* GIO's usual form. */
void
vm_connection_resize_disk_async(VmConnection *self, guint disk, guint64 size,
                                GCancellable *cancellable, GAsyncReadyCallback callback,
                                gpointer user_data)
{
    GTask *task = g_task_new(self, cancellable, callback, user_data);
    GDBusConnection *link;

    g_return_if_fail(VM_IS_CONNECTION(self));
    link = vm_connection_get_link(self);
    if (!link) {
        g_task_return_new_error(task, G_IO_ERROR, G_IO_ERROR_NOT_CONNECTED, "not connected");
        g_object_unref(task);
        return;
    }
    g_dbus_connection_call(link, NULL, VM_MACHINE_PATH, VM_MACHINE_INTERFACE, "ResizeDisk",
                           g_variant_new("(ut)", disk, size), NULL, G_DBUS_CALL_FLAGS_NONE,
                           VM_CALL_TIMEOUT_MS, cancellable, handle_request_done, task);
}

gboolean
vm_connection_resize_disk_finish(VmConnection *self, GAsyncResult *result, GError **error)
{
    g_return_val_if_fail(g_task_is_valid(result, self), FALSE);
    return g_task_propagate_boolean(G_TASK(result), error);
}

VmProcess *
vm_process_copy(const VmProcess *process)
{
    VmProcess *copy = g_memdup2(process, sizeof(*process));

    copy->name = g_strdup(process->name);
    return copy;
}

void
vm_process_free(VmProcess *process)
{
    g_free(process->name);
    g_free(process);
}

G_DEFINE_BOXED_TYPE(VmProcess, vm_process, vm_process_copy, vm_process_free)

static void
handle_processes(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    g_autoptr(GPtrArray) processes =
        g_ptr_array_new_with_free_func((GDestroyNotify)(void (*)(void))vm_process_free);
    g_autoptr(GVariantIter) iter = NULL;
    GError *error = NULL;
    g_autoptr(GVariant) reply =
        g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, &error);
    VmProcess process;
    const char *name;

    if (!reply || !g_variant_is_of_type(reply, G_VARIANT_TYPE("(a(suutt))"))) {
        g_task_return_error(task, error ? error
                                        : g_error_new_literal(G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                                                              "unexpected answer"));
        return;
    }
    g_variant_get(reply, "(a(suutt))", &iter);
    while (processes->len < PROCESSES_MAX &&
           g_variant_iter_next(iter, "(&suutt)", &name, &process.pid, &process.restarts,
                               &process.cpu_ns, &process.memory)) {
        process.name = vm_plain_text(name, NAME_MAX_CHARS);
        g_ptr_array_add(processes, g_memdup2(&process, sizeof(process)));
    }
    g_task_return_pointer(task, g_steal_pointer(&processes),
                          (GDestroyNotify)(void (*)(void))g_ptr_array_unref);
}

void
vm_connection_get_processes_async(VmConnection *self, GCancellable *cancellable,
                                  GAsyncReadyCallback callback, gpointer user_data)
{
    g_return_if_fail(VM_IS_CONNECTION(self));
    call_machine(self, STATISTICS, "GetProcesses",
                 g_task_new(self, cancellable, callback, user_data), handle_processes);
}

GPtrArray *
vm_connection_get_processes_finish(VmConnection *self, GAsyncResult *result, GError **error)
{
    g_return_val_if_fail(g_task_is_valid(result, self), NULL);
    return g_task_propagate_pointer(G_TASK(result), error);
}

VmJail *
vm_jail_copy(const VmJail *jail)
{
    VmJail *copy = g_memdup2(jail, sizeof(*jail));

    copy->name = g_strdup(jail->name);
    copy->part = g_strdup(jail->part);
    return copy;
}

void
vm_jail_free(VmJail *jail)
{
    g_free(jail->name);
    g_free(jail->part);
    g_free(jail);
}

G_DEFINE_BOXED_TYPE(VmJail, vm_jail, vm_jail_copy, vm_jail_free)

static VmJail *
read_jail(GVariant *tuple)
{
    VmJail *jail = g_new0(VmJail, 1);
    g_autoptr(GVariant) facts = NULL;
    const char *name;
    const char *part;

    g_variant_get(tuple, "(&su@a{sv})", &name, &jail->pid, &facts);
    jail->name = vm_plain_text(name, NAME_MAX_CHARS);
    jail->part =
        vm_plain_text(g_variant_lookup(facts, "Part", "&s", &part) ? part : "", NAME_MAX_CHARS);
    (void)g_variant_lookup(facts, "Filter", "b", &jail->filter);
    (void)g_variant_lookup(facts, "Namespaces", "b", &jail->namespaces);
    (void)g_variant_lookup(facts, "NoNewPrivileges", "b", &jail->no_new_privileges);
    (void)g_variant_lookup(facts, "Capabilities", "t", &jail->capabilities);
    (void)g_variant_lookup(facts, "Threads", "u", &jail->threads);
    (void)g_variant_lookup(facts, "DescriptorLimit", "u", &jail->descriptors);
    (void)g_variant_lookup(facts, "Blocked", "u", &jail->blocked);
    return jail;
}

/* The reply when it has that type, else NULL and the task has failed. */
static GVariant *
take_reply(GObject *source, GAsyncResult *result, GTask *task, const char *type)
{
    GError *error = NULL;
    g_autoptr(GVariant) reply =
        g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, &error);

    if (reply && g_variant_is_of_type(reply, G_VARIANT_TYPE(type))) {
        return g_steal_pointer(&reply);
    }
    g_task_return_error(task, error ? error
                                    : g_error_new_literal(G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                                                          "unexpected answer"));
    return NULL;
}

static void
handle_jails(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    g_autoptr(GVariant) reply = take_reply(source, result, task, "(a(sua{sv}))");
    g_autoptr(GVariant) list = NULL;
    g_autoptr(GPtrArray) jails =
        g_ptr_array_new_with_free_func((GDestroyNotify)(void (*)(void))vm_jail_free);

    if (!reply) {
        return;
    }
    list = g_variant_get_child_value(reply, 0);
    for (gsize i = 0; i < MIN(g_variant_n_children(list), PROCESSES_MAX); i++) {
        g_autoptr(GVariant) tuple = g_variant_get_child_value(list, i);
        g_ptr_array_add(jails, read_jail(tuple));
    }
    g_task_return_pointer(task, g_steal_pointer(&jails),
                          (GDestroyNotify)(void (*)(void))g_ptr_array_unref);
}

void
vm_connection_get_jails_async(VmConnection *self, GCancellable *cancellable,
                              GAsyncReadyCallback callback, gpointer user_data)
{
    g_return_if_fail(VM_IS_CONNECTION(self));
    call_machine(self, SANDBOX, "GetJails", g_task_new(self, cancellable, callback, user_data),
                 handle_jails);
}

GPtrArray *
vm_connection_get_jails_finish(VmConnection *self, GAsyncResult *result, GError **error)
{
    g_return_val_if_fail(g_task_is_valid(result, self), NULL);
    return g_task_propagate_pointer(G_TASK(result), error);
}

static void
handle_totals(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    g_autoptr(GVariant) reply = take_reply(source, result, task, "(a{sv})");
    g_autoptr(GVariant) facts = NULL;
    VmTotals *totals = NULL;

    if (!reply) {
        return;
    }
    totals = g_new0(VmTotals, 1);
    facts = g_variant_get_child_value(reply, 0);
    (void)g_variant_lookup(facts, "GuestMemory", "t", &totals->guest_memory);
    (void)g_variant_lookup(facts, "DiskRead", "t", &totals->disk_read);
    (void)g_variant_lookup(facts, "DiskWritten", "t", &totals->disk_written);
    g_task_return_pointer(task, totals, g_free);
}

void
vm_connection_get_totals_async(VmConnection *self, GCancellable *cancellable,
                               GAsyncReadyCallback callback, gpointer user_data)
{
    g_return_if_fail(VM_IS_CONNECTION(self));
    call_machine(self, STATISTICS, "GetTotals", g_task_new(self, cancellable, callback, user_data),
                 handle_totals);
}

gboolean
vm_connection_get_totals_finish(VmConnection *self, GAsyncResult *result, VmTotals *ret_totals,
                                GError **error)
{
    g_autofree VmTotals *totals = NULL;

    g_return_val_if_fail(g_task_is_valid(result, self), FALSE);
    totals = g_task_propagate_pointer(G_TASK(result), error);
    if (totals) {
        *ret_totals = *totals;
    }
    return totals != NULL;
}

static void
handle_graphics(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    GVariant *reply = take_reply(source, result, task, "(a{sv}a(uustttttt))");

    if (reply) {
        g_task_return_pointer(task, reply, (GDestroyNotify)(void (*)(void))g_variant_unref);
    }
}

void
vm_connection_get_graphics_counters_async(VmConnection *self, GCancellable *cancellable,
                                          GAsyncReadyCallback callback, gpointer user_data)
{
    g_return_if_fail(VM_IS_CONNECTION(self));
    call_machine(self, STATISTICS, "GetGraphics",
                 g_task_new(self, cancellable, callback, user_data), handle_graphics);
}

GVariant *
vm_connection_get_graphics_counters_finish(VmConnection *self, GAsyncResult *result, GError **error)
{
    g_return_val_if_fail(g_task_is_valid(result, self), NULL);
    return g_task_propagate_pointer(G_TASK(result), error);
}

static void
handle_renderer(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    GVariant *reply = take_reply(source, result, task, "(uu)");

    if (reply) {
        g_task_return_pointer(task, reply, (GDestroyNotify)(void (*)(void))g_variant_unref);
    }
}

void
vm_connection_restart_renderer_async(VmConnection *self, GCancellable *cancellable,
                                     GAsyncReadyCallback callback, gpointer user_data)
{
    g_return_if_fail(VM_IS_CONNECTION(self));
    call_machine(self, VM_MACHINE_INTERFACE, "RestartRenderer",
                 g_task_new(self, cancellable, callback, user_data), handle_renderer);
}

gboolean
vm_connection_restart_renderer_finish(VmConnection *self, GAsyncResult *result, guint *ret_contexts,
                                      guint *ret_resources, GError **error)
{
    g_autoptr(GVariant) reply = NULL;
    guint contexts = 0;
    guint resources = 0;

    g_return_val_if_fail(g_task_is_valid(result, self), FALSE);
    reply = g_task_propagate_pointer(G_TASK(result), error);
    if (!reply) {
        return FALSE;
    }
    g_variant_get(reply, "(uu)", &contexts, &resources);
    if (ret_contexts) {
        *ret_contexts = contexts;
    }
    if (ret_resources) {
        *ret_resources = resources;
    }
    return TRUE;
}
