/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The short ones: one question, one answer. */

#include <string.h>

#include "vmm/client/definition.h"
#include "vmm/client/vm-machines.h"
#include "vmm/ctl/command.h"
#include "vmm/ctl/session.h"

int
command_request(const Command *command, int argc, char **argv)
{
    g_autoptr(VmConnection) connection = NULL;
    g_autoptr(GAsyncResult) answer = NULL;
    g_autoptr(GError) error = NULL;
    const int status = session_begin(command, &argc, &argv, &connection);

    if (status != STATUS_DONE) {
        return status;
    }
    vm_connection_request_async(connection, (VmRequest)command->value, NULL, session_answered,
                                &answer);
    if (!vm_connection_request_finish(connection, session_wait(&answer), &error)) {
        return session_refused(argv[1], error);
    }
    return STATUS_DONE;
}

static int
grow_file(const char *name, guint disk, guint64 size)
{
    g_autoptr(GAsyncResult) answer = NULL;
    g_autoptr(GError) error = NULL;

    vm_machines_resize_disk_async(name, disk, size, NULL, session_answered, &answer);
    if (!vm_machines_resize_disk_finish(session_wait(&answer), &error)) {
        return session_refused(name, error);
    }
    return STATUS_DONE;
}

/* "resize INDEX SIZE MACHINE", in the order of the crosvm book. */
int
command_disk(const Command *command, int argc, char **argv)
{
    g_autoptr(VmConnection) connection = NULL;
    g_autoptr(GAsyncResult) answer = NULL;
    g_autoptr(GError) error = NULL;
    guint64 disk = 0;
    guint64 size = 0;

    if (!command_parse(command, NULL, &argc, &argv)) {
        return STATUS_USAGE;
    }
    if (!g_str_equal(argv[1], "resize")) {
        command_say("disk: “%s” is unknown; there is `vmm disk resize`.", argv[1]);
        return STATUS_USAGE;
    }
    if (!g_ascii_string_to_unsigned(argv[2], 10, 0, G_MAXUINT, &disk, NULL) ||
        !g_ascii_string_to_unsigned(argv[3], 10, 1, G_MAXINT64, &size, NULL)) {
        command_say("disk resize: takes the disk's number from 0, the new size in bytes, and the "
                    "machine.");
        return STATUS_USAGE;
    }
    if (vm_definition_check_off(argv[4], NULL)) {
        return grow_file(argv[4], (guint)disk, size);
    }
    connection = session_open(argv[4]);
    if (!connection) {
        return STATUS_FAILED;
    }
    vm_connection_resize_disk_async(connection, (guint)disk, size, NULL, session_answered, &answer);
    if (!vm_connection_resize_disk_finish(connection, session_wait(&answer), &error)) {
        return session_refused(argv[4], error);
    }
    return STATUS_DONE;
}

int
command_stats(const Command *command, int argc, char **argv)
{
    g_autoptr(VmConnection) connection = NULL;
    g_autoptr(GAsyncResult) answer = NULL;
    g_autoptr(GPtrArray) processes = NULL;
    g_autoptr(GError) error = NULL;
    const int status = session_begin(command, &argc, &argv, &connection);

    if (status != STATUS_DONE) {
        return status;
    }
    vm_connection_get_processes_async(connection, NULL, session_answered, &answer);
    processes = vm_connection_get_processes_finish(connection, session_wait(&answer), &error);
    if (!processes) {
        return session_refused(argv[1], error);
    }
    g_print("%-16s%8s%10s%12s%10s\n", "part", "pid", "cpu s", "memory KiB", "restarts");
    for (guint i = 0; i < processes->len; i++) {
        const VmProcess *process = g_ptr_array_index(processes, i);

        g_print("%-16s%8u%10.2f%12" G_GUINT64_FORMAT "%10u\n", process->name, process->pid,
                (double)process->cpu_ns / 1e9, process->memory / 1024, process->restarts);
    }
    return STATUS_DONE;
}

int
command_sandbox(const Command *command, int argc, char **argv)
{
    g_autoptr(VmConnection) connection = NULL;
    g_autoptr(GAsyncResult) answer = NULL;
    g_autoptr(GPtrArray) jails = NULL;
    g_autoptr(GError) error = NULL;
    const int status = session_begin(command, &argc, &argv, &connection);

    if (status != STATUS_DONE) {
        return status;
    }
    vm_connection_get_jails_async(connection, NULL, session_answered, &answer);
    jails = vm_connection_get_jails_finish(connection, session_wait(&answer), &error);
    if (!jails) {
        return session_refused(argv[1], error);
    }
    g_print("%-16s%-16s%8s  %-7s%-11s%-13s%12s%8s%8s%9s\n", "part", "policy", "pid", "filter",
            "namespaces", "no-new-privs", "capabilities", "threads", "fds", "blocked");
    for (guint i = 0; i < jails->len; i++) {
        const VmJail *jail = g_ptr_array_index(jails, i);

        g_print("%-16s%-16s%8u  %-7s%-11s%-13s%12" G_GINT64_MODIFIER "x%8u%8u%9u\n", jail->name,
                jail->part[0] ? jail->part : "-", jail->pid, jail->filter ? "yes" : "no",
                jail->namespaces ? "own" : "host's", jail->no_new_privileges ? "yes" : "no",
                jail->capabilities, jail->threads, jail->descriptors, jail->blocked);
    }
    return STATUS_DONE;
}

static void
list_running(void)
{
    g_auto(GStrv) names = vm_machines_list_running();

    for (guint i = 0; names[i]; i++) {
        g_autofree char *socket = vm_machines_dup_socket_path(names[i]);
        g_autofree char *folder = g_path_get_dirname(socket);
        g_autofree char *path = g_build_filename(folder, "pid", NULL);
        g_autofree char *pid = NULL;

        if (g_file_get_contents(path, &pid, NULL, NULL)) {
            g_print("%s\t%s\t%s\n", names[i], g_strstrip(pid), socket);
        }
    }
}

static void
list_all(void)
{
    g_auto(GStrv) running = vm_machines_list_running();
    g_auto(GStrv) defined = vm_machines_list_defined();

    for (guint i = 0; defined[i]; i++) {
        const gboolean runs = g_strv_contains((const char *const *)running, defined[i]);
        g_autofree char *path = vm_machines_dup_definition_path(defined[i]);

        g_print("%s\t%s\t%s\t%s\n", defined[i], runs ? "running" : "off",
                vm_machines_get_autostart(defined[i]) ? "autostart" : "-", path);
    }
    for (guint i = 0; running[i]; i++) {
        if (!g_strv_contains((const char *const *)defined, running[i])) {
            g_print("%s\trunning\t-\t-\n", running[i]);
        }
    }
}

int
command_list(const Command *command, int argc, char **argv)
{
    gboolean all = FALSE;
    const GOptionEntry entries[] = {
        {"all", 'a', 0, G_OPTION_ARG_NONE, &all, "also those that are defined and off", NULL},
        {NULL},
    };

    if (!command_parse(command, entries, &argc, &argv)) {
        return STATUS_USAGE;
    }
    if (all) {
        list_all();
    } else {
        list_running();
    }
    return STATUS_DONE;
}
