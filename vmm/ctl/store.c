/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The commands of the store of definitions, which the manager shows too. */

#include <errno.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vmm/client/definition.h"
#include "vmm/client/json.h"
#include "vmm/client/paths.h"
#include "vmm/client/vm-machines.h"
#include "vmm/client/vm-run.h"
#include "vmm/ctl/command.h"
#include "vmm/ctl/session.h"
#include "vmm/ctl/store.h"

enum {
    START_LIMIT_S = 120,
    POLL_MS = 20,
};

int
store_failed(const char *name, const char *what, const GError *error)
{
    command_say("The machine “%s” cannot be %s: %s.", name, what, error->message);
    return STATUS_FAILED;
}

gboolean
store_has(const char *name)
{
    g_autofree char *path = NULL;

    if (vm_definition_name_is_valid(name)) {
        path = vm_machines_dup_definition_path(name);
    }
    if (!path || !g_file_test(path, G_FILE_TEST_EXISTS)) {
        command_say("No machine “%s” is defined; `vmm list --all` shows those that are.", name);
        return FALSE;
    }
    return TRUE;
}

/*
 * Let `vmm run --print-config` judge the file, which is what will read it. FALSE after its sentence.
 */
static gboolean
judge(const char *path)
{
    g_autofree char *vmm = vm_paths_vmm();
    g_autoptr(GError) error = NULL;
    g_autoptr(GSubprocess) run = g_subprocess_new(G_SUBPROCESS_FLAGS_STDOUT_SILENCE, &error, vmm,
                                                  "run", "--cfg", path, "--print-config", NULL);

    if (!run || !g_subprocess_wait(run, NULL, &error)) {
        command_say("“%s” cannot be started (%s); install Vitrine again.", vmm, error->message);
        return FALSE;
    }
    return g_subprocess_get_successful(run);
}

/* "name" in the file, else the file's own name without ".json". */
static char *
name_for(VmJson *json, const char *path)
{
    const char *name = vm_json_get_string(json, "name");
    g_autofree char *base = g_path_get_basename(path);

    if (name) {
        return g_strdup(name);
    }
    if (g_str_has_suffix(base, ".json")) {
        base[strlen(base) - strlen(".json")] = '\0';
    }
    return g_steal_pointer(&base);
}

int
command_define(const Command *command, int argc, char **argv)
{
    g_autofree char *wanted = NULL;
    const GOptionEntry entries[] = {
        {"name", 0, 0, G_OPTION_ARG_STRING, &wanted,
         "the machine's name; else “name” in the file, else the file's", "NAME"},
        {NULL},
    };
    g_autoptr(VmJson) json = NULL;
    g_autofree char *name = NULL;
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;

    if (!command_parse(command, entries, &argc, &argv)) {
        return STATUS_USAGE;
    }
    json = vm_json_load(argv[1], &error);
    if (!json) {
        command_say("“%s” is not a definition (%s).", argv[1], error->message);
        return STATUS_USAGE;
    }
    if (!judge(argv[1])) {
        return STATUS_USAGE;
    }
    name = wanted ? g_strdup(wanted) : name_for(json, argv[1]);
    text = vm_json_to_text(json);
    if (!vm_machines_define(name, text, &error)) {
        return store_failed(name, "defined", error);
    }
    g_print("%s\n", name);
    return STATUS_DONE;
}

int
command_undefine(const Command *command, int argc, char **argv)
{
    g_autoptr(GError) error = NULL;

    if (!command_parse(command, NULL, &argc, &argv)) {
        return STATUS_USAGE;
    }
    if (!store_has(argv[1])) {
        return STATUS_FAILED;
    }
    if (!vm_machines_undefine(argv[1], &error)) {
        return store_failed(argv[1], "undefined", error);
    }
    return STATUS_DONE;
}

/* The person's editor; it may be a command with words, as shells take it. */
static gboolean
run_editor(const char *path)
{
    const char *editor = g_getenv("VISUAL") ? g_getenv("VISUAL") : g_getenv("EDITOR");
    const char *argv[] = {"sh", "-c", "exec $0 \"$1\"", editor ? editor : "editor", path, NULL};
    g_autoptr(GError) error = NULL;
    int status = 0;

    if (!g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_CHILD_INHERITS_STDIN,
                      NULL, NULL, NULL, NULL, &status, &error) ||
        !g_spawn_check_wait_status(status, &error)) {
        command_say("The editor “%s” failed (%s); set EDITOR to one that works.", argv[3],
                    error->message);
        return FALSE;
    }
    return TRUE;
}

gboolean
store_take_over(const char *name, const char *draft)
{
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;

    if (!judge(draft)) {
        return FALSE;
    }
    if (!g_file_get_contents(draft, &text, NULL, &error) ||
        !vm_machines_define(name, text, &error)) {
        (void)store_failed(name, "changed", error);
        return FALSE;
    }
    return TRUE;
}

int
store_draft(char **ret_path, GError **error)
{
    return g_file_open_tmp("vmm-edit-XXXXXX.json", ret_path, error);
}

void
store_note_running(const char *name)
{
    if (vm_machines_is_running(name)) {
        command_say("The machine “%s” runs; the change takes effect when it starts again.", name);
    }
}

int
command_edit(const Command *command, int argc, char **argv)
{
    g_autofree char *path = NULL;
    g_autofree char *draft = NULL;
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;
    int fd;

    if (!command_parse(command, NULL, &argc, &argv)) {
        return STATUS_USAGE;
    }
    if (!store_has(argv[1])) {
        return STATUS_FAILED;
    }
    path = vm_machines_dup_definition_path(argv[1]);
    fd = store_draft(&draft, &error);
    if (fd >= 0) {
        close(fd);
    }
    if (fd < 0 || !g_file_get_contents(path, &text, NULL, &error) ||
        !g_file_set_contents(draft, text, -1, &error)) {
        return store_failed(argv[1], "edited", error);
    }
    if (!run_editor(draft) || !store_take_over(argv[1], draft)) {
        command_say("Nothing was changed; what you wrote is in “%s”.", draft);
        return STATUS_FAILED;
    }
    (void)g_unlink(draft);
    store_note_running(argv[1]);
    return STATUS_DONE;
}

static void
run_ended(VmRun *run, int status, gpointer data)
{
    *(int *)data = status;
}

/* Until it runs, or ended: its first words are the reason then. */
static int
wait_for_start(VmRun *run, const char *name)
{
    int status = -1;
    const gint64 limit = g_get_monotonic_time() + START_LIMIT_S * G_TIME_SPAN_SECOND;
    g_autofree char *socket = vm_machines_dup_socket_path(name);
    g_autoptr(VmConnection) connection = vm_connection_new(socket);

    g_signal_connect(run, "ended", G_CALLBACK(run_ended), &status);
    while (status < 0 && g_get_monotonic_time() < limit) {
        const char *state = vm_connection_get_machine_state(connection);

        if (state && strcmp(state, "starting") != 0 && strcmp(state, "stopped") != 0) {
            break;
        }
        if (g_file_test(socket, G_FILE_TEST_EXISTS)) {
            vm_connection_open(connection);
        }
        session_sleep_ms(POLL_MS);
    }
    g_signal_handlers_disconnect_by_data(run, &status);
    return status;
}

int
command_start(const Command *command, int argc, char **argv)
{
    gboolean disposable = FALSE;
    const GOptionEntry entries[] = {
        {"disposable", 0, 0, G_OPTION_ARG_NONE, &disposable,
         "keep nothing that the guest writes to its disks", NULL},
        {NULL},
    };
    g_autofree char *path = NULL;
    g_autofree char *words = NULL;
    g_autoptr(VmRun) run = NULL;
    g_autoptr(GError) error = NULL;
    int status;

    if (!command_parse(command, entries, &argc, &argv)) {
        return STATUS_USAGE;
    }
    if (!store_has(argv[1])) {
        return STATUS_FAILED;
    }
    if (vm_machines_is_running(argv[1])) {
        command_say("The machine “%s” runs already.", argv[1]);
        return STATUS_FAILED;
    }
    path = vm_machines_dup_definition_path(argv[1]);
    run = vm_run_start_with_flags(argv[1], path,
                                  disposable ? VM_RUN_FLAGS_DISPOSABLE : VM_RUN_FLAGS_NONE, &error);
    if (!run) {
        return store_failed(argv[1], "started", error);
    }
    status = wait_for_start(run, argv[1]);
    if (status > STATUS_DONE) {
        words = vm_run_last_messages(argv[1], 1);
        fprintf(stderr, "%s\n", words ? words : "vmm: It ended at once.");
        return status;
    }
    return STATUS_DONE;
}

int
command_dump_config(const Command *command, int argc, char **argv)
{
    g_autofree char *path = NULL;
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;

    if (!command_parse(command, NULL, &argc, &argv)) {
        return STATUS_USAGE;
    }
    if (vm_machines_is_running(argv[1])) {
        g_autofree char *socket = vm_machines_dup_socket_path(argv[1]);
        g_autofree char *folder = g_path_get_dirname(socket);

        path = g_build_filename(folder, "config", NULL);
    } else if (store_has(argv[1])) {
        path = vm_machines_dup_definition_path(argv[1]);
    } else {
        return STATUS_FAILED;
    }
    if (!g_file_get_contents(path, &text, NULL, &error)) {
        return store_failed(argv[1], "read", error);
    }
    fputs(text, stdout);
    return STATUS_DONE;
}

int
command_autostart(const Command *command, int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    gboolean on;

    if (!command_parse(command, NULL, &argc, &argv)) {
        return STATUS_USAGE;
    }
    if (!store_has(argv[1])) {
        return STATUS_FAILED;
    }
    if (argc == 2) {
        g_print("%s\n", vm_machines_get_autostart(argv[1]) ? "on" : "off");
        return STATUS_DONE;
    }
    on = strcmp(argv[2], "on") == 0;
    if (!on && strcmp(argv[2], "off") != 0) {
        command_say("autostart: “%s” is neither on nor off.", argv[2]);
        return STATUS_USAGE;
    }
    if (!vm_machines_set_autostart(argv[1], on, &error)) {
        return store_failed(argv[1], "started by itself", error);
    }
    return STATUS_DONE;
}
