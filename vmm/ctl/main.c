/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * vmm-ctl: the sub-commands of `vmm` that talk to a running machine. Started by `vmm` with the same
 * words; speaks org.vitrine.Vmm1 on the machine's control socket, as every client does.
 */

#include <stdio.h>
#include <string.h>

#include <gio/gio.h>

#include "vmm/client/vm-connection.h"
#include "vmm/ctl/machines.h"

#define ANSWER_LIMIT_S 10
#define STATUS_FAILED  33
#define STATUS_USAGE   35

typedef struct {
    GMainLoop *loop;
    const char *machine;
    int request; /* VmRequest, or -1: statistics */
    gboolean asked;
    int status;
} Call;

static const struct {
    const char *name;
    int request;
    const char *help;
} verbs[] = {
    {"stop", VM_REQUEST_STOP, "end the machine at once; the guest is not told"},
    {"powerbtn", VM_REQUEST_POWER_BUTTON, "press the power button; the guest decides"},
    {"restart", VM_REQUEST_RESTART, "end the machine with status 32, or start it over (--restart)"},
    {"suspend", VM_REQUEST_PAUSE, "stop the processors"},
    {"resume", VM_REQUEST_RESUME, "let them go on"},
    {"ping", VM_REQUEST_PING, "does the machine's display server answer?"},
    {"stats", -1, "CPU time and memory of each part"},
};

static void
finish(Call *call, int status)
{
    call->status = status;
    g_main_loop_quit(call->loop);
}

static void
fail(Call *call, const GError *error)
{
    fprintf(stderr, "vmm: The machine “%s” did not do that (%s).\n", call->machine, error->message);
    finish(call, STATUS_FAILED);
}

static void
requested(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(GError) error = NULL;

    if (vm_connection_request_finish(VM_CONNECTION(source), result, &error)) {
        finish(data, 0);
    } else {
        fail(data, error);
    }
}

static void
got_processes(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) processes =
        vm_connection_get_processes_finish(VM_CONNECTION(source), result, &error);

    if (!processes) {
        fail(data, error);
        return;
    }
    g_print("%-16s%8s%10s%12s%10s\n", "part", "pid", "cpu s", "memory KiB", "restarts");
    for (guint i = 0; i < processes->len; i++) {
        const VmProcess *process = g_ptr_array_index(processes, i);

        g_print("%-16s%8u%10.2f%12" G_GUINT64_FORMAT "%10u\n", process->name, process->pid,
                (double)process->cpu_ns / 1e9, process->memory / 1024, process->restarts);
    }
    finish(data, 0);
}

static void
state_changed(VmConnection *connection, GParamSpec *spec, gpointer data)
{
    Call *call = data;
    VmConnectionState state = vm_connection_get_state(connection);

    if (state == VM_CONNECTION_READY && !call->asked) {
        call->asked = TRUE;
        if (call->request < 0) {
            vm_connection_get_processes_async(connection, NULL, got_processes, call);
        } else {
            vm_connection_request_async(connection, (VmRequest)call->request, NULL, requested,
                                        call);
        }
    } else if (state == VM_CONNECTION_WAITING && !call->asked) {
        const char *why = vm_connection_get_error_message(connection);

        fprintf(stderr, "vmm: No machine answers at “%s” (%s); `vmm list` shows those that run.\n",
                vm_connection_get_path(connection), why ? why : "no answer");
        finish(call, STATUS_FAILED);
    }
}

static gboolean
too_late(gpointer data)
{
    Call *call = data;

    fprintf(stderr, "vmm: The machine “%s” does not answer; try again, or end its process.\n",
            call->machine);
    finish(call, STATUS_FAILED);
    return G_SOURCE_REMOVE;
}

static int
call_machine(const char *machine, int request)
{
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    g_autofree char *socket = machines_socket(machine);
    g_autoptr(VmConnection) connection = vm_connection_new(socket);
    Call call = {.loop = loop, .machine = machine, .request = request, .status = STATUS_FAILED};

    g_signal_connect(connection, "notify::state", G_CALLBACK(state_changed), &call);
    g_timeout_add_seconds(ANSWER_LIMIT_S, too_late, &call);
    vm_connection_open(connection);
    g_main_loop_run(loop);
    g_signal_handlers_disconnect_by_data(connection, &call);
    vm_connection_close(connection);
    return call.status;
}

int
main(int argc, char **argv)
{
    const char *verb = argc > 1 ? argv[1] : "";

    if (strcmp(verb, "list") == 0 && argc == 2) {
        machines_list();
        return 0;
    }
    for (gsize i = 0; i < G_N_ELEMENTS(verbs); i++) {
        if (strcmp(verbs[i].name, verb) == 0 && argc == 3) {
            return call_machine(argv[2], verbs[i].request);
        }
    }
    fprintf(stderr,
            "vmm: “%s” is not a command with these arguments; commands for machines are list",
            verb);
    for (gsize i = 0; i < G_N_ELEMENTS(verbs); i++) {
        fprintf(stderr, ", %s", verbs[i].name);
    }
    fprintf(stderr, " (vmm COMMAND NAME|SOCKET).\n");
    return STATUS_USAGE;
}
