/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Lines of a machine's log file, taken apart: "2026-11-21T14:07:31.123Z gpu warning text". */

#include <glib.h>

typedef enum {
    VM_LOG_ERROR,
    VM_LOG_WARNING,
    VM_LOG_INFO,
    VM_LOG_DEBUG
} VmLogLevel;

typedef struct {
    char *time;    /* local, "14:07:31.123"; "" where the line has none */
    char *process; /* "vmm" where the line names none */
    VmLogLevel level;
    char *text; /* UTF-8 */
} VmLogLine;

/* Any bytes, without the line feed; never fails: what has another form is text of "vmm". */
VmLogLine *vm_log_line_new(const char *bytes, gsize size);
void vm_log_line_free(VmLogLine *line);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmLogLine, vm_log_line_free)
