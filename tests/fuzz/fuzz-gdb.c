/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Any bytes of a debugger, before a machine that answers anything. */

#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "vmm/base/assert.h"
#include "vmm/base/bytes.h"
#include "vmm/gdb/packet.h"
#include "vmm/gdb/session.h"

struct rig {
    struct fuzz_input input;
    uint64_t sent;
};

static int
rig_ask(void *data, const void *request, size_t size, union debug_answer *ret_answer)
{
    static const size_t sizes[] = {sizeof(struct debug_done),
                                   sizeof(struct debug_registers_message),
                                   sizeof(struct debug_memory)};
    struct rig *rig = data;
    const struct start_header *header = request;
    const uint64_t how = fuzz_take(&rig->input, 1);
    const uint32_t kind = header->type == DEBUG_READ            ? 2
                          : header->type == DEBUG_GET_REGISTERS ? 1
                                                                : 0;

    assert(header->size == size);
    if (how == 1) {
        return -5;
    }
    memset(ret_answer, (int)how, sizeof(*ret_answer));
    ret_answer->header = (struct start_header){DEBUG_DONE + (how == 2 ? 0 : kind),
                                               (uint32_t)sizes[how == 2 ? 0 : kind]};
    if (how > 8) {
        ret_answer->done.result = 0;
        ret_answer->registers.result = 0;
        ret_answer->memory.result = (int32_t)(how * 16);
    }
    return 0;
}

static void
rig_send(void *data, const void *bytes, size_t n)
{
    struct rig *rig = data;
    const uint8_t *from = bytes;

    assert(n <= PACKET_MAX + 4);
    for (size_t i = 0; i < n; i++) { /* a sanitizer sees what is not ours */
        rig->sent += from[i];
    }
}

static void
rig_leave(void *data)
{
    (void)data;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct session_ops ops = {.ask = rig_ask, .send = rig_send, .leave = rig_leave};
    struct rig rig = {.input = {data, size}};
    const struct debug_stopped stopped = {.reason = (uint32_t)fuzz_take(&rig.input, 1)};
    const uint32_t n_cpus = 1 + (uint32_t)fuzz_take(&rig.input, 1) % 32;
    cleanup(session_destroyp) struct session *session =
        session_create(&ops, &rig, n_cpus, n_cpus & 1 ? &stopped : NULL);

    session_input(session, data, size);
    while (rig.input.size > 0) { /* what follows are lines of packets with true sums */
        struct packet_writer writer = {0};
        char frame[PACKET_MAX + 4];
        const uint8_t *end = memchr(rig.input.data, '\n', rig.input.size);
        const size_t n = end ? (size_t)(end - rig.input.data) : rig.input.size;

        memcpy(writer.data, rig.input.data, MIN_OF(n, (size_t)PACKET_MAX));
        writer.length = MIN_OF(n, (size_t)PACKET_MAX);
        const size_t skip = MIN_OF(n + 1, rig.input.size);
        rig.input.data += skip;
        rig.input.size -= skip;
        session_input(session, (const uint8_t *)frame, packet_frame(&writer, frame));
        session_stopped(session, &stopped);
    }
    session_ended(session, stopped.reason);
    return 0;
}
