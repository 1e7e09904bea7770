/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/supervisor/policy.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vmm/base/cleanup.h"
#include "vmm/base/fd.h"
#include "vmm/base/memory.h"
#include "vmm/supervisor/paths.h"
#include "vmm/supervisor/processes.h"

/* The output of `EXECUTABLE --policy` as a stream; the caller waits for *ret_pid. */
static FILE *
open_policy(const char *executable, const char *variant, pid_t *ret_pid)
{
    char word[16];
    char *const argv[] = {(char[]){"vmm"}, (char[]){"--policy"}, variant ? word : NULL, NULL};
    char *const no_environment[] = {NULL};
    posix_spawn_file_actions_t actions;
    int output[2];
    int r;

    snprintf(word, sizeof(word), "%s", variant ? variant : "");
    if (pipe2(output, O_CLOEXEC) < 0) {
        return NULL;
    }
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, output[1], STDOUT_FILENO);
    r = posix_spawn(ret_pid, executable, &actions, NULL, argv, no_environment);
    posix_spawn_file_actions_destroy(&actions);
    close(output[1]);
    if (r != 0) {
        close(output[0]);
        errno = r;
        return NULL;
    }
    return fdopen(output[0], "r");
}

static void
print_counts(FILE *stream, const char *part)
{
    char line[256];
    unsigned long count = 0;
    unsigned long ceiling = 0;

    while (fgets(line, sizeof(line), stream)) {
        if (strncmp(line, "count ", 6) == 0) {
            count = strtoul(line + 6, NULL, 10);
        } else if (strncmp(line, "ceiling ", 8) == 0) {
            ceiling = strtoul(line + 8, NULL, 10);
        }
    }
    printf("%-12s%6lu%9lu\n", part, count, ceiling);
}

static void
copy_all(FILE *stream)
{
    char line[256];

    while (fgets(line, sizeof(line), stream)) {
        fputs(line, stdout);
    }
}

/* 0, or -1 after saying why not. */
static int
print_policy(const struct process_row *row, bool counts)
{
    cleanup_free char *helpers = path_helpers();
    cleanup_free char *executable = xasprintf("%s/%s", helpers, row->executable);
    cleanup_free char *part = xasprintf("%s%s%s", row->executable + strlen("vmm-"),
                                        row->variant ? "-" : "", row->variant ? row->variant : "");
    pid_t pid = -1;
    int status = 0;
    FILE *stream = open_policy(executable, row->variant, &pid);

    if (!stream) {
        fprintf(stderr, "vmm: “%s” cannot be started (%s); install Vitrine again.\n", executable,
                strerror(errno));
        return -1;
    }
    if (counts) {
        print_counts(stream, part);
    } else {
        copy_all(stream);
    }
    fclose(stream);
    waitpid(pid, &status, 0);
    return status == 0 ? 0 : -1;
}

/* Rows share executables: vmm-input is keyboard and pointer. */
static bool
printed_before(size_t row)
{
    for (size_t i = 0; i < row; i++) {
        if (strcmp(process_rows[i]->executable, process_rows[row]->executable) == 0 &&
            process_rows[i]->variant == process_rows[row]->variant) {
            return true;
        }
    }
    return false;
}

int
policy_command(int argc, char **argv)
{
    const char *part = NULL;
    bool counts = false;
    bool found = false;
    int r = 0;

    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--counts") == 0) {
            counts = true;
        } else {
            part = argv[i];
        }
    }
    if (counts) {
        printf("%-12s%6s%9s\n", "process", "calls", "ceiling");
        fflush(stdout);
    }
    for (size_t i = 0; process_rows[i]; i++) {
        const char *executable = process_rows[i]->executable;

        if (printed_before(i) || (part && strcmp(part, executable + strlen("vmm-")) != 0 &&
                                  strcmp(part, process_rows[i]->name) != 0)) {
            continue;
        }
        found = true;
        if (print_policy(process_rows[i], counts) < 0) {
            r = EXIT_STATUS_FAILED;
        }
    }
    if (!found) {
        fprintf(stderr, "vmm: There is no part “%s”; `vmm policy --counts` lists them.\n", part);
        return EXIT_STATUS_USAGE;
    }
    return r;
}
