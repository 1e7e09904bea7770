/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What one part of a running machine does, written to a file line by line until somebody stops it, the
 * machine ends, or the file is VM_TRACE_FILE_MAX long: the lines of `vmm trace` (docs/tracing.md).
 */

#include "vmm/client/vm-connection.h"

#define VM_TRACE_FILE_MAX  (G_GUINT64_CONSTANT(1) << 30) /* bytes */

#define VM_TYPE_TRACE_FILE (vm_trace_file_get_type())
G_DECLARE_FINAL_TYPE(VmTraceFile, vm_trace_file, VM, TRACE_FILE, GObject)

/* Opens path, for its owner alone, and begins to trace the parts whose name is `part`, or begins with it
 * and a hyphen. Signal "ended" (text: what went wrong, or NULL) comes once, unless it is freed before.
 * NULL with `error` set: the file cannot be made. */
VmTraceFile *vm_trace_file_new(VmConnection *connection, const char *path, const char *part,
                               GError **error);
/* Writes what is on the way; "ended" comes before this returns. */
void vm_trace_file_stop(VmTraceFile *self);
const char *vm_trace_file_get_path(VmTraceFile *self);
guint64 vm_trace_file_get_count(VmTraceFile *self); /* lines so far */
guint64
vm_trace_file_get_lost(VmTraceFile *self); /* events of all parts that were not read in time */
