/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A file that holds the command line of one machine, “vmm run …” or “crosvm run …”, made one of ours.
 * The file comes from anywhere and is not trusted: no shell reads it, nothing that it names is run, and
 * what `vmm run --print-config` makes of its words is taken.
 */

#include <gio/gio.h>

#include "vmm/client/json.h"

enum {
    VM_COMMAND_LINE_SIZE_MAX = 64 << 10, /* bytes */
};

#define VM_COMMAND_LINE_ERROR (vm_command_line_error_quark())
GQuark vm_command_line_error_quark(void);

typedef enum {
    VM_COMMAND_LINE_ERROR_SIZE,
    VM_COMMAND_LINE_ERROR_TEXT,
    VM_COMMAND_LINE_ERROR_EMPTY,
    VM_COMMAND_LINE_ERROR_COMMAND,  /* another program, another of vmm's commands, two commands */
    VM_COMMAND_LINE_ERROR_VARIABLE, /* one is set before the command */
    VM_COMMAND_LINE_ERROR_SHELL,    /* what only a shell could do */
    VM_COMMAND_LINE_ERROR_QUOTE,
    VM_COMMAND_LINE_ERROR_MACHINE, /* what vmm said */
} VmCommandLineError;

/*
 * The words after “run”, as a shell would pass them; for g_strfreev(). Comments, a backslash before a
 * line's end and the “$ ” of a prompt are taken off. NULL with error set, in words for people.
 */
GStrv vm_command_line_parse(const char *text, gsize size, GError **error);

/* Which of these words say how vmm is to run and are no part of a machine, in a sentence; NULL when none; g_free(). */
char *vm_command_line_left_out(const char *const *words);

/* path: absolute. Relative paths in the file count from its folder. */
void vm_command_line_load_async(const char *path, GCancellable *cancellable,
                                GAsyncReadyCallback callback, gpointer user_data);

/*
 * A definition with absolute paths, for vm_json_free(); its title is what --name said. Ports at the
 * terminal's input and output become ports of the window. NULL with error set, in words for people.
 * *ret_left_out: as vm_command_line_left_out() gives it.
 */
VmJson *vm_command_line_load_finish(GAsyncResult *result, char **ret_left_out, GError **error);

/* A port at the terminal that vmm runs in becomes one of the window's. */
void vm_command_line_take_ports(VmJson *json);
