/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * events: what happens to machines, one JSON object in a line. A machine is watched from the moment
 * that its control socket is there; each change of its state is told once, and its end always, from
 * its last-run.json when it was too quick for its display process to say.
 */

#include <stdio.h>
#include <string.h>

#include "vmm/client/json.h"
#include "vmm/client/paths.h"
#include "vmm/client/vm-connection.h"
#include "vmm/client/vm-machines.h"
#include "vmm/ctl/command.h"
#include "vmm/ctl/session.h"

enum {
    LOOK_MS = 100,
};

typedef struct {
    char *name;
    VmConnection *connection;
    char *told; /* the state that was told last */
} Watch;

typedef struct {
    GPtrArray *watches; /* Watch */
    const char *only;   /* NULL: all machines */
    gboolean unheard;
} Events;

static void
watch_free(gpointer data)
{
    Watch *watch = data;

    g_signal_handlers_disconnect_by_data(watch->connection, watch);
    vm_connection_close(watch->connection);
    g_object_unref(watch->connection);
    g_free(watch->name);
    g_free(watch->told);
    g_free(watch);
}

/* Takes nothing; one object, one line, at once. */
static void
tell(Watch *watch, const char *state, VmJson *more)
{
    g_autoptr(GDateTime) now = g_date_time_new_now_utc();
    g_autofree char *time = g_date_time_format(now, "%Y-%m-%dT%H:%M:%S.%fZ");
    g_autofree char *text = NULL;

    vm_json_set_string(more, "time", time);
    vm_json_set_string(more, "machine", watch->name);
    vm_json_set_string(more, "state", state);
    text = vm_json_to_line(more);
    g_free(watch->told);
    watch->told = g_strdup(state);
    fputs(text, stdout);
}

static void
say_why(VmJson *more, const char *cause, const char *sentence)
{
    if (cause && cause[0]) {
        vm_json_set_string(more, "cause", cause);
    }
    if (sentence && sentence[0]) {
        vm_json_set_string(more, "sentence", sentence);
    }
}

static void
tell_end(Watch *watch, int status, const char *cause, const char *sentence)
{
    g_autoptr(VmJson) more = vm_json_new();

    vm_json_set_int(more, "status", status);
    say_why(more, cause, sentence);
    tell(watch, "stopped", more);
}

static void
state_changed(Watch *watch)
{
    VmConnection *connection = watch->connection;
    const char *state = vm_connection_get_machine_state(connection);
    g_autoptr(VmJson) more = NULL;

    if (!state || g_strcmp0(state, watch->told) == 0) {
        return;
    }
    if (strcmp(state, "stopped") == 0) {
        tell_end(watch, (int)vm_connection_get_exit_status(connection),
                 vm_connection_get_cause(connection), vm_connection_get_sentence(connection));
        return;
    }
    more = vm_json_new();
    if (strcmp(state, "paused") == 0) {
        say_why(more, vm_connection_get_cause(connection), vm_connection_get_sentence(connection));
    }
    tell(watch, state, more);
}

static gboolean
is_watched(Events *events, const char *name)
{
    for (guint i = 0; i < events->watches->len; i++) {
        const Watch *watch = g_ptr_array_index(events->watches, i);

        if (strcmp(watch->name, name) == 0) {
            return TRUE;
        }
    }
    return FALSE;
}

static void
watch_machine(Events *events, const char *name)
{
    g_autofree char *socket = vm_machines_dup_socket_path(name);
    Watch *watch = g_new0(Watch, 1);

    watch->name = g_strdup(name);
    watch->connection = vm_connection_new(socket);
    g_signal_connect_swapped(watch->connection, "notify::machine-state", G_CALLBACK(state_changed),
                             watch);
    vm_connection_open(watch->connection);
    g_ptr_array_add(events->watches, watch);
}

/* Its display process may have been ended before it could say so. */
static void
machine_is_gone(Watch *watch)
{
    g_autofree char *folder = vm_paths_state(watch->name);
    g_autofree char *path = g_build_filename(folder, "last-run.json", NULL);
    g_autoptr(VmJson) last = NULL;

    if (g_strcmp0(watch->told, "stopped") == 0) {
        return;
    }
    last = vm_json_load(path, NULL);
    if (last) {
        tell_end(watch, (int)vm_json_get_int(last, "status", STATUS_FAILED),
                 vm_json_get_string(last, "id"), vm_json_get_string(last, "sentence"));
    } else {
        tell_end(watch, STATUS_FAILED, NULL, NULL);
    }
}

static gboolean
look(gpointer data)
{
    Events *events = data;
    g_auto(GStrv) running = vm_machines_list_running();

    for (guint i = events->watches->len; i > 0; i--) {
        Watch *watch = g_ptr_array_index(events->watches, i - 1);

        if (!g_strv_contains((const char *const *)running, watch->name)) {
            machine_is_gone(watch);
            g_ptr_array_remove_index(events->watches, i - 1);
        }
    }
    for (guint i = 0; running[i]; i++) {
        if (!is_watched(events, running[i]) &&
            (!events->only || strcmp(events->only, running[i]) == 0)) {
            watch_machine(events, running[i]);
        }
    }
    events->unheard = fflush(stdout) != 0 || ferror(stdout);
    return G_SOURCE_CONTINUE;
}

int
command_events(const Command *command, int argc, char **argv)
{
    g_autoptr(GPtrArray) watches = g_ptr_array_new_with_free_func(watch_free);
    Events events = {.watches = watches};

    if (!command_parse(command, NULL, &argc, &argv)) {
        return STATUS_USAGE;
    }
    events.only = argc > 1 ? argv[1] : NULL;
    setvbuf(stdout, NULL, _IOLBF, 0);
    (void)look(&events);
    g_timeout_add(LOOK_MS, look, &events);
    while (!events.unheard) {
        g_main_context_iteration(NULL, TRUE);
    }
    return STATUS_DONE;
}
