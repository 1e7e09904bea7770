/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a process writes down while somebody traces it: a ring in a sealed memfd of
 * sizeof(struct trace_ring) bytes, one for each process, written by its threads and read by clients.
 *
 * A record is written in three steps: its stamp becomes 0, then its fields, then its stamp becomes its
 * number counted from 1. A reader copies the record and looks at the stamp again: another value means
 * that the writer has come round. `next` counts all records ever. A reader trusts nothing in here: the
 * writer may be a process that a guest has taken over.
 */

#include <stdint.h>

enum {
    TRACE_RECORDS = 16384, /* a power of two */
    TRACE_ARGUMENTS = 5,
};

/* The probes of vmm/base/trace.h, and their arguments in order. docs/tracing.md has the same table. */
enum trace_event {
    TRACE_EXIT,      /* processor, KVM_EXIT_xxx, port or guest address, bytes, 1: a write */
    TRACE_ENTER,     /* processor */
    TRACE_KICK,      /* queue */
    TRACE_REQUEST,   /* queue, head, readable bytes, writable bytes */
    TRACE_COMPLETE,  /* queue, head, bytes written */
    TRACE_INTERRUPT, /* queue */
    TRACE_LINE,      /* global interrupt, level */
    TRACE_MESSAGE,   /* address, data */
    TRACE_EVENTS
};

struct trace_record {
    uint64_t stamp;
    uint64_t time_ns; /* CLOCK_MONOTONIC */
    uint64_t event;   /* enum trace_event */
    uint64_t argument[TRACE_ARGUMENTS];
};

struct trace_ring {
    uint64_t next;
    uint64_t reserved[7];
    struct trace_record record[TRACE_RECORDS];
};

/* Names of KVM_EXIT_xxx that a machine of ours meets, for a table of strings. */
#define TRACE_EXIT_NAMES                                                                         \
    {                                                                                            \
        [1] = "exception", [2] = "io", [4] = "debug", [5] = "hlt", [6] = "mmio", [7] = "window", \
        [8] = "shutdown", [9] = "fail-entry", [10] = "interrupted", [17] = "internal-error",     \
        [24] = "system-event", [26] = "ioapic-eoi", [29] = "msr-read", [30] = "msr-write"        \
    }
