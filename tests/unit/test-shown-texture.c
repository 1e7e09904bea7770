/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What a graphics card drew, on the way to a display that takes it as it is: this process is the guest, the
 * card and the display.
 */
#include "tests/unit/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_gpu.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/base/message.h"
#include "vmm/devices/gpu/restart.h"
#include "vmm/devices/gpu/scanout.h"
#include "vmm/devices/gpu/texture.h"

enum {
    WIDTH = 64,
    HEIGHT = 32,
    PICTURE = WIDTH * HEIGHT * 4,
    STRIDE = 512,
    OFFSET = 4096,
    MEMORY_LIMIT = 64 << 20,
    FIRST = 10, /* resource */
    MANY = 100,
};

#define MODIFIER UINT64_C(0x0100000000000002)

/* A card whose textures all have the same colour. */
struct fake {
    struct renderer renderer;
    struct loop *loop;
    struct gpu *gpu;
    int display; /* our end */
    int vhost;
    int memory; /* stands for all textures */
    bool exports;
    uint32_t stride;
    uint32_t format;
    unsigned int n_exports;
    uint32_t drawn; /* colour */
};

static struct fake *
fake_of(struct renderer *renderer)
{
    return (struct fake *)(void *)renderer;
}

static bool
no_capset(struct renderer *renderer, unsigned int index, struct renderer_capset *ret)
{
    (void)renderer, (void)index, (void)ret;
    return false;
}

static void
no_fill(struct renderer *renderer, const struct renderer_capset *capset, void *data)
{
    (void)renderer, (void)capset, (void)data;
}

static int
no_context(struct renderer *renderer, const struct renderer_context *context)
{
    (void)renderer, (void)context;
    return -EINVAL;
}

static void
end_context(struct renderer *renderer, uint32_t context)
{
    (void)renderer, (void)context;
}

static int
no_submit(struct renderer *renderer, uint32_t context, void *commands, uint32_t size)
{
    (void)renderer, (void)context, (void)commands, (void)size;
    return -EINVAL;
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
read_pixels(struct renderer *renderer, uint32_t id, const struct renderer_transfer *transfer)
{
    const struct fake *fake = fake_of(renderer);
    uint32_t *pixels = transfer->pages ? transfer->pages->iov_base : NULL;

    (void)id;
    for (uint64_t i = 0; pixels && i < transfer->pages->iov_len / 4; i++) {
        pixels[i] = fake->drawn;
    }
    return 0;
}

static int export(struct renderer *renderer, uint32_t id, struct renderer_dmabuf *ret)
{
    struct fake *fake = fake_of(renderer);

    (void)id;
    fake->n_exports++;
    if (!fake->exports) {
        return -EOPNOTSUPP;
    }
    *ret = (struct renderer_dmabuf){.fd = fcntl(fake->memory, F_DUPFD_CLOEXEC, 0),
                                    .fourcc = fake->format,
                                    .y_0_top = true,
                                    .modifier = MODIFIER,
                                    .n_planes = 1,
                                    .strides = {fake->stride},
                                    .offsets = {OFFSET}};
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
                                             .capset = no_capset,
                                             .fill_capset = no_fill,
                                             .create_context = no_context,
                                             .destroy_context = end_context,
                                             .submit = no_submit,
                                             .create_resource = make_resource,
                                             .destroy_resource = end_resource,
                                             .transfer = read_pixels,
                                             .export_dmabuf = export,
                                             .restart = begin_anew,
                                             .destroy = end_renderer};

/* A message to the display, and what came with it. */
struct told {
    union {
        struct start_header header;
        struct gpu_buffer buffer;
        struct gpu_texture texture;
        struct gpu_scanout scanout;
        struct gpu_update update;
        uint8_t bytes[32768];
    };
    int fd; /* closed already; -1: none */
};

/* Its type, 0 when there is none. */
static uint32_t
next(struct fake *fake, struct told *told)
{
    struct message_fds fds;
    ssize_t n = message_receive(fake->display, told, sizeof(told->bytes), &fds);

    if (n <= 0) {
        return 0;
    }
    told->fd = fds.count > 0 ? fds.fd[0] : -1;
    message_close_fds(&fds);
    return told->header.type;
}

/* The next one of that type. */
static bool
next_of(struct fake *fake, uint32_t type, struct told *told)
{
    uint32_t seen = next(fake, told);

    while (seen != 0 && seen != type) {
        seen = next(fake, told);
    }
    return seen == type;
}

static bool
nothing_of(struct fake *fake, uint32_t type)
{
    static struct told told;

    return !next_of(fake, type, &told);
}

static void
drain(struct fake *fake)
{
    static struct told told;

    while (next(fake, &told) != 0) {
    }
}

static void
say(struct fake *fake, const void *message, size_t size)
{
    (void)message_send(fake->display, message, size, NULL, 0);
    loop_iterate(fake->loop, 0);
}

static void
wish(struct fake *fake, uint32_t scanout, uint32_t wanted)
{
    const struct gpu_flips message = {
        .header = {GPU_TEXTURES, sizeof(message)}, .scanout = scanout, .wanted = wanted};

    say(fake, &message, sizeof(message));
}

static bool
make(struct fake *fake, uint32_t id)
{
    const struct renderer_texture texture = {.target = TEXTURE_2D,
                                             .format = VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM,
                                             .width = WIDTH,
                                             .height = HEIGHT,
                                             .depth = 1,
                                             .array_size = 1};

    return texture_create(fake->gpu, &fake->renderer, id, &texture) == 0;
}

static int
show_part(struct fake *fake, uint32_t id, struct rect rect)
{
    return scanout_set(fake->gpu, 0, id, &rect);
}

static int
show(struct fake *fake, uint32_t id)
{
    return show_part(fake, id, (struct rect){0, 0, WIDTH, HEIGHT});
}

static bool
open_fake(struct fake *fake)
{
    struct gpu_setup setup = {.n_scanouts = 2,
                              .wayland_fd = -1,
                              .render_fd = -1,
                              .venus_fd = -1,
                              .record_fd = -1,
                              .udmabuf_fd = -1,
                              .memory_limit = MEMORY_LIMIT};
    const struct start_header hello = {GPU_DISPLAY_HELLO, sizeof(hello)};
    int display[2];
    int vhost[2];

    *fake = (struct fake){
        .renderer.ops = &fake_ops, .exports = true, .stride = STRIDE, .format = GPU_FORMAT_AB24};
    fake->loop = loop_create();
    fake->memory = fd_memory_file("texture", PICTURE);
    if (fd_socket_pair(SOCK_SEQPACKET, display) < 0 || fd_socket_pair(SOCK_STREAM, vhost) < 0) {
        return false;
    }
    (void)fd_set_nonblocking(display[1]);
    fake->display = display[1];
    fake->vhost = vhost[1];
    setup.display_fd = display[0];
    setup.device.vhost_fd = vhost[0];
    fake->gpu = gpu_create(fake->loop, &setup);
    if (!fake->gpu) {
        return false;
    }
    gpu_add_renderer(fake->gpu, &fake->renderer);
    say(fake, &hello, sizeof(hello));
    return true;
}

/* With a texture that is shown to a display that takes it. */
static bool
open_shown(struct fake *fake, struct told *told)
{
    if (!open_fake(fake) || !make(fake, FIRST)) {
        return false;
    }
    wish(fake, 0, 1);
    return show(fake, FIRST) == 0 && next_of(fake, GPU_TEXTURE, told);
}

static void
close_fake(struct fake *fake)
{
    gpu_destroy(fake->gpu);
    loop_destroy(fake->loop);
    close(fake->display);
    close(fake->vhost);
    close(fake->memory);
}

static int
open_descriptors(void)
{
    int n = 0;

    for (int fd = 0; fd < 1024; fd++) {
        n += fcntl(fd, F_GETFD) >= 0;
    }
    return n;
}

TAP_TEST(a_display_that_takes_textures_gets_them)
{
    static struct told told;
    struct fake fake;

    check(open_fake(&fake));
    check(make(&fake, FIRST) && make(&fake, FIRST + 1));
    wish(&fake, 0, 1);
    check_int(show_part(&fake, FIRST, (struct rect){8, 4, 32, 16}), 0);
    check(next_of(&fake, GPU_TEXTURE, &told) && told.fd >= 0);
    const uint32_t first = told.texture.id;
    check_int(told.texture.format, GPU_FORMAT_AB24);
    check_int(told.texture.width, WIDTH);
    check_int(told.texture.height, HEIGHT);
    check_int(told.texture.stride, STRIDE);
    check_int(told.texture.offset, OFFSET);
    check_int(told.texture.flags, GPU_TEXTURE_Y_0_TOP);
    check(told.texture.modifier == MODIFIER);
    check(next_of(&fake, GPU_SCANOUT, &told));
    check_int(told.scanout.buffer, first);
    check_int(told.scanout.x, 8);
    check_int(told.scanout.y, 4);
    check_int(told.scanout.width, 32);
    check_int(told.scanout.height, 16);
    /* Frames cost no copy, but for the pixel that waits for the card. */
    drain(&fake);
    const uint64_t copied = fake.gpu->counters.copied_bytes;
    for (unsigned int i = 0; i < 100; i++) {
        const struct rect flushed = {8, 4, 16, 8};

        check_int(show_part(&fake, FIRST + i % 2, (struct rect){8, 4, 32, 16}), 0);
        check_int(scanout_flush(fake.gpu, FIRST + i % 2, &flushed), 0);
    }
    check_int(fake.n_exports, 2);
    check(fake.gpu->counters.copied_bytes - copied <= 100UL * 2 * 4);
    check(next_of(&fake, GPU_UPDATE, &told));
    check_int(told.update.x, 0);
    check_int(told.update.width, 16);
    close_fake(&fake);
}

TAP_TEST(pixels_come_again_when_they_are_wished)
{
    const struct rect all = {0, 0, WIDTH, HEIGHT};
    static struct told told;
    struct fake fake;

    check(open_shown(&fake, &told));
    fake.drawn = 0x123456;
    check_int(scanout_flush(fake.gpu, FIRST, &all), 0);
    check(load_le32(fake.gpu->scanouts[0].shadow.pixels) != 0x123456);
    /* A look at them changes nothing. */
    const struct gpu_ask_pixels ask = {.header = {GPU_ASK_PIXELS, sizeof(ask)}};
    say(&fake, &ask, sizeof(ask));
    check(next_of(&fake, GPU_PIXELS, &told));
    check_int(told.scanout.width, WIDTH);
    check_int(told.scanout.format, GPU_FORMAT_XR24);
    check(told.scanout.buffer == display_link_buffer_id(fake.gpu->scanouts[0].shadow.buffer));
    check_int(load_le32(fake.gpu->scanouts[0].shadow.pixels), 0x123456);
    check(nothing_of(&fake, GPU_SCANOUT));
    /* A client that cannot show textures. */
    fake.drawn = 0x654321;
    wish(&fake, 0, 0);
    check(next_of(&fake, GPU_SCANOUT, &told));
    check(told.scanout.buffer == display_link_buffer_id(fake.gpu->scanouts[0].shadow.buffer));
    check(next_of(&fake, GPU_UPDATE, &told));
    check_int(told.update.width, WIDTH);
    check_int(told.update.height, HEIGHT);
    check_int(load_le32(fake.gpu->scanouts[0].shadow.pixels), 0x654321);
    say(&fake, &ask, sizeof(ask));
    check(next_of(&fake, GPU_PIXELS, &told));
    check_int(told.scanout.buffer, 0);
    fake.drawn = 0x112233;
    check_int(scanout_flush(fake.gpu, FIRST, &all), 0);
    check_int(load_le32(fake.gpu->scanouts[0].shadow.pixels), 0x112233);
    /* It has gone: the next texture is shown as it is. */
    wish(&fake, 0, 1);
    check(next_of(&fake, GPU_SCANOUT, &told));
    check(told.scanout.buffer != display_link_buffer_id(fake.gpu->scanouts[0].shadow.buffer));
    close_fake(&fake);
}

TAP_TEST(a_texture_that_cannot_be_exported_is_read_back)
{
    const struct rect all = {0, 0, WIDTH, HEIGHT};
    static struct told told;
    struct fake fake;

    for (unsigned int i = 0; i < 3; i++) {
        check(open_fake(&fake));
        fake.exports = i != 0;
        fake.stride = i == 1 ? WIDTH * 4 - 4 : STRIDE;
        fake.format = i == 2 ? 0x3231564e : GPU_FORMAT_XR24; /* planes */
        const int before = open_descriptors();
        check(make(&fake, FIRST));
        wish(&fake, 0, 1);
        check_int(show(&fake, FIRST), 0);
        fake.drawn = 0x123456;
        check_int(scanout_flush(fake.gpu, FIRST, &all), 0);
        check(next_of(&fake, GPU_BUFFER, &told));
        check(nothing_of(&fake, GPU_TEXTURE));
        check_int(load_le32(fake.gpu->scanouts[0].shadow.pixels), 0x123456);
        check_int(show(&fake, FIRST), 0);
        check_int(fake.n_exports, 1); /* it is not tried for each picture */
        check_int(open_descriptors(), before + 1);
        close_fake(&fake);
    }
}

TAP_TEST(a_guest_with_many_textures_holds_few_descriptors)
{
    static struct told told;
    struct fake fake;

    check(open_fake(&fake));
    wish(&fake, 0, 1);
    const int before = open_descriptors();
    for (uint32_t i = 0; i < MANY; i++) {
        check(make(&fake, FIRST + i));
        check_int(show(&fake, FIRST + i), 0);
        check(next_of(&fake, GPU_SCANOUT, &told));
        drain(&fake);
    }
    check_int(fake.gpu->n_shown_textures, GPU_SHOWN_TEXTURES_MAX);
    check(open_descriptors() - before <= GPU_SHOWN_TEXTURES_MAX + 1);
    /* The one that is shown goes. */
    scanout_forget_resource(fake.gpu, resource_find(&fake.gpu->resources, FIRST + MANY - 1));
    check(next_of(&fake, GPU_SCANOUT, &told));
    check_int(told.scanout.buffer, 0);
    check(next_of(&fake, GPU_BUFFER_GONE, &told));
    check_int(fake.gpu->n_shown_textures, GPU_SHOWN_TEXTURES_MAX - 1);
    /* One that had to make room comes again. */
    check_int(show(&fake, FIRST), 0);
    check(next_of(&fake, GPU_TEXTURE, &told));
    close_fake(&fake);
}

TAP_TEST(the_last_picture_stays_when_3d_begins_anew)
{
    struct gpu_restarted restarted = {0};
    static struct told told;
    struct fake fake;

    check(open_shown(&fake, &told));
    fake.drawn = 0xabcdef;
    gpu_restart(fake.gpu, &restarted);
    check_int(restarted.error, 0);
    check_int(restarted.resources, 1);
    check(next_of(&fake, GPU_SCANOUT, &told) && next_of(&fake, GPU_SCANOUT, &told));
    check(told.scanout.buffer == display_link_buffer_id(fake.gpu->scanouts[0].shadow.buffer));
    check_int(load_le32(fake.gpu->scanouts[0].shadow.pixels), 0xabcdef);
    check_int(fake.gpu->n_shown_textures, 0);
    close_fake(&fake);
}

TAP_TEST(a_new_display_gets_pixels_until_it_wishes_else)
{
    const struct start_header hello = {GPU_DISPLAY_HELLO, sizeof(hello)};
    static struct told told;
    struct fake fake;

    check(open_fake(&fake));
    check(make(&fake, FIRST));
    check_int(show(&fake, FIRST), 0);
    check(nothing_of(&fake, GPU_TEXTURE));
    wish(&fake, 0, 1);
    check(next_of(&fake, GPU_TEXTURE, &told));
    drain(&fake);
    say(&fake, &hello, sizeof(hello));
    check(next_of(&fake, GPU_HELLO, &told));
    check(next_of(&fake, GPU_BUFFER, &told));
    check(next_of(&fake, GPU_SCANOUT, &told));
    check(told.scanout.buffer == display_link_buffer_id(fake.gpu->scanouts[0].shadow.buffer));
    /* Impossible wishes. */
    wish(&fake, 2, 1);
    wish(&fake, 0, 2);
    const struct gpu_ask_pixels ask = {.header = {GPU_ASK_PIXELS, sizeof(ask)}, .scanout = 2};
    say(&fake, &ask, sizeof(ask));
    check(nothing_of(&fake, GPU_TEXTURE));
    close_fake(&fake);
}

TAP_MAIN(TAP_CASE(a_display_that_takes_textures_gets_them),
         TAP_CASE(pixels_come_again_when_they_are_wished),
         TAP_CASE(a_texture_that_cannot_be_exported_is_read_back),
         TAP_CASE(a_guest_with_many_textures_holds_few_descriptors),
         TAP_CASE(the_last_picture_stays_when_3d_begins_anew),
         TAP_CASE(a_new_display_gets_pixels_until_it_wishes_else))
