/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The trace points, docs/tracing.md. Each is a static probe of the provider "vmm" (sys/sdt.h: a nop and
 * a note in the program, for bpftrace, perf and gdb), and a test of one word that is 0 unless the
 * supervisor asked for the process's own records or the machine has --trace-marker.
 *
 * The names of the probes and their arguments are a contract: tests/control/test-trace.py compares the
 * programs with the table of docs/tracing.md.
 */

#include <sys/sdt.h>
#include <sys/types.h>

#include "vmm/base/trace-ring.h"

/*
 * Write the events of the set `events` (1 << enum trace_event) to the ring in `fd` from now on; 0 ends
 * that. `fd` (the caller's) is mapped the first time; later it is not looked at. 0 or -errno.
 */
int trace_attach(int fd, uint32_t events);

/*
 * Write every event to `fd` as well, the kernel's trace_marker, in the form that Perfetto and systrace
 * read, as process `pid` and part `name` (kept, not copied). Before threads start.
 */
void trace_set_marker(int fd, pid_t pid, const char *name);

/* NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables): mutable state as the log's */
extern uint32_t trace_wanted;

/* The rest of a trace point whose event is wanted. From any thread. */
void trace_record(enum trace_event event, const uint64_t arguments[TRACE_ARGUMENTS]);

#define TRACE_RECORD(event, ...)                                                                 \
    do {                                                                                         \
        if (__builtin_expect(                                                                    \
                (__atomic_load_n(&trace_wanted, __ATOMIC_RELAXED) & (1U << (event))) != 0, 0)) { \
            trace_record((event), (const uint64_t[TRACE_ARGUMENTS]){__VA_ARGS__});               \
        }                                                                                        \
    } while (0)

/* A processor left the guest; `reason` is KVM's, `address` a port or guest physical, or 0. */
static inline void
trace_exit(unsigned int cpu, uint32_t reason, uint64_t address, uint32_t size, uint32_t is_write)
{
    STAP_PROBE5(vmm, exit, cpu, reason, address, size, is_write);
    TRACE_RECORD(TRACE_EXIT, cpu, reason, address, size, is_write);
}

/* What it left for is done, it goes back. */
static inline void
trace_enter(unsigned int cpu)
{
    STAP_PROBE1(vmm, enter, cpu);
    TRACE_RECORD(TRACE_ENTER, cpu);
}

/* A device heard of work in a queue. */
static inline void
trace_kick(unsigned int queue)
{
    STAP_PROBE1(vmm, kick, queue);
    TRACE_RECORD(TRACE_KICK, queue);
}

/* It took a request, named by the first of its descriptors. */
static inline void
trace_request(unsigned int queue, uint16_t head, uint64_t out_size, uint64_t in_size)
{
    STAP_PROBE4(vmm, request, queue, head, out_size, in_size);
    TRACE_RECORD(TRACE_REQUEST, queue, head, out_size, in_size);
}

/* It gave the request back. */
static inline void
trace_complete(unsigned int queue, uint16_t head, uint32_t written)
{
    STAP_PROBE3(vmm, complete, queue, head, written);
    TRACE_RECORD(TRACE_COMPLETE, queue, head, written);
}

/* It told the guest. */
static inline void
trace_interrupt(unsigned int queue)
{
    STAP_PROBE1(vmm, interrupt, queue);
    TRACE_RECORD(TRACE_INTERRUPT, queue);
}

/* The machine sets an interrupt line. */
static inline void
trace_line(uint32_t gsi, uint32_t level)
{
    STAP_PROBE2(vmm, line, gsi, level);
    TRACE_RECORD(TRACE_LINE, gsi, level);
}

/* The machine sends a message-signalled interrupt itself. */
static inline void
trace_message(uint64_t address, uint32_t data)
{
    STAP_PROBE2(vmm, message, address, data);
    TRACE_RECORD(TRACE_MESSAGE, address, data);
}
