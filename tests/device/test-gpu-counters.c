/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the card counts of each type of command, each resource and each timeline of fences. */

#include "tests/unit/tap.h"

#include <poll.h>

#include "tests/device/gpu-card.h"
#include "vmm/base/bytes.h"
#include "vmm/base/message.h"

enum {
    OK = VIRTIO_GPU_RESP_OK_NODATA,
    NO_CONTEXT = VIRTIO_GPU_RESP_ERR_INVALID_CONTEXT_ID,
    CREATE = VIRTIO_GPU_CMD_RESOURCE_CREATE_3D,
    SUBMIT = VIRTIO_GPU_CMD_SUBMIT_3D,
    EDGE = 64,
    SIZE = EDGE * EDGE * 4,
    UNKNOWN = 0xdead,
};

static uint32_t
ask_context(struct card *card, uint32_t type, uint32_t id)
{
    struct virtio_gpu_ctx_create request = {.hdr.ctx_id = id, .nlen = 4, .debug_name = "test"};

    return card_ask(card, type, &request,
                    type == VIRTIO_GPU_CMD_CTX_CREATE ? sizeof(request) : sizeof(request.hdr),
                    NULL);
}

static uint32_t
create_picture(struct card *card, uint32_t id, uint32_t width)
{
    struct virtio_gpu_resource_create_3d request = {.resource_id = id,
                                                    .target = 2,
                                                    .format = 1, /* B8G8R8A8 */
                                                    .bind = 1 << 1 | 1 << 3,
                                                    .width = width,
                                                    .height = EDGE,
                                                    .depth = 1,
                                                    .array_size = 1};

    return card_ask(card, CREATE, &request, sizeof(request), NULL);
}

/* A command stream without commands, for its fence: on a ring, or for -1 on the global timeline. */
static uint32_t
ask_fence(struct card *card, uint32_t context, int ring)
{
    struct virtio_gpu_cmd_submit carrier = {
        .hdr = {.ctx_id = context,
                .flags = VIRTIO_GPU_FLAG_FENCE | (ring < 0 ? 0 : VIRTIO_GPU_FLAG_INFO_RING_IDX),
                .ring_idx = (uint8_t)(ring < 0 ? 0 : ring)}};

    return card_ask(card, SUBMIT, &carrier, sizeof(carrier), NULL);
}

static bool
start(struct card *card)
{
    return card_start_level(card, GPU_LEVEL_SOFT) && card_say_hello(card) &&
           ask_context(card, VIRTIO_GPU_CMD_CTX_CREATE, 1) == OK &&
           create_picture(card, 5, EDGE) == OK;
}

/* All zeros when it does not answer. */
static const struct gpu_statistics *
ask_statistics(struct card *card, struct shown *shown)
{
    static const struct gpu_statistics none;
    const struct start_header ask = {GPU_ASK_STATISTICS, sizeof(ask)};
    struct pollfd wait = {.fd = card->display, .events = POLLIN};
    int r = message_send(card->display, &ask, sizeof(ask), NULL, 0);

    while (r == 0 && poll(&wait, 1, FAKE_LIMIT_MS) == 1) {
        if (card_next(card, shown) == GPU_STATISTICS) {
            return &shown->statistics;
        }
    }
    return &none;
}

static const struct gpu_command_statistics *
find_command(const struct gpu_statistics *all, uint32_t type)
{
    static const struct gpu_command_statistics none;

    for (uint32_t i = 0; i < all->n_commands; i++) {
        if (all->command[i].type == type) {
            return &all->command[i];
        }
    }
    return &none;
}

/* Numbers of the guest's choice have one place together. */
TAP_TEST(commands)
{
    struct card card;
    static struct shown shown;
    struct virtio_gpu_ctrl_hdr unknown = {0};
    uint64_t sum = 0;
    uint64_t failed = 0;

    check(start(&card));
    check_int(ask_fence(&card, 1, -1), OK);
    check_int(ask_fence(&card, 1, -1), OK);
    check_int(ask_fence(&card, 9, -1), NO_CONTEXT);
    for (uint32_t i = 0; i < 5; i++) {
        (void)card_ask(&card, UNKNOWN + i, &unknown, sizeof(unknown), NULL);
    }
    const struct gpu_statistics *all = ask_statistics(&card, &shown);
    const struct gpu_command_statistics *submit = find_command(all, SUBMIT);
    check(submit->count == 3 && submit->failed == 1);
    check(submit->longest_ns > 0 && submit->total_ns > submit->longest_ns);
    check(find_command(all, CREATE)->count == 1 && find_command(all, CREATE)->failed == 0);
    check(find_command(all, 0)->count == 5 && find_command(all, 0)->failed == 5);
    check_int(find_command(all, UNKNOWN)->count, 0);
    for (uint32_t i = 0; i < all->n_commands; i++) {
        sum += all->command[i].count;
        failed += all->command[i].failed;
    }
    check(sum == all->commands && failed == all->failed);
    check_int(card_stop(&card), 0);
}

/* The largest by themselves, the others summed. */
TAP_TEST(resources)
{
    struct card card;
    static struct shown shown;

    check(start(&card));
    for (int i = 0; i < 3; i++) {
        check_int(card_flush(&card, 5, RECT(0, 0, EDGE, EDGE)), OK);
    }
    for (uint32_t i = 0; i < GPU_RESOURCES_TOLD + 8; i++) {
        check_int(create_picture(&card, 100 + i, 8 + i), OK);
    }
    const struct gpu_statistics *all = ask_statistics(&card, &shown);
    check_int(all->n_largest, GPU_RESOURCES_TOLD);
    check_int(all->n_other_resources, 9);
    const struct gpu_resource_statistics *picture = &all->largest[0];
    check(picture->id == 5 && picture->kind == GPU_RESOURCE_TEXTURE && picture->memory == SIZE);
    check(picture->width == EDGE && picture->height == EDGE && picture->texture_format == 1);
    check(picture->flushes == 3 && picture->transfers == 0);
    check_int(all->largest[1].id, 100 + GPU_RESOURCES_TOLD + 7);
    check_int(all->largest[GPU_RESOURCES_TOLD - 1].id, 109);
    uint64_t memory = all->other_resources.memory;
    for (uint32_t i = 0; i < all->n_largest; i++) {
        check(i == 0 || all->largest[i].memory <= all->largest[i - 1].memory);
        memory += all->largest[i].memory;
    }
    check_int(memory, all->memory);
    check_int(card_stop(&card), 0);
}

static const struct gpu_timeline_statistics *
find_ring(const struct gpu_statistics *all, uint32_t context, uint32_t ring)
{
    static const struct gpu_timeline_statistics none;

    for (uint32_t i = 0; i < all->n_timelines; i++) {
        const struct gpu_timeline_statistics *timeline = &all->timeline[i];
        if (timeline->on_ring && timeline->context == context && timeline->ring == ring) {
            return timeline;
        }
    }
    return &none;
}

TAP_TEST(fences)
{
    struct card card;
    static struct shown shown;

    check(start(&card));
    check_int(ask_fence(&card, 1, -1), OK);
    for (uint32_t i = 0; i < 3; i++) {
        check_int(ask_fence(&card, 1, 0), OK);
    }
    const struct gpu_statistics *all = ask_statistics(&card, &shown);
    check_int(all->n_timelines, 2);
    check(!all->timeline[0].on_ring && !all->timeline[0].others && all->timeline[0].created == 1);
    const struct gpu_timeline_statistics *ring = find_ring(all, 1, 0);
    check(ring->created == 3 && ring->completed == 3);
    check(ring->longest_ns > 0 && ring->total_ns > ring->longest_ns);
    check_int(card_stop(&card), 0);
}

/* More rings than places, those of a context that there is not; then the context ends. */
TAP_TEST(fences_have_places)
{
    struct card card;
    static struct shown shown;

    check(start(&card));
    check_int(ask_fence(&card, 1, -1), OK);
    for (int i = 0; i < GPU_TIMELINES_TOLD; i++) {
        (void)ask_fence(&card, 1, i);
    }
    check_int(ask_fence(&card, 77, 3), NO_CONTEXT);
    const struct gpu_statistics *all = ask_statistics(&card, &shown);
    check_int(all->n_timelines, GPU_TIMELINES_TOLD);
    check_int(find_ring(all, 1, 0)->created, 1);
    check(all->timeline[1].others && all->timeline[1].created == 3);
    check_int(ask_context(&card, VIRTIO_GPU_CMD_CTX_DESTROY, 1), OK);
    all = ask_statistics(&card, &shown);
    check_int(all->n_timelines, 2);
    check(all->timeline[1].others && all->timeline[1].created == GPU_TIMELINES_TOLD + 1);
    check_int(all->timeline[1].completed, all->timeline[1].created);
    check_int(card_stop(&card), 0);
}

TAP_MAIN(TAP_CASE(commands), TAP_CASE(resources), TAP_CASE(fences), TAP_CASE(fences_have_places))
