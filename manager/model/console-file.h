/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * All that one port of a machine said in this run, as far as somebody listened, in a file: what a console
 * without a limit shows. A stream begins with up to 1 MiB that is in the file already (VmChardev); it is
 * joined to the file where it overlaps, or after a line that says that something is missing.
 */

#include <glib.h>

#define VM_CONSOLE_FILE_ROOM \
    (G_GUINT64_CONSTANT(512) << 20) /* bytes of the disk that are left free */

typedef struct VmConsoleFile VmConsoleFile;

/* What is in the file, in order, from its start on. */
typedef void (*VmConsoleShow)(const char *bytes, gsize size, gpointer data);

/* A file of this run is gone on with, one that was last written before `started` (us since 1970) is
 * renamed to path.1 and a new one made, for its owner alone. NULL with `error` set. */
VmConsoleFile *vm_console_file_new(const char *path, gint64 started, VmConsoleShow show,
                                   gpointer data, GError **error);
void vm_console_file_free(VmConsoleFile *self);
/* What is pushed from now on is a new stream of the same run. */
void vm_console_file_restart(VmConsoleFile *self);
void vm_console_file_push(VmConsoleFile *self, const void *bytes, gsize size);
/* The disk has no more room, or writing failed: what comes is not kept, and shown when all else is. */
gboolean vm_console_file_is_full(VmConsoleFile *self);
