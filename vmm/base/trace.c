/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/base/trace.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "vmm/base/bytes.h"

enum {
    LINE_MAX_SIZE = 192,
    ALL_EVENTS = (1 << TRACE_EVENTS) - 1
};

/* NOLINTBEGIN(cppcoreguidelines-avoid-non-const-global-variables) */
uint32_t trace_wanted;

static struct {
    struct trace_ring *ring; /* stays mapped: a thread may be in the middle of a record */
    uint32_t ring_events;
    int marker_fd; /* 0: none */
    pid_t pid;
    const char *name;
} trace_state;
/* NOLINTEND(cppcoreguidelines-avoid-non-const-global-variables) */

int
trace_attach(int fd, uint32_t events)
{
    events &= ALL_EVENTS;
    if (events && !trace_state.ring) {
        void *ring =
            mmap(NULL, sizeof(struct trace_ring), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

        if (ring == MAP_FAILED) {
            return -errno;
        }
        __atomic_store_n(&trace_state.ring, ring, __ATOMIC_RELEASE);
    }
    __atomic_store_n(&trace_state.ring_events, events, __ATOMIC_RELEASE);
    __atomic_store_n(&trace_wanted, trace_state.marker_fd > 0 ? ALL_EVENTS : events,
                     __ATOMIC_RELEASE);
    return 0;
}

void
trace_set_marker(int fd, pid_t pid, const char *name)
{
    trace_state.marker_fd = fd;
    trace_state.pid = pid;
    trace_state.name = name;
    trace_wanted = fd > 0 ? ALL_EVENTS : 0;
}

static void
write_ring(struct trace_ring *ring, enum trace_event event, const uint64_t *arguments)
{
    const uint64_t number = __atomic_fetch_add(&ring->next, 1, __ATOMIC_RELAXED);
    struct trace_record *record = &ring->record[number % TRACE_RECORDS];
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    __atomic_store_n(&record->stamp, 0, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    __atomic_store_n(&record->time_ns,
                     (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec,
                     __ATOMIC_RELAXED);
    __atomic_store_n(&record->event, (uint64_t)event, __ATOMIC_RELAXED);
    for (size_t i = 0; i < TRACE_ARGUMENTS; i++) {
        __atomic_store_n(&record->argument[i], arguments[i], __ATOMIC_RELAXED);
    }
    __atomic_store_n(&record->stamp, number + 1, __ATOMIC_RELEASE);
}

static const char *
exit_name(uint64_t reason)
{
    static const char *const names[] = TRACE_EXIT_NAMES;

    return reason < ARRAY_SIZE(names) && names[reason] ? names[reason] : "other";
}

/* B and E: begin and end on this thread; S and F: of what runs beside it, with a number; I: a moment. */
static int
print_marker(char *line, size_t size, enum trace_event event, const uint64_t *a)
{
    const int pid = trace_state.pid;
    const char *name = trace_state.name;

    switch (event) {
    case TRACE_EXIT:
        return snprintf(line, size, "B|%d|%s cpu %" PRIu64 " exit %s 0x%" PRIx64, pid, name, a[0],
                        exit_name(a[1]), a[2]);
    case TRACE_ENTER:
        return snprintf(line, size, "E|%d", pid);
    case TRACE_KICK:
        return snprintf(line, size, "I|%d|%s kick queue %" PRIu64, pid, name, a[0]);
    case TRACE_REQUEST:
    case TRACE_COMPLETE:
        return snprintf(line, size, "%c|%d|%s queue %" PRIu64 "|%" PRIu64,
                        event == TRACE_REQUEST ? 'S' : 'F', pid, name, a[0], a[0] << 16 | a[1]);
    case TRACE_INTERRUPT:
        return snprintf(line, size, "I|%d|%s interrupt queue %" PRIu64, pid, name, a[0]);
    case TRACE_LINE:
        return snprintf(line, size, "I|%d|%s line %" PRIu64 " level %" PRIu64, pid, name, a[0],
                        a[1]);
    case TRACE_MESSAGE:
        return snprintf(line, size, "I|%d|%s message 0x%" PRIx64 " data 0x%" PRIx64, pid, name,
                        a[0], a[1]);
    case TRACE_EVENTS:
        break;
    }
    return 0;
}

static void
write_marker(enum trace_event event, const uint64_t *arguments)
{
    char line[LINE_MAX_SIZE];
    int length = print_marker(line, sizeof(line), event, arguments);

    /* The kernel refuses while its tracing is off; that is not ours to tell. */
    if (length > 0 && length < (int)sizeof(line) &&
        write(trace_state.marker_fd, line, (size_t)length) < 0) {
        return;
    }
}

void
trace_record(enum trace_event event, const uint64_t arguments[TRACE_ARGUMENTS])
{
    const int saved = errno;

    if (__atomic_load_n(&trace_state.ring_events, __ATOMIC_ACQUIRE) & (1U << event)) {
        write_ring(__atomic_load_n(&trace_state.ring, __ATOMIC_ACQUIRE), event, arguments);
    }
    if (trace_state.marker_fd > 0) {
        write_marker(event, arguments);
    }
    errno = saved;
}
