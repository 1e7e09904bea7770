/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A guest that flips between textures of a card, and draws into the one that the screen still shows: this
 * process is the guest, the card and the display.
 */
#include "tests/unit/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_gpu.h>
#include <linux/virtio_ring.h>
#include <string.h>
#include <unistd.h>

#include "tests/fuzz/gpu-rig.h"
#include "vmm/base/fd.h"
#include "vmm/base/message.h"
#include "vmm/devices/gpu/on-screen.h"
#include "vmm/devices/gpu/restart.h"

enum {
    SIDE = GPU_RIG_SIDE,
    RING_STRIDE = 0x3000, /* the rig's */
    AVAILABLE_AT = 0x1000,
    USED_AT = 0x2000,
    SLOTS = DEVICE_RIG_QUEUE_SIZE / 2,
    SLOT_SIZE = 0x1000,
    ANSWER_AT = 0x800, /* in a slot */
    LOG_MAX = 128,
    STREAM = 8, /* bytes */
    MANY = 40,
};

/* Textures of scanout 0, and one of scanout 1. */
enum {
    A = 1,
    B,
    C,
    OTHER,
    OTHER_TOO
};

/* What the card was asked to do. */
struct deed {
    char what;    /* 's'tream, 't'o the host, 'f'rom it */
    uint32_t who; /* context, or resource */
};

struct rig {
    struct renderer renderer; /* first */
    struct gpu_rig rig;
    struct gpu *gpu;
    int memory;
    struct deed log[LOG_MAX];
    unsigned int n_log;
    uint16_t offered[2];
};

static struct rig *
rig_of(struct renderer *renderer)
{
    return (struct rig *)(void *)renderer;
}

static void
note(struct rig *rig, char what, uint32_t who)
{
    if (rig->n_log < LOG_MAX) {
        rig->log[rig->n_log++] = (struct deed){what, who};
    }
}

static bool
one_capset(struct renderer *renderer, unsigned int index, struct renderer_capset *ret)
{
    (void)renderer;
    *ret = (struct renderer_capset){.id = 2, .version = 2, .size = 8};
    return index == 0;
}

static void
no_fill(struct renderer *renderer, const struct renderer_capset *capset, void *data)
{
    (void)renderer, (void)capset, (void)data;
}

static int
make_context(struct renderer *renderer, const struct renderer_context *context)
{
    (void)renderer, (void)context;
    return 0;
}

static void
end_context(struct renderer *renderer, uint32_t context)
{
    (void)renderer, (void)context;
}

static int
draw(struct renderer *renderer, uint32_t context, void *commands, uint32_t size)
{
    (void)commands, (void)size;
    note(rig_of(renderer), 's', context);
    return 0;
}

static int
make_resource(struct renderer *renderer, uint32_t id, const struct renderer_texture *texture)
{
    (void)renderer, (void)id, (void)texture;
    return 0;
}

static void
end_resource(struct renderer *renderer, uint32_t id)
{
    (void)renderer, (void)id;
}

static int
take_pages(struct renderer *renderer, uint32_t id, struct iovec *pages, uint32_t n)
{
    (void)renderer, (void)id, (void)n;
    free(pages);
    return 0;
}

static void
drop_pages(struct renderer *renderer, uint32_t id)
{
    (void)renderer, (void)id;
}

static int
copy(struct renderer *renderer, uint32_t id, const struct renderer_transfer *transfer)
{
    if (!transfer->pages) { /* else a pixel that waits for the card */
        note(rig_of(renderer), transfer->to_host ? 't' : 'f', id);
    }
    return 0;
}

static int export(struct renderer *renderer, uint32_t id, struct renderer_dmabuf *ret)
{
    (void)id;
    *ret = (struct renderer_dmabuf){.fd = fcntl(rig_of(renderer)->memory, F_DUPFD_CLOEXEC, 0),
                                    .fourcc = GPU_FORMAT_XR24,
                                    .n_planes = 1,
                                    .strides = {SIDE * 4}};
    return 0;
}

static int
begin_anew(struct renderer *renderer)
{
    (void)renderer;
    return 0;
}

static void
end_renderer(struct renderer *renderer)
{
    (void)renderer;
}

static const struct renderer_ops fake_ops = {.name = "fake",
                                             .capset = one_capset,
                                             .fill_capset = no_fill,
                                             .create_context = make_context,
                                             .destroy_context = end_context,
                                             .submit = draw,
                                             .create_resource = make_resource,
                                             .destroy_resource = end_resource,
                                             .attach_pages = take_pages,
                                             .detach_pages = drop_pages,
                                             .transfer = copy,
                                             .export_dmabuf = export,
                                             .restart = begin_anew,
                                             .destroy = end_renderer};

/* The guest */

static uint8_t *
ring(const struct rig *rig, unsigned int queue)
{
    return rig->rig.device.ram + DEVICE_RIG_RINGS_AT + (size_t)queue * RING_STRIDE;
}

static void
kick(struct rig *rig, unsigned int queue)
{
    (void)!write(rig->rig.device.kick_fd[queue], &(uint64_t){1}, sizeof(uint64_t));
    device_rig_run(&rig->rig.device);
}

/* The device does not turn round by itself. */
static bool
is_idle(struct rig *rig)
{
    uint64_t count;

    return read(rig->rig.device.kick_fd[GPU_QUEUE_CONTROL], &count, sizeof(count)) < 0;
}

/* Offer a request; its number. */
static unsigned int
offer(struct rig *rig, unsigned int queue, const void *request, uint32_t size)
{
    const uint16_t n = rig->offered[queue]++;
    const unsigned int slot = n % SLOTS;
    const uint64_t at = DEVICE_RIG_DATA_AT + (uint64_t)(queue * SLOTS + slot) * SLOT_SIZE;
    const struct vring_desc out = {.addr = htole64(at),
                                   .len = htole32(size),
                                   .flags = htole16(VRING_DESC_F_NEXT),
                                   .next = htole16((uint16_t)(slot * 2 + 1))};
    const struct vring_desc in = {
        .addr = htole64(at + ANSWER_AT), .len = htole32(512), .flags = htole16(VRING_DESC_F_WRITE)};
    uint8_t *available = ring(rig, queue) + AVAILABLE_AT;

    memcpy(rig->rig.device.ram + at, request, size);
    memset(rig->rig.device.ram + at + ANSWER_AT, 0, sizeof(uint32_t));
    memcpy(ring(rig, queue) + (size_t)slot * 2 * sizeof(out), &out, sizeof(out));
    memcpy(ring(rig, queue) + ((size_t)slot * 2 + 1) * sizeof(in), &in, sizeof(in));
    store_le16(available + 4 + (size_t)(n % DEVICE_RIG_QUEUE_SIZE) * 2, (uint16_t)(slot * 2));
    store_le16(available + 2, rig->offered[queue]);
    kick(rig, queue);
    return n;
}

/* Its type, 0 while there is none; only for the last few. */
static uint32_t
answer(const struct rig *rig, unsigned int number)
{
    return load_le32(rig->rig.device.ram + DEVICE_RIG_DATA_AT +
                     (uint64_t)(number % SLOTS) * SLOT_SIZE + ANSWER_AT);
}

/* How many requests were given back. */
static uint16_t
given(const struct rig *rig, unsigned int queue)
{
    return load_le16(ring(rig, queue) + USED_AT + 2);
}

/* Offer and have it answered at once: its type, 0 for none. */
static uint32_t
ask(struct rig *rig, uint32_t type, uint32_t context, const uint32_t *words, uint32_t n)
{
    uint8_t request[256] = {0};

    store_le32(request, type);
    store_le32(request + 16, context);
    for (uint32_t i = 0; i < n; i++) {
        store_le32(request + sizeof(struct virtio_gpu_ctrl_hdr) + (size_t)i * 4, words[i]);
    }
    return answer(rig, offer(rig, GPU_QUEUE_CONTROL, request,
                             (uint32_t)(sizeof(struct virtio_gpu_ctrl_hdr) + n * sizeof(*words))));
}

static bool
make(struct rig *rig, uint32_t id)
{
    const uint32_t texture[] = {id, 2, 2, 2, SIDE, SIDE, 1, 1, 0, 0, 0, 0};
    const uint32_t pages[] = {id, 1, 0x30000, 0, 0x8000, 0};

    return ask(rig, VIRTIO_GPU_CMD_RESOURCE_CREATE_3D, 0, texture, ARRAY_SIZE(texture)) ==
               VIRTIO_GPU_RESP_OK_NODATA &&
           ask(rig, VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING, 0, pages, ARRAY_SIZE(pages)) ==
               VIRTIO_GPU_RESP_OK_NODATA;
}

static bool
attach(struct rig *rig, uint32_t context, uint32_t id)
{
    return ask(rig, VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE, context, (uint32_t[]){id, 0}, 2) ==
           VIRTIO_GPU_RESP_OK_NODATA;
}

static bool
make_contexts(struct rig *rig)
{
    const uint32_t nameless[18] = {0, 2};

    for (uint32_t id = 1; id <= 3; id++) {
        if (ask(rig, VIRTIO_GPU_CMD_CTX_CREATE, id, nameless, ARRAY_SIZE(nameless)) !=
            VIRTIO_GPU_RESP_OK_NODATA) {
            return false;
        }
    }
    return true;
}

static bool
flip_on(struct rig *rig, uint32_t scanout, uint32_t id)
{
    const uint32_t words[] = {0, 0, SIDE, SIDE, scanout, id};

    return ask(rig, VIRTIO_GPU_CMD_SET_SCANOUT, 0, words, ARRAY_SIZE(words)) ==
           VIRTIO_GPU_RESP_OK_NODATA;
}

static bool
flip(struct rig *rig, uint32_t id)
{
    return flip_on(rig, 0, id);
}

/* Whether it was drawn at once. */
static bool
submit(struct rig *rig, uint32_t context)
{
    return ask(rig, VIRTIO_GPU_CMD_SUBMIT_3D, context, (uint32_t[]){STREAM, 0, 1, 2}, 4) != 0;
}

static bool
transfer(struct rig *rig, uint32_t type, uint32_t id)
{
    const uint32_t words[] = {0, 0, 0, SIDE, SIDE, 1, 0, 0, id, 0, SIDE * 4, 0};

    return ask(rig, type, 0, words, ARRAY_SIZE(words)) != 0;
}

static bool
transfer_2d(struct rig *rig, uint32_t id)
{
    return ask(rig, VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D, 0,
               (uint32_t[]){0, 0, SIDE, SIDE, 0, 0, id, 0}, 8) != 0;
}

/* The display */

static void
say(struct rig *rig, const void *message, size_t size)
{
    (void)message_send(rig->rig.display, message, size, NULL, 0);
    device_rig_run(&rig->rig.device);
}

static void
wish(struct rig *rig, uint32_t type, uint32_t scanout, uint32_t wanted)
{
    const struct gpu_flips message = {
        .header = {type, sizeof(message)}, .scanout = scanout, .wanted = wanted};

    say(rig, &message, sizeof(message));
}

/* The texture is on the scanout's screen. */
static void
say_shown(struct rig *rig, uint32_t scanout, uint32_t id)
{
    const struct resource *resource = resource_find(&rig->gpu->resources, id);
    const struct gpu_shown message = {.header = {GPU_SHOWN, sizeof(message)},
                                      .scanout = scanout,
                                      .buffer = display_link_buffer_id(resource->buffer)};

    say(rig, &message, sizeof(message));
}

/* The rig has no socket for answers that somebody waits for: this one is awaited. */
static uint32_t
stop_queue(struct rig *rig)
{
    struct vhost_message message = {.header = {.request = VHOST_GET_VRING_BASE,
                                               .flags = VHOST_VERSION,
                                               .size = sizeof(message.payload.state)}};

    (void)vhost_message_send(rig->rig.device.fd, &message, 0);
    loop_iterate(rig->rig.device.loop, 0);
    return vhost_message_receive(rig->rig.device.fd, &message, 0) == 0 ? message.payload.state.num
                                                                       : UINT32_MAX;
}

/* With what it had before but its place; a stop takes its descriptor. */
static void
start_queue_at(struct rig *rig, uint32_t base)
{
    struct vhost_message message = {.header = {.request = VHOST_SET_VRING_BASE,
                                               .flags = VHOST_VERSION,
                                               .size = sizeof(message.payload.state)},
                                    .payload.state = {GPU_QUEUE_CONTROL, base}};

    (void)vhost_message_send(rig->rig.device.fd, &message, 0);
    message.header.request = VHOST_SET_VRING_KICK;
    message.header.size = sizeof(message.payload.u64);
    message.payload.u64 = GPU_QUEUE_CONTROL;
    message.fds = (struct message_fds){{rig->rig.device.kick_fd[GPU_QUEUE_CONTROL]}, 1};
    (void)vhost_message_send(rig->rig.device.fd, &message, 0);
    device_rig_run(&rig->rig.device);
}

static void
wait_ms(struct rig *rig, uint64_t ms)
{
    const uint64_t end = gpu_now_ns() + ms * 1000000;

    while (gpu_now_ns() < end) {
        loop_iterate(rig->rig.device.loop, 5);
    }
    device_rig_run(&rig->rig.device);
}

/* Three contexts: 1 has A, B and C, 2 has B, 3 has what is shown nowhere; A is on the screen. */
static bool
open_rig(struct rig *rig)
{
    const struct start_header hello = {GPU_DISPLAY_HELLO, sizeof(hello)};

    *rig = (struct rig){.renderer.ops = &fake_ops};
    gpu_rig_open(&rig->rig);
    rig->rig.setup.screen[1] = rig->rig.setup.screen[0];
    rig->memory = fd_memory_file("texture", (uint64_t)SIDE * SIDE * 4);
    gpu_rig_create(&rig->rig);
    rig->gpu = rig->rig.gpu;
    gpu_add_renderer(rig->gpu, &rig->renderer);
    device_rig_start(&rig->rig.device, DEVICE_RIG_QUEUES);
    say(rig, &hello, sizeof(hello));
    for (uint32_t id = A; id <= OTHER_TOO; id++) {
        if (!make(rig, id)) {
            return false;
        }
    }
    for (uint32_t i = 0; i < 2; i++) {
        wish(rig, GPU_TEXTURES, i, 1);
        wish(rig, GPU_FLIPS, i, 1);
    }
    if (!make_contexts(rig) || !attach(rig, 1, A) || !attach(rig, 1, B) || !attach(rig, 1, C) ||
        !attach(rig, 2, B) || !attach(rig, 3, OTHER) || !flip(rig, A)) {
        return false;
    }
    say_shown(rig, 0, A);
    return rig->gpu->scanouts[0].shown_texture != NULL;
}

static void
close_rig(struct rig *rig)
{
    gpu_rig_close(&rig->rig);
    close(rig->memory);
}

TAP_TEST(a_stream_waits_until_the_next_picture_is_on_the_screen)
{
    struct rig rig;

    check(open_rig(&rig));
    check(submit(&rig, 1)); /* into B, or A for all that we know */
    check(flip(&rig, B));
    const uint16_t before = given(&rig, 0);
    check(!submit(&rig, 1));
    check_int(rig.n_log, 1);
    check(is_idle(&rig));
    /* What comes after it waits too, and nothing that is no answer lets it go. */
    check_int(ask(&rig, VIRTIO_GPU_CMD_GET_DISPLAY_INFO, 0, NULL, 0), 0);
    check(!submit(&rig, 3));
    for (unsigned int i = 0; i < MANY; i++) {
        kick(&rig, GPU_QUEUE_CONTROL);
    }
    say_shown(&rig, 0, A);
    check_int(given(&rig, 0), before);
    check_int(rig.gpu->stop.count, 1);
    say_shown(&rig, 0, B);
    check_int(given(&rig, 0), before + 3);
    check_int(rig.n_log, 3);
    check(rig.log[1].who == 1 && rig.log[2].who == 3);
    check_int(answer(&rig, rig.offered[0] - 3U), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(answer(&rig, rig.offered[0] - 2U), VIRTIO_GPU_RESP_OK_DISPLAY_INFO);
    check(!rig.gpu->stop.on);
    /* For as many pictures as there are. */
    for (unsigned int i = 0; i < MANY; i++) {
        check(flip(&rig, i % 2 == 0 ? A : B));
        check(!submit(&rig, 1));
        say_shown(&rig, 0, i % 2 == 0 ? A : B);
        check(answer(&rig, rig.offered[0] - 1U) == VIRTIO_GPU_RESP_OK_NODATA);
    }
    check_int(rig.gpu->stop.count, 1 + MANY);
    close_rig(&rig);
}

TAP_TEST(so_do_copies_into_it)
{
    struct rig rig;

    check(open_rig(&rig));
    check(flip(&rig, B));
    check(transfer(&rig, VIRTIO_GPU_CMD_TRANSFER_FROM_HOST_3D, A));
    check(transfer(&rig, VIRTIO_GPU_CMD_TRANSFER_TO_HOST_3D, B)); /* what is shown */
    check(transfer(&rig, VIRTIO_GPU_CMD_TRANSFER_TO_HOST_3D, C));
    check(transfer_2d(&rig, C));
    check_int(rig.n_log, 4);
    check(!transfer(&rig, VIRTIO_GPU_CMD_TRANSFER_TO_HOST_3D, A));
    check_int(rig.n_log, 4);
    say_shown(&rig, 0, B);
    check_int(rig.n_log, 5);
    check(rig.log[4].what == 't' && rig.log[4].who == A);
    check(flip(&rig, A));
    check(!transfer_2d(&rig, B));
    say_shown(&rig, 0, A);
    check(rig.n_log == 6 && rig.log[5].who == B);
    /* There and back: A is what the guest shows, as before. */
    check(flip(&rig, B) && flip(&rig, A));
    check(transfer(&rig, VIRTIO_GPU_CMD_TRANSFER_TO_HOST_3D, A));
    check(!transfer(&rig, VIRTIO_GPU_CMD_TRANSFER_TO_HOST_3D, B));
    say_shown(&rig, 0, B);
    check_int(rig.n_log, 7);
    say_shown(&rig, 0, A);
    check_int(rig.n_log, 8);
    close_rig(&rig);
}

TAP_TEST(what_cannot_draw_there_goes_on)
{
    struct rig rig;
    struct virtio_gpu_update_cursor cursor = {.hdr.type = htole32(VIRTIO_GPU_CMD_MOVE_CURSOR)};

    check(open_rig(&rig));
    /* A guest that draws into what it shows. */
    for (unsigned int i = 0; i < MANY; i++) {
        check(submit(&rig, 1) && flip(&rig, A));
    }
    rig.n_log = 0;
    check(flip(&rig, B));
    check(submit(&rig, 2) && submit(&rig, 3)); /* A is not theirs */
    check_int(rig.n_log, 2);
    /* Only for a fence; of no context; cut short. */
    check(ask(&rig, VIRTIO_GPU_CMD_SUBMIT_3D, 1, (uint32_t[]){0, 0}, 2) != 0);
    check(submit(&rig, 77));
    check(ask(&rig, VIRTIO_GPU_CMD_SUBMIT_3D, 1, NULL, 0) != 0);
    check_int(rig.gpu->stop.count, 0);
    check(!submit(&rig, 1));
    const uint16_t before = given(&rig, GPU_QUEUE_CURSOR);
    offer(&rig, GPU_QUEUE_CURSOR, &cursor, sizeof(cursor));
    check_int(given(&rig, GPU_QUEUE_CURSOR), before + 1);
    close_rig(&rig);
}

TAP_TEST(of_several_flips_all_count_until_they_were_shown)
{
    struct rig rig;

    check(open_rig(&rig));
    check(flip(&rig, B) && flip(&rig, C));
    check(!submit(&rig, 2)); /* B may be on the screen */
    say_shown(&rig, 0, B);
    check_int(rig.n_log, 0);
    say_shown(&rig, 0, C);
    check_int(rig.n_log, 1);
    /* The first of them is told again only where it was flipped to again. */
    check(flip(&rig, B) && flip(&rig, C) && flip(&rig, A));
    say_shown(&rig, 0, C); /* the second one: it was told of the first */
    check(submit(&rig, 2));
    check(!submit(&rig, 1));
    say_shown(&rig, 0, A);
    check_int(rig.n_log, 3);
    /* More than are remembered. */
    for (unsigned int i = 0; i < MANY; i++) {
        check(flip(&rig, A + i % 3));
    }
    check(rig.gpu->scanouts[0].on_screen.n <= GPU_ON_SCREEN_MAX);
    check(!submit(&rig, 1));
    say_shown(&rig, 0, A + (MANY - 1) % 3);
    close_rig(&rig);
}

TAP_TEST(nobody_waits_where_nobody_shows_textures)
{
    const struct start_header hello = {GPU_DISPLAY_HELLO, sizeof(hello)};
    struct rig rig;

    for (unsigned int i = 0; i < 4; i++) {
        check(open_rig(&rig));
        check(flip(&rig, B));
        check(!submit(&rig, 1));
        if (i == 0) {
            wish(&rig, GPU_FLIPS, 0, 0);
        } else if (i == 1) {
            wish(&rig, GPU_TEXTURES, 0, 0);
        } else if (i == 2) {
            say(&rig, &hello, sizeof(hello));
        } else {
            struct gpu_restarted restarted = {0};

            gpu_restart(rig.gpu, &restarted);
            device_rig_run(&rig.rig.device);
        }
        check_int(rig.n_log, i == 3 ? 0 : 1);
        check_int(answer(&rig, rig.offered[0] - 1U),
                  i == 3 ? VIRTIO_GPU_RESP_ERR_INVALID_CONTEXT_ID : VIRTIO_GPU_RESP_OK_NODATA);
        check(!rig.gpu->stop.on);
        if (i < 3) {
            check(flip(&rig, A) && submit(&rig, 1));
        }
        close_rig(&rig);
    }
}

TAP_TEST(a_display_that_says_nothing_is_waited_for_once)
{
    struct rig rig;

    check(open_rig(&rig));
    check(flip(&rig, B));
    check(!submit(&rig, 1));
    const uint64_t begin = gpu_now_ns();
    wait_ms(&rig, ON_SCREEN_LIMIT_MS / 2);
    say_shown(&rig, 0, A); /* again: that is no news */
    kick(&rig, GPU_QUEUE_CONTROL);
    check_int(rig.n_log, 0);
    while (rig.n_log == 0 && gpu_now_ns() - begin < UINT64_C(10000000000)) {
        wait_ms(&rig, 5);
    }
    check_int(rig.n_log, 1);
    check(gpu_now_ns() - begin >= UINT64_C(1000000) * (ON_SCREEN_LIMIT_MS - 10));
    check(gpu_now_ns() - begin < UINT64_C(1000000) * ON_SCREEN_LIMIT_MS * 5);
    for (unsigned int i = 0; i < MANY; i++) {
        check(flip(&rig, i % 2 == 0 ? A : B) && submit(&rig, 1));
    }
    check_int(rig.gpu->stop.count, 1);
    static struct gpu_statistics told;
    gpu_tell_statistics(rig.gpu, &told);
    check_int(told.screen_waits, 1);
    check(told.screen_wait_ns >= UINT64_C(1000000) * (ON_SCREEN_LIMIT_MS - 10));
    say_shown(&rig, 0, B); /* there it is again */
    check(flip(&rig, A));
    check(!submit(&rig, 1));
    say_shown(&rig, 0, A);
    check_int(rig.n_log, 2 + MANY);
    close_rig(&rig);
}

TAP_TEST(textures_that_go_away_are_forgotten)
{
    struct rig rig;

    check(open_rig(&rig));
    check(flip(&rig, B) && flip(&rig, C));
    check(ask(&rig, VIRTIO_GPU_CMD_RESOURCE_UNREF, 0, (uint32_t[]){A, 0}, 2) != 0);
    check_int(rig.gpu->scanouts[0].on_screen.n, 2);
    check(!submit(&rig, 1)); /* B */
    say_shown(&rig, 0, C);
    check_int(rig.n_log, 1);
    check(flip(&rig, B));
    check(ask(&rig, VIRTIO_GPU_CMD_CTX_DETACH_RESOURCE, 1, (uint32_t[]){C, 0}, 2) != 0);
    check(submit(&rig, 1));
    check(attach(&rig, 1, C));
    check(!submit(&rig, 1));
    say_shown(&rig, 0, B);
    check(flip(&rig, C));
    check(flip(&rig, 0)); /* off */
    check_int(rig.gpu->scanouts[0].on_screen.n, 0);
    check(submit(&rig, 1));
    close_rig(&rig);
}

TAP_TEST(a_queue_that_stops_keeps_the_request)
{
    struct rig rig;

    check(open_rig(&rig));
    check(flip(&rig, B));
    check(!submit(&rig, 1) && !submit(&rig, 3));
    const uint16_t before = given(&rig, 0);
    const uint32_t base = stop_queue(&rig);
    check_int(base, before);
    check(!rig.gpu->stop.on);
    say_shown(&rig, 0, A);
    check_int(rig.n_log, 0);
    start_queue_at(&rig, base);
    check_int(rig.n_log, 0);
    check(rig.gpu->stop.on);
    say_shown(&rig, 0, B);
    check_int(rig.n_log, 2);
    check_int(given(&rig, 0), before + 2);
    /* It is shown while it is stopped. */
    check(flip(&rig, A));
    check(!submit(&rig, 1));
    check_int(stop_queue(&rig), given(&rig, 0));
    say_shown(&rig, 0, A);
    check_int(rig.n_log, 2);
    start_queue_at(&rig, given(&rig, 0));
    check_int(rig.n_log, 3);
    close_rig(&rig);
}

TAP_TEST(the_end_of_all_while_a_request_waits)
{
    struct vhost_message message = {
        .header = {.request = VHOST_RESET_DEVICE, .flags = VHOST_VERSION}};
    struct rig rig;

    check(open_rig(&rig));
    check(flip(&rig, B));
    check(!submit(&rig, 1));
    (void)vhost_message_send(rig.rig.device.fd, &message, 0);
    device_rig_run(&rig.rig.device);
    check(!rig.gpu->stop.on);
    check_int(rig.gpu->scanouts[0].on_screen.n, 0);
    check_int(rig.gpu->resources.count, 0);
    wait_ms(&rig, ON_SCREEN_LIMIT_MS + 20);
    check_int(rig.n_log, 0);
    close_rig(&rig);
    check(open_rig(&rig));
    check(flip(&rig, B));
    check(!submit(&rig, 1));
    close_rig(&rig);
}

TAP_TEST(two_displays_that_are_drawn_in_turns_do_not_wait_for_each_other)
{
    struct rig rig;

    check(open_rig(&rig));
    check(attach(&rig, 1, OTHER) && attach(&rig, 1, OTHER_TOO));
    check(flip_on(&rig, 1, OTHER));
    say_shown(&rig, 1, OTHER);
    for (unsigned int i = 0; i < 3; i++) {
        check(flip(&rig, i % 2 ? A : B));
        check(submit(&rig, 1)); /* for the other one */
        check(flip_on(&rig, 1, i % 2 ? OTHER : OTHER_TOO));
        check(!submit(&rig, 1));
        say_shown(&rig, 0, i % 2 ? A : B);
        check_int(answer(&rig, rig.offered[0] - 1U), VIRTIO_GPU_RESP_OK_NODATA);
        say_shown(&rig, 1, i % 2 ? OTHER : OTHER_TOO);
    }
    /* Where nothing happens on the other one. */
    check(flip(&rig, A));
    check(submit(&rig, 1));
    say_shown(&rig, 0, A);
    check(flip(&rig, B));
    check(!submit(&rig, 1));
    say_shown(&rig, 0, B);
    close_rig(&rig);
}

TAP_MAIN(TAP_CASE(a_stream_waits_until_the_next_picture_is_on_the_screen),
         TAP_CASE(so_do_copies_into_it), TAP_CASE(what_cannot_draw_there_goes_on),
         TAP_CASE(of_several_flips_all_count_until_they_were_shown),
         TAP_CASE(nobody_waits_where_nobody_shows_textures),
         TAP_CASE(a_display_that_says_nothing_is_waited_for_once),
         TAP_CASE(textures_that_go_away_are_forgotten),
         TAP_CASE(a_queue_that_stops_keeps_the_request),
         TAP_CASE(the_end_of_all_while_a_request_waits),
         TAP_CASE(two_displays_that_are_drawn_in_turns_do_not_wait_for_each_other))
