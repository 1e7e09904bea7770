/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "display/graphics-answer.h"
#include "display/objects.h"
#include "vm-dbus-vmm1.h"

#define MACHINE_PATH "/org/vitrine/Vmm1"

static void
update_machine(GDBusInterfaceSkeleton *interface, VmClient *client, gpointer data)
{
    VmDbusMachine *machine = VM_DBUS_MACHINE(interface);
    VmModel *model = vm_client_get_model(client);
    VmSupervisorLink *supervisor = vm_model_get_supervisor(model);
    const struct display_state *state = vm_supervisor_link_get_state(supervisor);

    vm_dbus_machine_set_name(machine, vm_model_get_name(model));
    vm_dbus_machine_set_state(machine, vm_supervisor_link_get_state_name(supervisor));
    vm_dbus_machine_set_exit_status(machine, state->exit_status);
    vm_dbus_machine_set_cause(machine, state->id);
    vm_dbus_machine_set_sentence(machine, state->sentence);
    vm_dbus_machine_set_graphics(machine, state->graphics);
    vm_dbus_machine_set_graphics_sentence(machine, state->graphics_sentence);
    vm_dbus_machine_set_graphics_restarts(machine, state->graphics_restarts);
    vm_dbus_machine_set_render_device(machine, state->render_device);
    vm_dbus_machine_set_client_count(machine, vm_model_get_client_count(model));
}

/* The requests that the supervisor decides on; each is answered when it has been passed on. */
static const struct {
    const char *signal;
    enum display_type type;
} requests[] = {
    {"handle-power-button", DISPLAY_POWER_BUTTON},
    {"handle-sleep-button", DISPLAY_SLEEP_BUTTON},
    {"handle-stop", DISPLAY_STOP},
    {"handle-restart", DISPLAY_RESTART},
    {"handle-pause", DISPLAY_PAUSE},
    {"handle-resume", DISPLAY_RESUME},
};

static gboolean
handle_request(VmDbusMachine *machine, GDBusMethodInvocation *invocation, gpointer user_data)
{
    enum display_type type = (enum display_type)GPOINTER_TO_INT(user_data);
    VmModel *model = g_object_get_data(G_OBJECT(machine), "model");

    if (vm_supervisor_link_send(vm_model_get_supervisor(model), type)) {
        g_dbus_method_invocation_return_value(invocation, NULL);
    } else {
        g_dbus_method_invocation_return_dbus_error(invocation, VM_ERROR_BUSY,
                                                   "The supervisor takes no request now.");
    }
    return TRUE;
}

static const char *
why_not_resized(int error)
{
    switch (error) {
    case -ENODEV:
        return "the machine has no such disk of its own";
    case -EROFS:
        return "the disk is read-only";
    case -EINVAL:
        return "a disk can only become longer, by whole blocks";
    case -EMEDIUMTYPE:
        return "only a disk in a file can become longer";
    default:
        return g_strerror(-error);
    }
}

static void
answer_resize(gint error, gpointer user_data)
{
    GDBusMethodInvocation *invocation = user_data;

    if (error == 0) {
        g_dbus_method_invocation_return_value(invocation, NULL);
    } else {
        g_dbus_method_invocation_return_dbus_error(
            invocation, "org.vitrine.Vmm1.Error.CannotResize", why_not_resized(error));
    }
}

static gboolean
handle_resize_disk(VmDbusMachine *machine, GDBusMethodInvocation *invocation, guint disk,
                   guint64 size)
{
    VmModel *model = g_object_get_data(G_OBJECT(machine), "model");

    if (!vm_supervisor_link_resize_disk(vm_model_get_supervisor(model), disk, size, answer_resize,
                                        invocation)) {
        g_dbus_method_invocation_return_dbus_error(invocation, VM_ERROR_BUSY,
                                                   "The supervisor takes no request now.");
    }
    return TRUE;
}

static void
answer_restart(const struct gpu_restarted *restarted, gpointer user_data)
{
    GDBusMethodInvocation *invocation = user_data;

    if (restarted && restarted->error == 0) {
        g_dbus_method_invocation_return_value(
            invocation, g_variant_new("(uu)", restarted->contexts, restarted->resources));
    } else if (restarted && restarted->error == -EOPNOTSUPP) {
        g_dbus_method_invocation_return_dbus_error(
            invocation, "org.vitrine.Vmm1.Error.NoRenderer",
            "The graphics card draws in 2D only, without a renderer.");
    } else {
        g_dbus_method_invocation_return_dbus_error(
            invocation, VM_ERROR_UNAVAILABLE,
            restarted ? "The renderer does not draw any more; restart the guest."
                      : "There is no graphics card that answers.");
    }
}

static gboolean
handle_restart_renderer(VmDbusMachine *machine, GDBusMethodInvocation *invocation,
                        gpointer user_data)
{
    VmModel *model = g_object_get_data(G_OBJECT(machine), "model");

    vm_gpu_link_restart(vm_model_get_gpu(model), answer_restart, invocation);
    return TRUE;
}

static gboolean
handle_ping(VmDbusMachine *machine, GDBusMethodInvocation *invocation, gpointer user_data)
{
    vm_dbus_machine_complete_ping(machine, invocation);
    return TRUE;
}

static void
refuse_question(GDBusMethodInvocation *invocation)
{
    g_dbus_method_invocation_return_dbus_error(invocation, VM_ERROR_BUSY,
                                               "The supervisor does not answer.");
}

static void
answer_processes(const struct display_statistics *statistics, gpointer user_data)
{
    GDBusMethodInvocation *invocation = user_data;
    GVariantBuilder processes;

    if (!statistics) {
        refuse_question(invocation);
        return;
    }
    g_variant_builder_init(&processes, G_VARIANT_TYPE("a(suutt)"));
    for (guint i = 0; i < statistics->count; i++) {
        const struct display_process *process = &statistics->process[i];

        g_variant_builder_add(&processes, "(suutt)", process->name, process->pid, process->restarts,
                              process->cpu_ns, process->memory);
    }
    g_dbus_method_invocation_return_value(invocation, g_variant_new("(a(suutt))", &processes));
}

static gboolean
handle_get_processes(VmDbusStatistics *statistics, GDBusMethodInvocation *invocation,
                     VmClient *client)
{
    vm_model_ask_statistics(vm_client_get_model(client), answer_processes, invocation);
    return TRUE;
}

static void
answer_totals(const struct display_statistics *statistics, gpointer user_data)
{
    GDBusMethodInvocation *invocation = user_data;
    GVariantBuilder totals;

    if (!statistics) {
        refuse_question(invocation);
        return;
    }
    g_variant_builder_init(&totals, G_VARIANT_TYPE_VARDICT);
    g_variant_builder_add(&totals, "{sv}", "GuestMemory",
                          g_variant_new_uint64(statistics->guest_memory));
    g_variant_builder_add(&totals, "{sv}", "DiskRead", g_variant_new_uint64(statistics->disk_read));
    g_variant_builder_add(&totals, "{sv}", "DiskWritten",
                          g_variant_new_uint64(statistics->disk_written));
    g_dbus_method_invocation_return_value(invocation, g_variant_new("(a{sv})", &totals));
}

static gboolean
handle_get_totals(VmDbusStatistics *statistics, GDBusMethodInvocation *invocation, VmClient *client)
{
    vm_model_ask_statistics(vm_client_get_model(client), answer_totals, invocation);
    return TRUE;
}

static gboolean
handle_get_graphics(VmDbusStatistics *statistics, GDBusMethodInvocation *invocation,
                    VmClient *client)
{
    vm_graphics_answer(vm_model_get_gpu(vm_client_get_model(client)), invocation);
    return TRUE;
}

static GVariant *
facts_of(const struct display_process *process)
{
    const gboolean filter = (process->jail & DISPLAY_JAIL_FILTER) != 0;
    const gboolean namespaces = (process->jail & DISPLAY_JAIL_NAMESPACES) != 0;
    GVariantBuilder facts;

    g_variant_builder_init(&facts, G_VARIANT_TYPE_VARDICT);
    g_variant_builder_add(&facts, "{sv}", "Part", g_variant_new_string(process->part));
    g_variant_builder_add(&facts, "{sv}", "Filter", g_variant_new_boolean(filter));
    g_variant_builder_add(&facts, "{sv}", "Namespaces", g_variant_new_boolean(namespaces));
    g_variant_builder_add(&facts, "{sv}", "NoNewPrivileges",
                          g_variant_new_boolean((process->jail & DISPLAY_JAIL_NO_NEW_PRIVS) != 0));
    g_variant_builder_add(&facts, "{sv}", "Capabilities",
                          g_variant_new_uint64(process->capabilities));
    g_variant_builder_add(&facts, "{sv}", "Threads", g_variant_new_uint32(process->threads));
    g_variant_builder_add(&facts, "{sv}", "DescriptorLimit",
                          g_variant_new_uint32(process->descriptors));
    g_variant_builder_add(&facts, "{sv}", "Blocked", g_variant_new_uint32(process->blocked));
    return g_variant_builder_end(&facts);
}

static void
answer_jails(const struct display_statistics *statistics, gpointer user_data)
{
    GDBusMethodInvocation *invocation = user_data;
    GVariantBuilder jails;

    if (!statistics) {
        refuse_question(invocation);
        return;
    }
    g_variant_builder_init(&jails, G_VARIANT_TYPE("a(sua{sv})"));
    for (guint i = 0; i < statistics->count; i++) {
        const struct display_process *process = &statistics->process[i];

        g_variant_builder_add(&jails, "(su@a{sv})", process->name, process->pid, facts_of(process));
    }
    g_dbus_method_invocation_return_value(invocation, g_variant_new("(a(sua{sv}))", &jails));
}

static gboolean
handle_get_jails(VmDbusSandbox *sandbox, GDBusMethodInvocation *invocation, VmClient *client)
{
    vm_model_ask_statistics(vm_client_get_model(client), answer_jails, invocation);
    return TRUE;
}

static void
update_nothing(GDBusInterfaceSkeleton *interface, VmClient *client, gpointer data)
{
}

void
vm_machine_object_export(VmClient *client)
{
    g_autoptr(VmDbusMachine) machine = vm_dbus_machine_skeleton_new();
    g_autoptr(VmDbusStatistics) statistics = vm_dbus_statistics_skeleton_new();
    g_autoptr(VmDbusSandbox) sandbox = vm_dbus_sandbox_skeleton_new();

    g_object_set_data_full(G_OBJECT(machine), "model", g_object_ref(vm_client_get_model(client)),
                           g_object_unref);
    for (guint i = 0; i < G_N_ELEMENTS(requests); i++) {
        g_signal_connect(machine, requests[i].signal, G_CALLBACK(handle_request),
                         GINT_TO_POINTER((gint)requests[i].type));
    }
    g_signal_connect(machine, "handle-resize-disk", G_CALLBACK(handle_resize_disk), NULL);
    g_signal_connect(machine, "handle-restart-renderer", G_CALLBACK(handle_restart_renderer), NULL);
    g_signal_connect(machine, "handle-ping", G_CALLBACK(handle_ping), NULL);
    g_signal_connect_object(statistics, "handle-get-processes", G_CALLBACK(handle_get_processes),
                            client, 0);
    vm_client_export(client, MACHINE_PATH, G_DBUS_INTERFACE_SKELETON(machine), update_machine,
                     NULL);
    g_signal_connect_object(statistics, "handle-get-graphics", G_CALLBACK(handle_get_graphics),
                            client, 0);
    g_signal_connect_object(statistics, "handle-get-totals", G_CALLBACK(handle_get_totals), client,
                            0);
    g_signal_connect_object(sandbox, "handle-get-jails", G_CALLBACK(handle_get_jails), client, 0);
    vm_client_export(client, MACHINE_PATH, G_DBUS_INTERFACE_SKELETON(statistics), update_nothing,
                     NULL);
    vm_client_export(client, MACHINE_PATH, G_DBUS_INTERFACE_SKELETON(sandbox), update_nothing,
                     NULL);
}
