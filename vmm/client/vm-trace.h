/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the machine and its devices do, as they do it: docs/tracing.md. A VmTrace reads rings in memory
 * that the machine's processes write; nothing waits for a reader, and who is too slow loses records.
 */

#include "vmm/client/vm-connection.h"

G_BEGIN_DECLS

#define VM_TYPE_TRACE (vm_trace_get_type())
G_DECLARE_FINAL_TYPE(VmTrace, vm_trace, VM, TRACE, GObject)

/**
 * VmTraceEvent:
 * @process: the part: "machine", "block-0", …; belongs to the VmTrace
 * @name: "exit", "kick", …
 * @time_ns: CLOCK_MONOTONIC
 * @text: what the arguments mean, in words; free it with g_free()
 */
typedef struct {
    const char *process;
    const char *name;
    guint64 time_ns;
    char *text;
} VmTraceEvent;

/**
 * vm_trace_find_event:
 *
 * Returns: the bit of an event, or 0: there is none of that name
 */
guint vm_trace_find_event(const char *name);
/**
 * vm_trace_get_event_name:
 * @index: from 0
 *
 * Returns: (nullable): the name of an event, or %NULL: there are no more
 */
const char *vm_trace_get_event_name(guint index);
/**
 * vm_trace_get_event_help:
 * @index: of one that exists
 *
 * Returns: what the event is
 */
const char *vm_trace_get_event_help(guint index);

/**
 * vm_connection_trace_async:
 * @events: bits of vm_trace_find_event() together; 0: all
 *
 * Lets the machine's processes write these events, until the connection ends or another trace of the same
 * connection begins.
 */
void vm_connection_trace_async(VmConnection *self, guint events, GCancellable *cancellable,
                               GAsyncReadyCallback callback, gpointer user_data);
/**
 * vm_connection_trace_finish:
 *
 * Returns: (transfer full): what the processes write from now on
 */
VmTrace *vm_connection_trace_finish(VmConnection *self, GAsyncResult *result, GError **error);

/**
 * vm_connection_trace_stop:
 *
 * The machine's processes write nothing more for this connection. Without a trace, nothing happens.
 */
void vm_connection_trace_stop(VmConnection *self);

/**
 * vm_trace_poll:
 *
 * Looks at what was written since the last call; at least ten times a second loses little.
 *
 * Returns: how many events vm_trace_next() has now
 */
guint vm_trace_poll(VmTrace *self);
/**
 * vm_trace_next: (skip)
 * @ret_event: filled in; @text is the caller's
 *
 * The oldest event that was found and not taken yet; those of one vm_trace_poll() are in the order of time.
 *
 * Returns: FALSE: there is none
 */
gboolean vm_trace_next(VmTrace *self, VmTraceEvent *ret_event);
/**
 * vm_trace_get_lost:
 *
 * Returns: how many were overwritten before they were read
 */
guint64 vm_trace_get_lost(VmTrace *self);

G_END_DECLS
