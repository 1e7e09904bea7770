/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What every sub-command is made of. Each runs to its end and gives the status of the process. */

#include <gio/gio.h>

enum {
    STATUS_DONE = 0,
    STATUS_FAILED = 33,
    STATUS_USAGE = 35,
};

typedef struct Command Command;
struct Command {
    const char *name;
    const char *arguments; /* "MACHINE [PORT]" */
    const char *summary;   /* one line, for the list of commands */
    const char *details;   /* more for --help, or NULL */
    int words_min;         /* without options */
    int words_max;
    int (*run)(const Command *command, int argc, char **argv);
    int value; /* what commands that share `run` differ in */
};

/*
 * Read the options; argv[1] … are the words then. FALSE after one sentence on stderr; --help does not
 * return. `entries` may be NULL.
 */
gboolean command_parse(const Command *command, const GOptionEntry *entries, int *argc,
                       char ***argv);

/* One sentence on stderr, “vmm: ” before it. */
void command_say(const char *format, ...) G_GNUC_PRINTF(1, 2);

int command_list(const Command *command, int argc, char **argv);
int command_request(const Command *command, int argc, char **argv);
int command_balloon(const Command *command, int argc, char **argv);
int command_balloon_stats(const Command *command, int argc, char **argv);
int command_create_composite(const Command *command, int argc, char **argv);
int command_create_qcow2(const Command *command, int argc, char **argv);
int command_create_seed(const Command *command, int argc, char **argv);
int command_disk(const Command *command, int argc, char **argv);
int command_gpu(const Command *command, int argc, char **argv);
int command_stats(const Command *command, int argc, char **argv);
int command_console(const Command *command, int argc, char **argv);
int command_screenshot(const Command *command, int argc, char **argv);
int command_type(const Command *command, int argc, char **argv);
int command_logs(const Command *command, int argc, char **argv);
int command_events(const Command *command, int argc, char **argv);
int command_define(const Command *command, int argc, char **argv);
int command_trace(const Command *command, int argc, char **argv);
int command_undefine(const Command *command, int argc, char **argv);
int command_edit(const Command *command, int argc, char **argv);
int command_start(const Command *command, int argc, char **argv);
int command_dump_config(const Command *command, int argc, char **argv);
int command_set(const Command *command, int argc, char **argv);
int command_clone(const Command *command, int argc, char **argv);
int command_delete(const Command *command, int argc, char **argv);
int command_keys(const Command *command, int argc, char **argv);
int command_sandbox(const Command *command, int argc, char **argv);
int command_autostart(const Command *command, int argc, char **argv);
