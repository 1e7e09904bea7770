/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A hostile guest and a hostile compositor at both ends of two cross-domain contexts. */

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/fakes/cross-rig.h"
#include "tests/fuzz/fuzz.h"
#include "vmm/base/assert.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/base/message.h"

enum {
    STREAM_MAX = 2048,
    XR24 = 0x34325258,
    NV12 = 0x3231564e,
};

/* A command that is nearly right. */
static size_t
put_command(struct fuzz_input *input, uint8_t *out)
{
    static const uint8_t types[16] = {1, 1, 1, 1, 1, 1, 1, 1, 3, 3, 3, 3, 3, 2, 4, 5};
    static const uint8_t commands[16] = {2, 2, 2, 3, 4, 4, 4, 4, 4, 4, 7, 7, 7, 0xd0, 1, 5};
    uint64_t how = fuzz_take(input, 4);
    struct cross_message message = {.n_ids = htole32((uint32_t)(how >> 8 & 3)),
                                    .data_size = htole32((uint32_t)(how >> 10 & 63))};
    size_t size = sizeof(message) + 64;

    for (size_t i = 0; i < 3; i++) {
        message.ids[i] = htole32((uint32_t)fuzz_take(input, 1) % 24);
        message.types[i] = htole32(types[fuzz_take(input, 1) & 15]);
        if (message.types[i] == htole32(CROSS_ID_READ_PIPE) && (how & 0x10000)) {
            message.ids[i] = htole32(CROSS_READ_PIPE_BASE + message.ids[i]);
        }
    }
    if ((how & 0xff) == 0) {
        message.data_size = (uint32_t)fuzz_take(input, 4);
    } else if ((how & 0xff) == 1) {
        message.n_ids = (uint32_t)fuzz_take(input, 4);
    }
    message.header.command = commands[how >> 20 & 15];
    if (message.header.command == CROSS_GET_IMAGE_REQUIREMENTS) {
        message.ids[0] = htole32(how & 0x1000000 ? XR24 : NV12);
        message.ids[1] = htole32(how & 0x2000000 ? CROSS_IMAGE_DMABUF : 1);
    }
    if (message.header.command != CROSS_SEND) {
        size = 24; /* the others' words lie over n_ids, data_size and ids */
    }
    message.header.size = htole16((uint16_t)((how & 0xff) == 2 ? fuzz_take(input, 2) : size));
    memcpy(out, &message, MIN_OF(size, sizeof(message)));
    return size;
}

static void
submit(struct fuzz_input *input, struct cross_rig *rig, uint32_t context)
{
    uint8_t stream[STREAM_MAX] = {0};
    size_t size = put_command(input, stream);
    uint64_t how = fuzz_take(input, 1);

    if (how & 1) {
        size += put_command(input, stream + size);
    }
    (void)cross_rig_submit_fenced(rig, context, stream, size, (uint32_t)(how >> 1 & 1));
}

static void
compositor_says(struct fuzz_input *input, struct cross_rig *rig, const int *fds)
{
    uint64_t how = fuzz_take(input, 1);

    if (rig->compositor >= 0) {
        (void)message_send_part(rig->compositor, input->data, MIN_OF(input->size, (size_t)how), fds,
                                how % 4);
        (void)!recv(rig->compositor, (uint8_t[512]){0}, 512, MSG_DONTWAIT);
    }
}

static void
step(struct fuzz_input *input, struct cross_rig *rig, const int *fds)
{
    struct renderer *renderer = rig->renderer;
    uint64_t how = fuzz_take(input, 1);
    uint32_t context = 1 + (uint32_t)(how >> 7);
    uint32_t id = 5 + (uint32_t)(how >> 3 & 7);
    struct resource *resource = resource_find(&rig->resources, id);

    switch (how & 7) {
    case 0:
        (void)cross_rig_blob(rig, context, id, fuzz_take(input, 1),
                             (fuzz_take(input, 1) & 3) * CROSS_PAGE_SIZE);
        break;
    case 1:
        renderer->ops->destroy_resource(renderer, id);
        if (resource) {
            renderer->ops->detach(renderer, 1, resource);
            renderer->ops->detach(renderer, 2, resource);
            resource_destroy(&rig->resources, resource);
        }
        break;
    case 2:
        compositor_says(input, rig, fds);
        break;
    case 3:
        (void)cross_rig_poll(rig, context);
        break;
    case 4:
        cross_rig_run(rig);
        break;
    default:
        submit(input, rig, context);
        break;
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    struct cross_rig rig;
    int ends[2];

    log_set_level(LOG_LEVEL_ERROR);
    assert(pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0);
    const int fds[] = {fd_memory_file("file", 100), ends[1], ends[0]};
    const struct cross_rig_how how = {
        .udmabuf = -1, .makes_dmabufs = size & 1, .sends_resources = size & 2};
    assert(cross_rig_open_how(&rig, how) && cross_rig_context(&rig, 1) &&
           cross_rig_context(&rig, 2));
    for (unsigned int i = 0; i < 200 && input.size > 0; i++) {
        step(&input, &rig, fds);
    }
    cross_rig_close(&rig);
    close(fds[0]);
    close(ends[0]);
    close(ends[1]);
    return 0;
}
