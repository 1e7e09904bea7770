/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A process that a guest has taken over writes what it likes into its trace ring, also while it is read.
 * The reader gives events that exist, in bounded time, and loses the rest.
 */

#include <gio/gunixfdlist.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"
#include "vmm/base/assert.h"
#include "vmm/base/fd.h"
#include "vmm/base/trace-ring.h"
#include "vmm/client/private.h"

enum {
    STEP = 8, /* bytes of input for each record */
};

static VmTrace *
open_ring(int fd)
{
    g_autoptr(GUnixFDList) fds = g_unix_fd_list_new();
    g_autoptr(GVariant) reply = NULL;
    GVariantBuilder processes;

    g_variant_builder_init(&processes, G_VARIANT_TYPE("a(sh)"));
    g_variant_builder_add(&processes, "(sh)", "device", g_unix_fd_list_append(fds, fd, NULL));
    reply = g_variant_ref_sink(g_variant_new("(a(sh))", &processes));
    return vm_trace_new_for_rings(reply, fds, (1U << TRACE_EVENTS) - 1, NULL);
}

/* One record, or how many there are. */
static void
write_something(struct trace_ring *ring, const uint8_t *data)
{
    struct trace_record *record = &ring->record[(data[1] | data[2] << 8) % TRACE_RECORDS];
    uint64_t value;

    memcpy(&value, data, sizeof(value));
    switch (data[0] % 4) {
    case 0:
        ring->next += data[1];
        break;
    case 1:
        ring->next = value;
        break;
    case 2:
        *record = (struct trace_record){.stamp = value >> 24, .event = data[3] & 15};
        break;
    default: /* as it should be, but for what the arguments are */
        record = &ring->record[ring->next % TRACE_RECORDS];
        *record = (struct trace_record){
            .stamp = ++ring->next, .event = data[1] % TRACE_EVENTS, .time_ns = data[2]};
        for (size_t i = 0; i < TRACE_ARGUMENTS; i++) {
            record->argument[i] = value << (8 * i) | data[3];
        }
        break;
    }
}

static void
read_all(VmTrace *trace)
{
    VmTraceEvent event;
    uint64_t last = 0;
    guint n = vm_trace_poll(trace);

    assert(n <= TRACE_RECORDS);
    for (; vm_trace_next(trace, &event); n--) {
        assert(n > 0 && event.time_ns >= last && strlen(event.text) < 200);
        assert(vm_trace_find_event(event.name) != 0);
        last = event.time_ns;
        g_free(event.text);
    }
    assert(n == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int fd = fd_memory_file("trace", sizeof(struct trace_ring));
    struct trace_ring *ring = mmap(NULL, sizeof(*ring), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    VmTrace *trace;

    assert(ring != MAP_FAILED);
    trace = open_ring(fd);
    assert(trace);
    for (size_t i = 0; i + STEP <= size; i += STEP) {
        write_something(ring, data + i);
        if (data[i] & 0x80) {
            read_all(trace);
        }
    }
    read_all(trace);
    g_object_unref(trace);
    munmap(ring, sizeof(*ring));
    close(fd);
    return 0;
}
