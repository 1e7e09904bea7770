/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Contexts on Mesa's software renderer, in the jail of that level: what is drawn, and what is refused. */

#include "tests/unit/tap.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/device/gpu-card.h"
#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/base/message.h"

enum {
    OK = VIRTIO_GPU_RESP_OK_NODATA,
    BAD = VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
    NO_RESOURCE = VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID,
    NO_CONTEXT = VIRTIO_GPU_RESP_ERR_INVALID_CONTEXT_ID,
    NO_MEMORY = VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY,

    EDGE = 64,
    SIZE = EDGE * EDGE * 4,
    BGRA = 1,

    /* virgl's protocol: commands, objects, bits. */
    CREATE_OBJECT = 1,
    SET_FRAMEBUFFER_STATE = 5,
    CLEAR = 7,
    PIPE_RESOURCE_CREATE = 48,
    GET_MEMORY_INFO = 50,
    OBJECT_SURFACE = 8,
    CLEAR_COLOR = 1 << 2,
    BIND_RENDER_TARGET = 1 << 1,
    BIND_SAMPLER_VIEW = 1 << 3,
};

#define WORD(command, object, length) \
    ((uint32_t)(command) | (uint32_t)(object) << 8 | (uint32_t)(length) << 16)
#define F_ONE  0x3f800000U
#define F_ZERO 0U

static uint32_t
create_context(struct card *card, uint32_t id, uint32_t capset)
{
    struct virtio_gpu_ctx_create request = {
        .hdr.ctx_id = id, .nlen = 4, .context_init = capset, .debug_name = "test"};

    return card_ask(card, VIRTIO_GPU_CMD_CTX_CREATE, &request, sizeof(request), NULL);
}

static uint32_t
destroy_context(struct card *card, uint32_t id)
{
    struct virtio_gpu_ctx_destroy request = {.hdr.ctx_id = id};

    return card_ask(card, VIRTIO_GPU_CMD_CTX_DESTROY, &request, sizeof(request), NULL);
}

static uint32_t
attach_resource(struct card *card, uint32_t context, uint32_t id)
{
    struct virtio_gpu_ctx_resource request = {.hdr.ctx_id = context, .resource_id = id};

    return card_ask(card, VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE, &request, sizeof(request), NULL);
}

static struct virtio_gpu_resource_create_3d
picture(uint32_t id, uint32_t width, uint32_t height)
{
    return (struct virtio_gpu_resource_create_3d){.resource_id = id,
                                                  .target = 2,
                                                  .format = BGRA,
                                                  .bind = BIND_RENDER_TARGET | BIND_SAMPLER_VIEW,
                                                  .width = width,
                                                  .height = height,
                                                  .depth = 1,
                                                  .array_size = 1};
}

static uint32_t
create_3d(struct card *card, struct virtio_gpu_resource_create_3d request)
{
    return card_ask(card, VIRTIO_GPU_CMD_RESOURCE_CREATE_3D, &request, sizeof(request), NULL);
}

/* Send a command stream; with `fence` not 0 the response must bring it back. */
static uint32_t
submit(struct card *card, uint32_t context, const uint32_t *words, size_t n, uint64_t fence)
{
    struct {
        struct virtio_gpu_cmd_submit request;
        uint32_t words[64];
    } message = {.request = {.hdr = {.ctx_id = context,
                                     .flags = fence ? VIRTIO_GPU_FLAG_FENCE : 0,
                                     .fence_id = fence},
                             .size = (uint32_t)(n * sizeof(uint32_t))}};

    memcpy(message.words, words, n * sizeof(uint32_t));
    uint32_t type = card_ask(card, VIRTIO_GPU_CMD_SUBMIT_3D, &message,
                             sizeof(message.request) + n * sizeof(uint32_t), NULL);
    if (fence && (!(card->header->flags & VIRTIO_GPU_FLAG_FENCE) ||
                  card->header->fence_id != fence || card->header->ctx_id != context)) {
        return 0;
    }
    return type;
}

/* Make a surface of the picture and let the context draw to it. */
static uint32_t
bind_picture(struct card *card, uint32_t context, uint32_t id)
{
    const uint32_t words[] = {WORD(CREATE_OBJECT, OBJECT_SURFACE, 5), 100 + id, id, BGRA,    0, 0,
                              WORD(SET_FRAMEBUFFER_STATE, 0, 3),      1,        0,  100 + id};

    return submit(card, context, words, ARRAY_SIZE(words), 0);
}

static uint32_t
clear(struct card *card, uint32_t context, uint32_t red, uint32_t green, uint64_t fence)
{
    const uint32_t words[] = {WORD(CLEAR, 0, 8), CLEAR_COLOR, red, green, F_ONE, F_ONE, 0, 0, 0};

    return submit(card, context, words, ARRAY_SIZE(words), fence);
}

static uint32_t
transfer(struct card *card, uint32_t type, struct virtio_gpu_transfer_host_3d request)
{
    return card_ask(card, type, &request, sizeof(request), NULL);
}

/* A context with a picture that a command stream may draw to. */
static bool
start_drawing(struct card *card)
{
    return card_start_level(card, GPU_LEVEL_SOFT) && card_say_hello(card) &&
           create_context(card, 1, 2) == OK && create_3d(card, picture(5, EDGE, EDGE)) == OK &&
           attach_resource(card, 1, 5) == OK && bind_picture(card, 1, 5) == OK;
}

static bool
all_pixels_are(const uint8_t *pixels, uint32_t value)
{
    for (size_t i = 0; i < SIZE; i += 4) {
        if (load_le32(pixels + i) != value) {
            return false;
        }
    }
    return true;
}

TAP_TEST(capsets)
{
    struct card card;
    struct virtio_gpu_config config;
    struct virtio_gpu_get_capset_info info = {0};
    struct virtio_gpu_get_capset get = {.capset_id = 2, .capset_version = 2};
    const struct virtio_gpu_resp_capset_info *described = (const void *)card.response;

    check(card_start_level(&card, GPU_LEVEL_SOFT));
    check(card.fake.features & 1 << VIRTIO_GPU_F_VIRGL);
    check(card.fake.features & 1 << VIRTIO_GPU_F_CONTEXT_INIT);
    check(fake_get_config(&card.fake, 0, &config, sizeof(config)));
    check_int(config.num_capsets, 2);
    for (uint32_t i = 0; i < 2; i++) {
        info.capset_index = i;
        check_int(card_ask(&card, VIRTIO_GPU_CMD_GET_CAPSET_INFO, &info, sizeof(info), NULL),
                  VIRTIO_GPU_RESP_OK_CAPSET_INFO);
        check_int(described->capset_id, i + 1);
    }
    uint32_t size = described->capset_max_size;
    info.capset_index = 2;
    check_int(card_ask(&card, VIRTIO_GPU_CMD_GET_CAPSET_INFO, &info, sizeof(info), NULL), BAD);
    check_int(card_ask(&card, VIRTIO_GPU_CMD_GET_CAPSET, &get, sizeof(get), NULL),
              VIRTIO_GPU_RESP_OK_CAPSET);
    check_int(card.written, 24 + size);
    check_int(load_le32(card.response + 24), 2); /* its version comes first */
    get.capset_id = 4;
    check_int(card_ask(&card, VIRTIO_GPU_CMD_GET_CAPSET, &get, sizeof(get), NULL), BAD);
    check_int(card_stop(&card), 0);
}

TAP_TEST(what_is_drawn_is_shown)
{
    struct card card;
    static struct shown shown;

    check(start_drawing(&card));
    check_int(clear(&card, 1, F_ONE, F_ZERO, 7), OK); /* magenta */
    check_int(card_set_scanout(&card, 0, 5, RECT(0, 0, EDGE, EDGE)), OK);
    check_int(card_next(&card, &shown), GPU_BUFFER);
    const uint8_t *pixels = shown_map(&shown);
    check(pixels && all_pixels_are(pixels, 0xffff00ff));
    check_int(card_next(&card, &shown), GPU_SCANOUT);
    check(shown.scanout.width == EDGE && shown.scanout.format == GPU_FORMAT_AR24);

    /* Drawn, but shown only when the guest says so, and only where it says so. */
    check_int(clear(&card, 1, F_ZERO, F_ONE, 8), OK); /* cyan */
    check(all_pixels_are(pixels, 0xffff00ff));
    check_int(card_flush(&card, 5, RECT(8, 16, 4, 2)), OK);
    check_int(card_next(&card, &shown), GPU_UPDATE);
    check(shown.update.x == 8 && shown.update.y == 16 && shown.update.width == 4);
    for (uint32_t i = 0; i < EDGE * EDGE; i++) {
        bool inside = i % EDGE >= 8 && i % EDGE < 12 && i / EDGE >= 16 && i / EDGE < 18;
        check_int(load_le32(pixels + i * 4UL), inside ? 0xff00ffff : 0xffff00ff);
    }
    check_int(card_flush(&card, 5, RECT(0, 0, EDGE, EDGE)), OK);
    check(all_pixels_are(pixels, 0xff00ffff));
    check_int(card_next(&card, &shown), GPU_UPDATE);

    /* A second picture of that size takes its place without a word to the display. */
    check_int(create_3d(&card, picture(6, EDGE, EDGE)), OK);
    check_int(attach_resource(&card, 1, 6), OK);
    check_int(bind_picture(&card, 1, 6), OK);
    check_int(clear(&card, 1, F_ONE, F_ONE, 0), OK);
    check_int(card_set_scanout(&card, 0, 6, RECT(0, 0, EDGE, EDGE)), OK);
    check_int(card_next(&card, &shown), 0);
    check_int(card_flush(&card, 6, RECT(0, 0, EDGE, EDGE)), OK);
    check(all_pixels_are(pixels, 0xffffffff));
    check_int(card_unref(&card, 6), OK);
    check_int(card_next(&card, &shown), GPU_UPDATE);
    check_int(card_next(&card, &shown), GPU_SCANOUT);
    check_int(shown.scanout.buffer, 0);
    check_int(card_stop(&card), 0);
}

TAP_TEST(what_is_drawn_is_read)
{
    struct card card;
    const struct virtio_gpu_transfer_host_3d all = {
        .hdr.ctx_id = 1, .box = {0, 0, 0, EDGE, EDGE, 1}, .resource_id = 5, .stride = EDGE * 4};

    check(start_drawing(&card));
    check_int(transfer(&card, VIRTIO_GPU_CMD_TRANSFER_FROM_HOST_3D, all),
              VIRTIO_GPU_RESP_ERR_UNSPEC); /* no pages */
    check_int(card_attach(&card, 5, SIZE), OK);
    check_int(clear(&card, 1, F_ONE, F_ZERO, 1), OK);
    check_int(transfer(&card, VIRTIO_GPU_CMD_TRANSFER_FROM_HOST_3D, all), OK);
    for (uint32_t i = 0; i < SIZE; i += 4) {
        check_int(load_le32(card_pixel(&card, SIZE, i)), 0xffff00ff);
    }
    /* The other way, shown through a scanout. */
    card_paint(&card, SIZE, 3);
    check_int(transfer(&card, VIRTIO_GPU_CMD_TRANSFER_TO_HOST_3D, all), OK);
    check_int(card_set_scanout(&card, 0, 5, RECT(0, 0, EDGE, EDGE)), OK);
    static struct shown shown;
    check_int(card_next(&card, &shown), GPU_BUFFER);
    const uint8_t *pixels = shown_map(&shown);
    for (uint32_t i = 0; i < SIZE; i += 4) {
        check_int(load_le32(pixels + i), load_le32(card_pixel(&card, SIZE, i)));
    }
    check_int(card_stop(&card), 0);
}

/* How much memory the card has is a file of the host's to the software renderer: not in the jail. */
TAP_TEST(memory_may_be_asked)
{
    struct card card;
    const uint32_t question[] = {WORD(GET_MEMORY_INFO, 0, 1), 5};

    check(start_drawing(&card));
    check_int(card_attach(&card, 5, SIZE), OK);
    check_int(submit(&card, 1, question, ARRAY_SIZE(question), 1), OK);
    check_int(clear(&card, 1, F_ONE, F_ZERO, 2), OK);
    check_int(card_stop(&card), 0);
}

TAP_TEST(a_context_draws_on_a_2d_resource)
{
    struct card card;
    static struct shown shown;

    check(card_start_level(&card, GPU_LEVEL_SOFT) && card_say_hello(&card));
    check_int(card_create_2d(&card, 5, EDGE, EDGE), OK);
    check_int(card_attach(&card, 5, SIZE), OK);
    card_paint(&card, SIZE, 9);
    check_int(card_transfer(&card, 5, RECT(0, 0, EDGE, EDGE), 0), OK);
    check_int(card_set_scanout(&card, 0, 5, RECT(0, 0, EDGE, EDGE)), OK);
    check_int(card_next(&card, &shown), GPU_BUFFER);
    const uint8_t *pixels = shown_map(&shown);
    check_int(card_next(&card, &shown), GPU_SCANOUT);
    check_int(create_context(&card, 1, 2), OK);
    check_int(attach_resource(&card, 1, 5), OK);
    /* The guest's own pixels still arrive, now by way of the renderer. */
    check_int(card_flush(&card, 5, RECT(0, 0, EDGE, EDGE)), OK);
    for (uint32_t i = 0; i < SIZE; i += 4) {
        check_int(load_le32(pixels + i) | 0xff000000,
                  load_le32(card_pixel(&card, SIZE, i)) | 0xff000000);
    }
    card_paint(&card, SIZE, 10);
    check_int(card_transfer(&card, 5, RECT(0, 0, EDGE, 8), 0), OK);
    check_int(card_flush(&card, 5, RECT(0, 0, EDGE, EDGE)), OK);
    for (uint32_t i = 0; i < SIZE; i += 4) {
        uint32_t want = load_le32(card_pixel(&card, SIZE, i)) - (i < EDGE * 8 * 4 ? 0 : 1);
        check_int(load_le32(pixels + i) | 0xff000000, want | 0xff000000);
    }
    check_int(card_unref(&card, 5), OK);
    check_int(destroy_context(&card, 1), OK);
    check_int(card_stop(&card), 0);
}

TAP_TEST(fences)
{
    struct card card;
    struct virtio_gpu_cmd_submit carrier = {
        .hdr = {.ctx_id = 1,
                .flags = VIRTIO_GPU_FLAG_FENCE | VIRTIO_GPU_FLAG_INFO_RING_IDX,
                .fence_id = 40}};

    check(start_drawing(&card));
    for (uint32_t i = 0; i < 50; i++) {
        check_int(clear(&card, 1, F_ONE, F_ZERO, 1 + i), OK);
    }
    /* A ring of its own, one that the renderer has not, and none at all. */
    check_int(card_ask(&card, VIRTIO_GPU_CMD_SUBMIT_3D, &carrier, sizeof(carrier), NULL), OK);
    check_int(card.header->flags, VIRTIO_GPU_FLAG_FENCE | VIRTIO_GPU_FLAG_INFO_RING_IDX);
    check_int(card.header->fence_id, 40);
    carrier.hdr.ring_idx = 9;
    check_int(card_ask(&card, VIRTIO_GPU_CMD_SUBMIT_3D, &carrier, sizeof(carrier), NULL), OK);
    carrier.hdr = (struct virtio_gpu_ctrl_hdr){.flags = VIRTIO_GPU_FLAG_FENCE, .ctx_id = 77};
    check_int(card_ask(&card, VIRTIO_GPU_CMD_SUBMIT_3D, &carrier, sizeof(carrier), NULL),
              NO_CONTEXT); /* and yet it is answered */
    check_int(card.header->flags, VIRTIO_GPU_FLAG_FENCE);
    check_int(card_stop(&card), 0);
}

TAP_TEST(counters)
{
    struct card card;
    static struct shown shown;
    const struct start_header ask = {GPU_ASK_STATISTICS, sizeof(ask)};
    const uint32_t nonsense[] = {WORD(200, 3, 2), 1, 2};

    check(start_drawing(&card));
    check_int(clear(&card, 1, F_ONE, F_ZERO, 7), OK);
    check_int(create_context(&card, 9, 1), OK);
    check_int(submit(&card, 9, nonsense, ARRAY_SIZE(nonsense), 0), BAD);
    for (int i = 0; i < 3; i++) {
        check_int(card_flush(&card, 5, RECT(0, 0, EDGE, EDGE)), OK);
    }
    check_int(message_send(card.display, &ask, sizeof(ask), NULL, 0), 0);
    struct pollfd wait = {.fd = card.display, .events = POLLIN};
    check_int(poll(&wait, 1, FAKE_LIMIT_MS), 1);
    check_int(card_next(&card, &shown), GPU_STATISTICS);
    const struct gpu_statistics *all = &shown.statistics;
    check_int(all->n_contexts, 2);
    check_int(all->n_resources, 1);
    check_int(all->memory, SIZE);
    check_int(all->commands, 10);
    check_int(all->failed, 1);
    check_int(all->submits, 3);
    check_int(all->fences, 1);
    check_int(all->fences_waiting, 0);
    check(all->queue_size > 0 && all->queue_peak >= 1 && all->queue_peak <= all->queue_size);
    check_int(all->blobs_mapped, 0);
    check_int(all->blobs_limit, BLOB_WINDOW_PIECES_MAX);
    check(all->n_capsets >= 1 && (all->capset[0] == 1 || all->capset[0] == 2));
    check_int(all->flushes, 3);
    check(all->n_frames == 2 && all->frame_us[0] > 0 && all->frame_us[2] == 0);
    check(all->context[0].id == 1 && strcmp(all->context[0].name, "test") == 0);
    check(all->context[0].submits == 2 && all->context[0].command_bytes == 19 * 4UL);
    check(all->context[0].resources == 1 && all->context[0].memory == SIZE);
    check(all->context[0].fences == 1 && all->context[0].failed == 0);
    check(all->context[1].id == 9 && all->context[1].failed == 1);
    check_int(card_stop(&card), 0);
}

TAP_TEST(bad_numbers_are_refused)
{
    struct card card;
    struct virtio_gpu_resource_create_3d bad = picture(9, EDGE, EDGE);
    struct virtio_gpu_transfer_host_3d box = {
        .hdr.ctx_id = 1, .box = {0, 0, 0, EDGE, EDGE, 1}, .resource_id = 5, .stride = EDGE * 4};
    const uint32_t read = VIRTIO_GPU_CMD_TRANSFER_FROM_HOST_3D;

    check(start_drawing(&card));
    check_int(create_context(&card, 0, 2), BAD);
    check_int(create_context(&card, 1, 2), NO_CONTEXT);
    check_int(create_context(&card, 2, 4), BAD); /* venus is not there */
    check_int(destroy_context(&card, 2), NO_CONTEXT);
    check_int(attach_resource(&card, 2, 5), NO_CONTEXT);
    check_int(attach_resource(&card, 1, 6), NO_RESOURCE);
    check_int(create_3d(&card, picture(5, EDGE, EDGE)), NO_RESOURCE);
    check_int(create_3d(&card, picture(0, EDGE, EDGE)), BAD);
    check_int(create_3d(&card, picture(9, 0, EDGE)), BAD);
    check_int(create_3d(&card, picture(9, UINT32_MAX, UINT32_MAX)), BAD);
    check_int(create_3d(&card, picture(9, 16384, 16384)), NO_MEMORY);
    bad.target = 99;
    check_int(create_3d(&card, bad), BAD);
    bad = picture(9, EDGE, EDGE);
    bad.format = 0x7fffffff;
    check_int(create_3d(&card, bad), BAD);
    bad = picture(9, EDGE, EDGE);
    bad.array_size = UINT32_MAX;
    check_int(create_3d(&card, bad), BAD);
    bad = picture(9, UINT32_MAX, 1);
    bad.target = 0;
    check_int(create_3d(&card, bad), NO_MEMORY);

    check_int(card_attach(&card, 5, SIZE), OK);
    box.box.w = EDGE + 1;
    check_int(transfer(&card, read, box), BAD);
    box.box = (struct virtio_gpu_box){UINT32_MAX, 0, 0, 2, 1, 1};
    check_int(transfer(&card, read, box), BAD);
    box.box = (struct virtio_gpu_box){0, 0, 1, EDGE, EDGE, 1};
    check_int(transfer(&card, read, box), BAD);
    box.box = (struct virtio_gpu_box){0, 0, 0, EDGE, EDGE, 1};
    box.offset = SIZE;
    check_int(transfer(&card, read, box), BAD);
    box.offset = UINT64_MAX - 100;
    check_int(transfer(&card, read, box), BAD);
    box.offset = 0;
    box.stride = UINT32_MAX;
    check_int(transfer(&card, read, box), BAD);
    box.stride = EDGE * 4;
    box.level = 1;
    check_int(transfer(&card, read, box), BAD);
    box.level = 0;
    box.hdr.ctx_id = 2;
    check_int(transfer(&card, read, box), NO_CONTEXT);
    box.hdr.ctx_id = 1;
    check_int(transfer(&card, read, box), OK);
    box.offset = 4; /* one pixel too far: only the renderer knows how long a row is */
    check_int(transfer(&card, read, box), BAD);
    check_int(card_stop(&card), 0);
}

TAP_TEST(bad_commands_end_their_context_alone)
{
    struct card card;
    const uint32_t nonsense[] = {WORD(200, 3, 2), 1, 2};
    const uint32_t too_long[] = {WORD(CLEAR, 0, 60000), 1, 2};
    const uint32_t nowhere[] = {WORD(CREATE_OBJECT, OBJECT_SURFACE, 5), 1, 4242, BGRA, 0, 0};
    struct virtio_gpu_cmd_submit request = {.hdr.ctx_id = 1, .size = 3};

    check(start_drawing(&card));
    check_int(create_context(&card, 2, 1), OK);
    check_int(attach_resource(&card, 2, 5), OK);
    check_int(card_ask(&card, VIRTIO_GPU_CMD_SUBMIT_3D, &request, sizeof(request), NULL), BAD);
    request.size = 4096; /* more than there is */
    check_int(card_ask(&card, VIRTIO_GPU_CMD_SUBMIT_3D, &request, sizeof(request), NULL), BAD);
    request.size = UINT32_MAX - 3;
    check_int(card_ask(&card, VIRTIO_GPU_CMD_SUBMIT_3D, &request, sizeof(request), NULL), BAD);
    check_int(clear(&card, 1, F_ONE, F_ZERO, 1), OK);
    check_int(submit(&card, 1, nonsense, ARRAY_SIZE(nonsense), 2), BAD);
    submit(&card, 1, too_long, ARRAY_SIZE(too_long), 3); /* the library passes over the rest */
    check_int(submit(&card, 1, nowhere, ARRAY_SIZE(nowhere), 4), BAD);
    check_int(bind_picture(&card, 2, 5), OK);
    check_int(clear(&card, 2, F_ONE, F_ZERO, 5), OK);
    check_int(destroy_context(&card, 1), OK);
    check_int(clear(&card, 2, F_ONE, F_ZERO, 6), OK);
    check_int(card_stop(&card), 0);
}

TAP_TEST(limits_hold)
{
    struct card card;
    uint32_t n = 2;
    uint32_t type = OK;

    check(start_drawing(&card));
    /* One context may not take all: 64 MiB for the machine, 48 for one. */
    for (uint32_t id = 10; id < 14; id++) {
        check_int(create_3d(&card, picture(id, 1792, 1792)), OK); /* 12.25 MiB */
        check_int(attach_resource(&card, 1, id), id < 13 ? OK : NO_MEMORY);
    }
    check_int(create_context(&card, 2, 2), OK);
    check_int(attach_resource(&card, 2, 13), OK);
    check_int(create_3d(&card, picture(14, 2048, 2048)), NO_MEMORY);
    check_int(card_unref(&card, 10), OK);
    check_int(attach_resource(&card, 1, 13), OK);
    for (uint32_t id = 11; id < 14; id++) {
        check_int(card_unref(&card, id), OK);
    }
    check_int(create_3d(&card, picture(14, 2048, 2048)), OK);
    while (type == OK && n < 1000) {
        type = create_context(&card, ++n, 2);
    }
    check_int(type, NO_MEMORY);
    check_int(n, 257);
    check_int(card_stop(&card), 0);
}

/* Textures that a command stream makes inside of the renderer are in nobody's count. */
TAP_TEST(hidden_memory_has_a_limit)
{
    struct card card;
    uint32_t type = OK;
    uint32_t n = 0;

    const bool jailed = getenv("FAKE_NO_JAIL") == NULL; /* else there is no limit */

    check(start_drawing(&card));
    while (jailed && type == OK && n < 200) { /* of 16 MiB each, where 64 may be counted */
        const uint32_t words[] = {WORD(PIPE_RESOURCE_CREATE, 0, 11),
                                  2, /* target, as picture() */
                                  BGRA,
                                  BIND_RENDER_TARGET | BIND_SAMPLER_VIEW,
                                  2048,
                                  2048,
                                  1,
                                  1,
                                  0,
                                  0,
                                  0,
                                  ++n};
        type = submit(&card, 1, words, ARRAY_SIZE(words), n);
    }
    printf("# refused after %u MiB\n", n * 16);
    check(!jailed || (type == BAD && n > 4 && n <= (1024 + 64) / 16 + 1));
    check_int(destroy_context(&card, 1), OK); /* and others go on */
    check_int(create_context(&card, 2, 2), OK);
    check_int(attach_resource(&card, 2, 5), OK);
    check_int(bind_picture(&card, 2, 5), OK);
    check_int(clear(&card, 2, F_ONE, F_ZERO, 1000), OK);
    check_int(card_stop(&card), 0);
}

TAP_TEST(reset_forgets_everything)
{
    struct card card;

    check(start_drawing(&card));
    check_int(card_attach(&card, 5, SIZE), OK);
    check_int(card_set_scanout(&card, 0, 5, RECT(0, 0, EDGE, EDGE)), OK);
    check(fake_stop_queue(&card.fake, 0) >= 0 && fake_stop_queue(&card.fake, 1) >= 0);
    struct vhost_message reset = {.header = {.request = VHOST_RESET_DEVICE}};
    check_int(fake_tell(&card.fake, &reset), 0);
    for (unsigned int i = 0; i < FAKE_QUEUES; i++) {
        struct fake_queue *queue = &card.fake.queues[i];
        queue->available = queue->used = queue->next_descriptor = 0;
        memset(fake_ram(&card.fake, FAKE_RINGS_AT + i * 0x10000), 0, 0x10000);
    }
    check(fake_open(&card.fake, 2));
    check_int(create_3d(&card, picture(5, EDGE, EDGE)), OK);
    check_int(create_context(&card, 1, 2), OK);
    check_int(attach_resource(&card, 1, 5), OK);
    check_int(bind_picture(&card, 1, 5), OK);
    check_int(clear(&card, 1, F_ONE, F_ZERO, 1), OK);
    check_int(card_stop(&card), 0);
}

static uint32_t
detach_pages(struct card *card, uint32_t id)
{
    struct virtio_gpu_resource_detach_backing request = {.resource_id = id};

    return card_ask(card, VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING, &request, sizeof(request), NULL);
}

/* A guest that goes on as if nothing had happened hears errors, and no fence stays out. */
static void
check_lost(bool *tap_ok, struct card *card)
{
    const struct virtio_gpu_transfer_host_3d box = {
        .box = {0, 0, 0, EDGE, EDGE, 1}, .resource_id = 5, .stride = EDGE * 4};
    struct virtio_gpu_transfer_host_3d by_context = box;
    struct virtio_gpu_resource_map_blob map = {.resource_id = 5};

    by_context.hdr.ctx_id = 1;
    check_int(clear(card, 1, F_ONE, F_ONE, 50), NO_CONTEXT);
    check_int(attach_resource(card, 1, 5), NO_CONTEXT);
    check_int(destroy_context(card, 1), NO_CONTEXT);
    check_int(transfer(card, VIRTIO_GPU_CMD_TRANSFER_FROM_HOST_3D, box), BAD);
    check_int(transfer(card, VIRTIO_GPU_CMD_TRANSFER_TO_HOST_3D, by_context), NO_CONTEXT);
    check_int(card_transfer(card, 5, RECT(0, 0, EDGE, EDGE), 0), BAD);
    check_int(card_set_scanout(card, 1, 5, RECT(0, 0, EDGE, EDGE)), NO_RESOURCE);
    check_int(card_ask(card, VIRTIO_GPU_CMD_RESOURCE_MAP_BLOB, &map, sizeof(map), NULL), BAD);
    check_int(create_3d(card, picture(5, EDGE, EDGE)), NO_RESOURCE); /* the id is taken */
    struct virtio_gpu_update_cursor cursor = {.resource_id = 5};     /* 64 x 64, as a cursor is */
    check(card_ask_cursor(card, VIRTIO_GPU_CMD_UPDATE_CURSOR, &cursor));
    check_int(card_flush(card, 5, RECT(0, 0, EDGE, EDGE)), OK);
    check_int(detach_pages(card, 5), OK);
    check_int(card_attach(card, 5, SIZE), OK);
}

/* A picture on the screen, a 2D resource that a context drew on and guest memory that it knows. */
static void
draw_before_restart(bool *tap_ok, struct card *card, const uint8_t **ret_pixels)
{
    static struct shown shown;

    check(start_drawing(card));
    check_int(card_attach(card, 5, SIZE), OK);
    check_int(clear(card, 1, F_ONE, F_ZERO, 1), OK); /* magenta */
    check_int(card_set_scanout(card, 0, 5, RECT(0, 0, EDGE, EDGE)), OK);
    check_int(card_next(card, &shown), GPU_BUFFER);
    const uint8_t *pixels = *ret_pixels = shown_map(&shown);
    check(pixels && all_pixels_are(pixels, 0xffff00ff));
    check_int(card_create_2d(card, 7, EDGE, EDGE), OK);
    check_int(card_create_blob(card, 8, SIZE), OK);
    check_int(attach_resource(card, 1, 7), OK);
    check_int(attach_resource(card, 1, 8), OK);
    check_int(bind_picture(card, 1, 7), OK);
    check_int(clear(card, 1, F_ZERO, F_ONE, 2), OK); /* cyan, not flushed */
    check_int(create_context(card, 2, 1), OK);
}

/* New contexts, also with the ids of old ones, and what was there before them. */
static void
draw_after_restart(bool *tap_ok, struct card *card, const uint8_t *pixels)
{
    check_int(create_context(card, 1, 2), OK);
    check_int(attach_resource(card, 1, 5), NO_RESOURCE);
    check_int(attach_resource(card, 1, 7), OK);
    check_int(attach_resource(card, 1, 8), OK);
    check_int(create_3d(card, picture(6, EDGE, EDGE)), OK);
    check_int(attach_resource(card, 1, 6), OK);
    check_int(bind_picture(card, 1, 6), OK);
    check_int(clear(card, 1, F_ONE, F_ONE, 51), OK);
    check_int(card_set_scanout(card, 0, 6, RECT(0, 0, EDGE, EDGE)), OK);
    check_int(card_flush(card, 6, RECT(0, 0, EDGE, EDGE)), OK);
    check(all_pixels_are(pixels, 0xffffffff));
    check_int(card_unref(card, 5), OK);
    check_int(create_3d(card, picture(5, EDGE, EDGE)), OK);
}

TAP_TEST(a_restart_loses_contexts_and_nothing_else)
{
    struct card card;
    static struct shown shown;
    struct gpu_restarted restarted;
    const uint8_t *pixels;

    draw_before_restart(tap_ok, &card, &pixels);
    check(*tap_ok && card_restart(&card, &restarted));
    check(restarted.error == 0 && restarted.contexts == 2 && restarted.resources == 1);
    check_lost(tap_ok, &card);
    check(*tap_ok);
    check(all_pixels_are(pixels, 0xffff00ff)); /* the last picture */
    draw_after_restart(tap_ok, &card, pixels);
    check(*tap_ok);

    /* The 2D resource has what was drawn on it, and takes what the guest paints. */
    while (card_next(&card, &shown)) {
    }
    check_int(card_set_scanout(&card, 1, 7, RECT(0, 0, EDGE, EDGE)), OK);
    check_int(card_flush(&card, 7, RECT(0, 0, EDGE, EDGE)), OK);
    check_int(card_next(&card, &shown), GPU_BUFFER);
    const uint8_t *flat = shown_map(&shown);
    check(flat && all_pixels_are(flat, 0xff00ffff));
    check_int(card_attach(&card, 7, SIZE), OK);
    card_paint(&card, SIZE, 4);
    check_int(card_transfer(&card, 7, RECT(0, 0, EDGE, EDGE), 0), OK);
    check(card_restart(&card, &restarted));
    check(restarted.error == 0 && restarted.contexts == 1 && restarted.resources == 2);
    check_int(card_flush(&card, 7, RECT(0, 0, EDGE, EDGE)), OK);
    for (uint32_t i = 0; i < SIZE; i += 4) {
        check_int(load_le32(flat + i) | 0xff000000,
                  load_le32(card_pixel(&card, SIZE, i)) | 0xff000000);
    }
    check_int(card_unref(&card, 8), OK);
    check_int(card_stop(&card), 0);
}

/* A program in a loop, or a hostile guest: what was lost is given back. */
TAP_TEST(restarts_leave_nothing_behind)
{
    struct card card;
    struct gpu_restarted restarted;

    check(start_drawing(&card));
    for (uint32_t i = 0; i < 40; i++) { /* 12.25 MiB each, of 64 */
        check_int(create_3d(&card, picture(100 + i, 1792, 1792)), OK);
        check_int(attach_resource(&card, 1, 100 + i), OK);
        check(card_restart(&card, &restarted));
        check(restarted.error == 0 && restarted.contexts == 1);
        check_int(create_context(&card, 1, 2), OK);
    }
    for (uint32_t i = 0; i < 40; i++) {
        check_int(card_unref(&card, 100 + i), OK);
        check_int(card_unref(&card, 100 + i), NO_RESOURCE);
    }
    check_int(create_3d(&card, picture(100, 1792, 1792)), OK);
    check(card_restart(&card, &restarted) && card_restart(&card, &restarted));
    check(restarted.error == 0 && restarted.contexts == 0 && restarted.resources == 0);
    check_int(card_stop(&card), 0);
    check(card_start(&card) && card_say_hello(&card));
    check(card_restart(&card, &restarted) && restarted.error == -EOPNOTSUPP);
    check_int(card_create_2d(&card, 1, EDGE, EDGE), OK);
    check_int(card_stop(&card), 0);
}

TAP_MAIN(TAP_CASE(capsets), TAP_CASE(what_is_drawn_is_shown), TAP_CASE(what_is_drawn_is_read),
         TAP_CASE(memory_may_be_asked), TAP_CASE(a_context_draws_on_a_2d_resource),
         TAP_CASE(fences), TAP_CASE(counters), TAP_CASE(bad_numbers_are_refused),
         TAP_CASE(bad_commands_end_their_context_alone), TAP_CASE(limits_hold),
         TAP_CASE(hidden_memory_has_a_limit), TAP_CASE(reset_forgets_everything),
         TAP_CASE(a_restart_loses_contexts_and_nothing_else),
         TAP_CASE(restarts_leave_nothing_behind))
