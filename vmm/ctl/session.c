/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/ctl/session.h"

#include "vmm/client/vm-machines.h"

#define ANSWER_LIMIT_S 10

static gboolean
raise_flag(gpointer data)
{
    *(gboolean *)data = TRUE;
    return G_SOURCE_REMOVE;
}

void
session_sleep_ms(guint ms)
{
    gboolean over = FALSE;

    g_timeout_add(ms, raise_flag, &over);
    while (!over) {
        g_main_context_iteration(NULL, TRUE);
    }
}

VmConnection *
session_open(const char *machine)
{
    g_autofree char *socket = vm_machines_dup_socket_path(machine);
    g_autoptr(VmConnection) connection = vm_connection_new(socket);
    gboolean late = FALSE;
    guint timer = g_timeout_add_seconds(ANSWER_LIMIT_S, raise_flag, &late);

    vm_connection_open(connection);
    while (vm_connection_get_state(connection) == VM_CONNECTION_CONNECTING && !late) {
        g_main_context_iteration(NULL, TRUE);
    }
    if (late) {
        command_say("The machine “%s” does not answer; try again, or end its process.", machine);
        return NULL;
    }
    g_source_remove(timer);
    if (vm_connection_get_state(connection) != VM_CONNECTION_READY) {
        const char *why = vm_connection_get_error_message(connection);

        command_say("No machine answers at “%s” (%s); `vmm list` shows those that run.", socket,
                    why ? why : "no answer");
        return NULL;
    }
    return g_steal_pointer(&connection);
}

int
session_begin(const Command *command, int *argc, char ***argv, VmConnection **ret_connection)
{
    VmConnection *connection = NULL;

    if (!command_parse(command, NULL, argc, argv)) {
        return STATUS_USAGE;
    }
    connection = session_open((*argv)[1]);
    if (!connection) {
        return STATUS_FAILED;
    }
    *ret_connection = connection;
    return STATUS_DONE;
}

VmConsole *
session_console(VmConnection *connection, guint number)
{
    GListModel *consoles = vm_connection_get_consoles(connection);
    guint n = g_list_model_get_n_items(consoles);

    for (guint i = 0; i < n; i++) {
        g_autoptr(VmConsole) console = g_list_model_get_item(consoles, i);

        if (number == SESSION_FIRST || vm_console_get_number(console) == number) {
            return console; /* the connection keeps it */
        }
    }
    if (n == 0) {
        command_say("The machine “%s” has no screen; run it with --gpu.",
                    vm_connection_get_name(connection));
    } else {
        command_say("The machine “%s” has no display %u; `vmm gpu list-displays` shows those it "
                    "has.",
                    vm_connection_get_name(connection), number);
    }
    return NULL;
}

void
session_answered(GObject *source, GAsyncResult *result, gpointer answer)
{
    *(GAsyncResult **)answer = g_object_ref(result);
}

GAsyncResult *
session_wait(GAsyncResult **answer)
{
    while (!*answer) {
        g_main_context_iteration(NULL, TRUE);
    }
    return *answer;
}

int
session_refused(const char *machine, const GError *error)
{
    command_say("The machine “%s” did not do that (%s).", machine, error->message);
    return STATUS_FAILED;
}
