/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* logs: what the parts of a machine wrote, also after it ended. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/client/vm-machines.h"
#include "vmm/ctl/command.h"
#include "vmm/ctl/session.h"

enum {
    FOLLOW_MS = 200,
    BLOCK_SIZE = 1 << 16,
};

/* "name" of a runtime folder or a socket in one; the argument itself when it is a name. */
static char *
name_of(const char *machine)
{
    g_autofree char *socket = vm_machines_dup_socket_path(machine);
    g_autofree char *folder = g_path_get_dirname(socket);

    return strchr(machine, '/') ? g_path_get_basename(folder) : g_strdup(machine);
}

/* The log of a named machine is in its state folder, that of another in its runtime folder. */
static char *
find_log(const char *machine)
{
    g_autofree char *name = name_of(machine);
    g_autofree char *path = vm_machines_dup_log_path(name);
    g_autofree char *socket = vm_machines_dup_socket_path(machine);
    g_autofree char *folder = g_path_get_dirname(socket);
    g_autofree char *runtime = g_build_filename(folder, "log", NULL);

    if (g_file_test(path, G_FILE_TEST_EXISTS)) {
        return g_steal_pointer(&path);
    }
    return g_file_test(runtime, G_FILE_TEST_EXISTS) ? g_steal_pointer(&runtime) : NULL;
}

/* FALSE when nobody reads our output any more. */
static gboolean
copy(int fd)
{
    static const gsize size = BLOCK_SIZE;
    g_autofree char *data = g_malloc(size);
    gssize n;

    while ((n = read(fd, data, size)) > 0) {
        if (fwrite(data, 1, (gsize)n, stdout) != (gsize)n) {
            return FALSE;
        }
    }
    return fflush(stdout) == 0;
}

static void
copy_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd >= 0) {
        (void)copy(fd);
        close(fd);
    }
}

/* A log that grew too long was renamed, and a new one begins. */
static int
reopen_when_renamed(const char *path, int fd)
{
    struct stat ours;
    struct stat named;
    int other;

    if (stat(path, &named) < 0 || fstat(fd, &ours) < 0 || named.st_ino == ours.st_ino) {
        return fd;
    }
    other = open(path, O_RDONLY | O_CLOEXEC);
    if (other < 0) {
        return fd;
    }
    (void)copy(fd);
    close(fd);
    return other;
}

static int
print_log(const char *path, gboolean follow)
{
    g_autofree char *older = g_strconcat(path, ".1", NULL);
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        command_say("The log “%s” cannot be read (%s).", path, g_strerror(errno));
        return STATUS_FAILED;
    }
    copy_file(older);
    while (copy(fd) && follow) {
        session_sleep_ms(FOLLOW_MS);
        fd = reopen_when_renamed(path, fd);
    }
    close(fd);
    return STATUS_DONE;
}

static int
print_output(const char *machine, const char *port)
{
    g_autofree char *name = name_of(machine);
    g_autofree char *path = vm_machines_dup_output_path(name, port);

    if (strchr(port, '/') || !g_file_test(path, G_FILE_TEST_EXISTS)) {
        command_say("There is no output of a last run of “%s” at the port “%s”; it is written "
                    "when the machine ends.",
                    machine, port);
        return STATUS_FAILED;
    }
    copy_file(path);
    return STATUS_DONE;
}

int
command_logs(const Command *command, int argc, char **argv)
{
    gboolean follow = FALSE;
    g_autofree char *port = NULL;
    const GOptionEntry entries[] = {
        {"follow", 'f', 0, G_OPTION_ARG_NONE, &follow, "go on with what is written from now on",
         NULL},
        {"port", 'p', 0, G_OPTION_ARG_STRING, &port,
         "what this port said in the last run instead, as \"serial.0\"", "PORT"},
        {NULL},
    };
    g_autofree char *path = NULL;

    if (!command_parse(command, entries, &argc, &argv)) {
        return STATUS_USAGE;
    }
    if (port) {
        return print_output(argv[1], port);
    }
    path = find_log(argv[1]);
    if (!path) {
        command_say("There is no log of a machine “%s”; `vmm list --all` shows the machines.",
                    argv[1]);
        return STATUS_FAILED;
    }
    return print_log(path, follow);
}
