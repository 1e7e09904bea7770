/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/tap.h"

#include <errno.h>
#include <linux/virtio_gpu.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vmm/base/fd.h"
#include "vmm/base/message.h"
#include "vmm/devices/gpu/display-link.h"
#include "vmm/devices/gpu/edid.h"
#include "vmm/devices/gpu/resource.h"

enum {
    RAM_SIZE = 1 << 20,
    RAM_AT = 0x10000
};

static uint8_t
block_sum(const uint8_t *block, size_t size)
{
    uint8_t sum = 0;

    for (size_t i = 0; i < size; i++) {
        sum = (uint8_t)(sum + block[i]);
    }
    return sum;
}

TAP_TEST(edid_of_an_ordinary_window)
{
    uint8_t edid[EDID_SIZE_MAX];
    const struct edid_monitor monitor = {1280, 801, 338, 211, 1};

    check_int(edid_build(&monitor, edid), 128);
    check_int(block_sum(edid, 128), 0);
    check_int(edid[126], 0);
    const uint8_t *p = edid + 54;
    check_int(p[2] | (p[4] >> 4) << 8, 1280);
    check_int(p[5] | (p[7] >> 4) << 8, 801);
    check_int(p[12] | (p[14] >> 4) << 8, 338);
    check_int(p[13] | (p[14] & 15) << 8, 211);
    check_int(edid[21], 34);
    /* 60 Hz within a hundredth. */
    double total = (1280 + (p[3] | (p[4] & 15) << 8)) * (801.0 + (p[6] | (p[7] & 15) << 8));
    double refresh = (p[0] | p[1] << 8) * 10000.0 / total;
    check(refresh > 59.9 && refresh < 60.1);
    check(memcmp(edid + 72 + 5, "Vitrine\n", 8) == 0);
}

static bool
edid_says(const uint8_t *edid, size_t size, uint32_t width, uint32_t height)
{
    const uint8_t *id = edid + 128;

    if (block_sum(edid, 128) != 0 || edid[126] != size / 128 - 1) {
        return false;
    }
    if (size == 128) {
        return (uint32_t)(edid[56] | (edid[58] >> 4) << 8) == width &&
               (uint32_t)(edid[59] | (edid[61] >> 4) << 8) == height;
    }
    return block_sum(id, 128) == 0 && id[0] == 0x70 && block_sum(id + 1, id[2] + 5U) == 0 &&
           load_le16(id + 8 + 4) + 1U == width && load_le16(id + 8 + 12) + 1U == height;
}

TAP_TEST(edid_of_every_size)
{
    static const uint32_t edges[] = {1,    2,    63,   640,  1079, 2160,
                                     4094, 4095, 4096, 5120, 8191, 16384};

    for (size_t i = 0; i < ARRAY_SIZE(edges); i++) {
        for (size_t j = 0; j < ARRAY_SIZE(edges); j++) {
            uint8_t edid[EDID_SIZE_MAX];
            const struct edid_monitor monitor = {edges[i], edges[j], 0, 0, 1};
            check(edid_says(edid, edid_build(&monitor, edid), edges[i], edges[j]));
        }
    }
}

TAP_TEST(rectangles)
{
    struct rect a = {10, 10, 20, 20};
    struct rect b = {25, 5, 100, 10};
    struct rect huge = {UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX};
    struct rect r = rect_intersect(&a, &b);

    check(rect_equal(&r, &(struct rect){25, 10, 5, 5}));
    r = rect_intersect(&a, &huge);
    check(rect_empty(&r));
    r = rect_union(&a, &b);
    check(rect_equal(&r, &(struct rect){10, 5, 115, 25}));
    check(rect_inside(&a, 30, 30) && !rect_inside(&a, 29, 30) && !rect_inside(&huge, 30, 30));
    check(!rect_inside(&(struct rect){1, 0, UINT32_MAX, 1}, 100, 100));
}

/* Guest memory of one region and a chain that reads `entries`. */
struct guest {
    struct guest_memory *memory;
    uint8_t *ram;
    int fd;
    struct iovec iov;
    struct chain chain;
};

static void
guest_start(struct guest *guest)
{
    const struct guest_memory_region region = {.guest_address = RAM_AT, .size = RAM_SIZE};

    memset(guest, 0, sizeof(*guest));
    guest->memory = guest_memory_create();
    guest->fd = fd_memory_file("ram", RAM_SIZE);
    if (guest_memory_add(guest->memory, &region, guest->fd) < 0) {
        abort();
    }
    guest->ram = guest_memory_range(guest->memory, RAM_AT, RAM_SIZE);
    for (uint32_t i = 0; i < RAM_SIZE; i++) {
        guest->ram[i] = (uint8_t)(i * 31 + i / 4096);
    }
}

static void
guest_stop(struct guest *guest)
{
    guest_memory_destroy(guest->memory);
    close(guest->fd);
}

static int
guest_backing(struct guest *guest, const struct virtio_gpu_mem_entry *entries, size_t n_there,
              uint32_t n_said, struct backing **ret_backing)
{
    guest->iov = (struct iovec){.iov_len = n_there * sizeof(*entries)};
    const void *base = entries;
    memcpy(&guest->iov.iov_base, &base, sizeof(base)); /* iovec has no const form */
    guest->chain = (struct chain){.n_out = 1, .iov = &guest->iov, .out_size = guest->iov.iov_len};
    return backing_read(&guest->chain, n_said, guest->memory, ret_backing);
}

TAP_TEST(backing_lists_are_checked)
{
    struct guest guest;
    struct backing *backing = NULL;
    uint8_t data[64];
    struct virtio_gpu_mem_entry entries[] = {
        {.addr = RAM_AT + 0x3000, .length = 16},
        {.addr = RAM_AT + 0x3010, .length = 16}, /* joins */
        {.addr = RAM_AT, .length = 32},
    };

    guest_start(&guest);
    check_int(guest_backing(&guest, entries, 3, 3, &backing), 0);
    check_int(backing_size(backing), 64);
    check(backing_copy(backing, guest.memory, 0, data, 64));
    check(memcmp(data, guest.ram + 0x3000, 32) == 0 && memcmp(data + 32, guest.ram, 32) == 0);
    check(backing_copy(backing, guest.memory, 30, data, 4));
    check(data[1] == guest.ram[0x301f] && data[2] == guest.ram[0]);
    check(!backing_copy(backing, guest.memory, 61, data, 4));
    check(!backing_copy(backing, guest.memory, UINT64_MAX, data, 2));
    guest_memory_clear(guest.memory);
    check(!backing_copy(backing, guest.memory, 0, data, 4));
    backing_destroy(backing);
    guest_stop(&guest);

    guest_start(&guest);
    check_int(guest_backing(&guest, entries, 3, 4, &backing), -EINVAL);
    check_int(guest_backing(&guest, entries, 3, 0, &backing), -EINVAL);
    check_int(guest_backing(&guest, entries, 3, UINT32_MAX, &backing), -EINVAL);
    entries[1].addr = RAM_AT + RAM_SIZE - 15;
    check_int(guest_backing(&guest, entries, 3, 3, &backing), -EINVAL);
    entries[1].addr = UINT64_MAX - 3;
    check_int(guest_backing(&guest, entries, 3, 3, &backing), -EINVAL);
    entries[1].addr = RAM_AT;
    entries[1].length = 0;
    check_int(guest_backing(&guest, entries, 3, 3, &backing), -EINVAL);
    guest_stop(&guest);
}

/* Change bytes at every distance from the edges: what is written is what differed. */
TAP_TEST(updates_write_what_differs)
{
    struct guest guest;
    struct backing *backing = NULL;
    static uint8_t data[1000];
    struct backing_target target = {.data = data, .size = sizeof(data)};
    struct virtio_gpu_mem_entry entries[] = {
        {.addr = RAM_AT + 0x3000, .length = 300},
        {.addr = RAM_AT, .length = 800},
    };

    guest_start(&guest);
    check_int(guest_backing(&guest, entries, 2, 2, &backing), 0);
    check(backing_copy(backing, guest.memory, 50, data, sizeof(data)));
    check(backing_update(backing, guest.memory, 50, &target));
    check(target.first == target.end);
    for (uint64_t a = 0; a < sizeof(data); a += 37) {
        for (uint64_t b = a; b < sizeof(data); b += 41) {
            data[a] ^= 1;
            data[b] ^= 2;
            check(backing_update(backing, guest.memory, 50, &target));
            check_int(target.first, a);
            check_int(target.end, b + 1);
            check(data[250] == guest.ram[0] && data[249] == guest.ram[0x3000 + 299]);
            check(backing_update(backing, guest.memory, 50, &target));
            check(target.first == target.end);
        }
    }
    target.size = 0;
    check(backing_update(backing, guest.memory, 0, &target) && target.first == target.end);
    target.size = sizeof(data);
    check(!backing_update(backing, guest.memory, 101, &target));
    backing_destroy(backing);
    guest_stop(&guest);
}

TAP_TEST(resource_sizes_are_checked)
{
    struct resource_table table;
    static const uint32_t edges[] = {0,     1,     16384,      16385,     32768,
                                     65535, 65536, 0x40000000, UINT32_MAX};

    resource_table_init(&table, 4 << 20);
    for (size_t i = 0; i < ARRAY_SIZE(edges); i++) {
        for (size_t j = 0; j < ARRAY_SIZE(edges); j++) {
            uint64_t size = (uint64_t)edges[i] * (edges[j] + UINT64_C(1)) * 4;
            int r =
                resource_create_2d(&table, 1, VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, edges[i], edges[j]);
            bool bad = edges[i] == 0 || edges[j] == 0 || edges[i] > 16384 || edges[j] > 16384;
            check_int(r, bad ? -EINVAL : size > 4 << 20 ? -ENOMEM : 0);
            check_int(table.used, r == 0 ? size : 0);
            if (r == 0) {
                resource_destroy(&table, resource_find(&table, 1));
            }
            check_int(table.used, 0);
        }
    }
    check_int(resource_create_2d(&table, 0, VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, 4, 4), -EINVAL);
    check_int(resource_create_2d(&table, 1, VIRTIO_GPU_FORMAT_A8R8G8B8_UNORM, 4, 4), -EINVAL);
    check_int(resource_create_2d(&table, 1, VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, 4, 4), 0);
    check_int(resource_create_2d(&table, 1, VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, 4, 4), -EEXIST);
    check_int(table.used, 80);
    for (uint32_t id = 2; id <= RESOURCES_2D_MAX; id++) {
        check_int(resource_create_2d(&table, id, VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, 1, 1), 0);
    }
    check_int(resource_create_2d(&table, 9999, VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, 1, 1), -ENOMEM);
    for (uint32_t id = 1; id <= RESOURCES_2D_MAX; id++) {
        resource_destroy(&table, resource_find(&table, id));
    }
    check_int(table.used, 0);
    check_int(table.count, 0);
}

TAP_TEST(transfers_copy_the_rectangle_only)
{
    struct resource_table table;
    struct guest guest;
    struct backing *backing = NULL;
    struct virtio_gpu_mem_entry entry = {.addr = RAM_AT, .length = 16 * 8 * 4};

    guest_start(&guest);
    resource_table_init(&table, 1 << 20);
    check_int(resource_create_2d(&table, 7, VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, 16, 8), 0);
    struct resource *resource = resource_find(&table, 7);
    struct rect rect = {3, 2, 5, 4};
    uint64_t offset = 2 * 64 + 3 * 4;
    check_int(resource_transfer(resource, guest.memory, &rect, offset), -ENXIO);
    check_int(guest_backing(&guest, &entry, 1, 1, &backing), 0);
    check_int(resource_attach(&table, resource, backing), 0);
    check_int(resource_attach(&table, resource, backing), -EBUSY);
    check_int(resource_transfer(resource, guest.memory, &rect, offset), 0);
    for (uint32_t y = 0; y < 8; y++) {
        for (uint32_t x = 0; x < 16; x++) {
            bool inside = x >= 3 && x < 8 && y >= 2 && y < 6;
            uint32_t at = y * 64 + x * 4;
            check_int(load_le32(resource->pixels + at), inside ? load_le32(guest.ram + at) : 0);
        }
    }
    check_int(resource_transfer(resource, guest.memory, &rect, 512), -EINVAL);
    check_int(resource_transfer(resource, guest.memory, &rect, UINT64_MAX - 8), -EINVAL);
    rect.width = 14;
    check_int(resource_transfer(resource, guest.memory, &rect, 0), -EINVAL);
    rect = (struct rect){UINT32_MAX, 1, 2, 2};
    check_int(resource_transfer(resource, guest.memory, &rect, 0), -EINVAL);
    rect = (struct rect){0, 0, 16, 8};
    check_int(resource_transfer(resource, guest.memory, &rect, 0), 0);
    check(memcmp(resource->pixels, guest.ram, 16UL * 8 * 4) == 0);
    check_int(resource_transfer(resource, guest.memory, &rect, 4), -EINVAL);
    resource_detach(&table, resource);
    check_int(resource_transfer(resource, guest.memory, &rect, 0), -ENXIO);
    resource_destroy(&table, resource);
    check_int(table.used, 0);
    guest_stop(&guest);
}

/* A display at the other end of a link. */
struct screen {
    struct loop *loop;
    struct display_link *link;
    int ours;
    int theirs;
    struct gpu_mode mode;
    unsigned int modes;
    unsigned int plugs;
};

static void
screen_mode(void *data, const struct gpu_mode *mode)
{
    struct screen *screen = data;

    screen->mode = *mode;
    screen->modes++;
}

static void
screen_plug(void *data, const struct gpu_mode *mode)
{
    struct screen *screen = data;

    screen->mode = *mode;
    screen->plugs++;
}

static const struct display_link_ops screen_ops = {.mode = screen_mode, .plug = screen_plug};

static void
screen_start(struct screen *screen)
{
    int pair[2];

    memset(screen, 0, sizeof(*screen));
    if (fd_socket_pair(SOCK_SEQPACKET, pair) < 0) {
        abort();
    }
    fd_set_nonblocking(pair[0]);
    fd_set_nonblocking(pair[1]);
    screen->ours = pair[0];
    screen->theirs = pair[1];
    screen->loop = loop_create();
    screen->link = display_link_create(screen->loop, pair[0], 2, &screen_ops, screen);
}

static void
screen_stop(struct screen *screen)
{
    display_link_destroy(screen->link);
    loop_destroy(screen->loop);
    close(screen->ours);
    close(screen->theirs);
}

static void
screen_hello(struct screen *screen)
{
    const struct start_header hello = {GPU_DISPLAY_HELLO, sizeof(hello)};

    message_send(screen->theirs, &hello, sizeof(hello), NULL, 0);
    loop_iterate(screen->loop, 1000);
}

/* The next message's type, 0 when there is none. */
static uint32_t
screen_next(struct screen *screen, void *message)
{
    static uint8_t buffer[sizeof(struct gpu_cursor)];
    struct message_fds fds;
    struct start_header header;
    ssize_t n = message_receive(screen->theirs, buffer, sizeof(buffer), &fds);

    if (n <= 0) {
        return 0;
    }
    memcpy(&header, buffer, sizeof(header));
    bool with_fd = fds.count == 1;
    message_close_fds(&fds);
    if (header.size != n || with_fd != (header.type == GPU_BUFFER)) {
        return 0;
    }
    if (message) {
        memcpy(message, buffer, (size_t)n);
    }
    return header.type;
}

TAP_TEST(link_sends_what_changed)
{
    struct screen screen;
    cleanup_fd int fd = fd_memory_file("pixels", 4096);
    struct gpu_update update;
    struct gpu_scanout scanout;
    struct link_scanout state = {
        .width = 32, .height = 32, .stride = 128, .format = GPU_FORMAT_XR24};

    screen_start(&screen);
    struct link_buffer *buffer = display_link_add_buffer(screen.link, fd, 4096);
    state.buffer = buffer;
    display_link_set_scanout(screen.link, 1, &state);
    check_int(screen_next(&screen, NULL), 0); /* nobody listens yet */
    screen_hello(&screen);
    check_int(screen_next(&screen, NULL), GPU_HELLO);
    check_int(screen_next(&screen, &scanout), GPU_SCANOUT);
    check(scanout.scanout == 0 && scanout.buffer == 0);
    check_int(screen_next(&screen, NULL), GPU_BUFFER);
    check_int(screen_next(&screen, &scanout), GPU_SCANOUT);
    check(scanout.scanout == 1 && scanout.buffer == 1 && scanout.width == 32);
    check_int(screen_next(&screen, NULL), GPU_CURSOR_MOVE); /* hidden cursors are not told */
    check_int(screen_next(&screen, &update), GPU_UPDATE);
    check(update.scanout == 1 && update.width == 32 && update.height == 32);
    check_int(screen_next(&screen, NULL), GPU_CURSOR_MOVE);
    check_int(screen_next(&screen, NULL), 0);

    display_link_set_scanout(screen.link, 1, &state); /* nothing new */
    check_int(screen_next(&screen, NULL), 0);
    display_link_update(screen.link, 1, &(struct rect){30, 1, 10, 3});
    check_int(screen_next(&screen, &update), GPU_UPDATE);
    check(update.x == 30 && update.y == 1 && update.width == 2 && update.height == 3);
    display_link_update(screen.link, 1, &(struct rect){32, 1, 10, 3});
    check_int(screen_next(&screen, NULL), 0);
    display_link_set_scanout(screen.link, 1, &(struct link_scanout){0});
    display_link_remove_buffer(screen.link, buffer);
    check_int(screen_next(&screen, &scanout), GPU_SCANOUT);
    check_int(scanout.buffer, 0);
    check_int(screen_next(&screen, NULL), GPU_BUFFER_GONE);
    check_int(screen_next(&screen, NULL), 0);
    screen_stop(&screen);
}

TAP_TEST(link_merges_while_the_socket_is_full)
{
    struct screen screen;
    cleanup_fd int fd = fd_memory_file("pixels", 1 << 20);
    struct gpu_update update = {0};
    struct link_scanout state = {
        .width = 512, .height = 512, .stride = 2048, .format = GPU_FORMAT_XR24};

    screen_start(&screen);
    state.buffer = display_link_add_buffer(screen.link, fd, 1 << 20);
    screen_hello(&screen);
    display_link_set_scanout(screen.link, 0, &state);
    uint64_t sent = 0;
    do { /* until the socket is full */
        sent = display_link_messages(screen.link);
        display_link_update(screen.link, 0, &(struct rect){0, 0, 1, 1});
    } while (display_link_messages(screen.link) > sent);
    for (uint32_t i = 0; i < 1000; i++) {
        display_link_update(screen.link, 0, &(struct rect){100 + i % 10, 200, 5, 7});
    }
    check_int(display_link_messages(screen.link), sent);
    unsigned int got = 0;
    while (screen_next(&screen, NULL) != 0) {
        got++;
    }
    check(got > 10);
    loop_iterate(screen.loop, 1000); /* there is room again */
    check_int(screen_next(&screen, &update), GPU_UPDATE);
    check(update.x == 0 && update.y == 0 && update.width == 114 && update.height == 207);
    check_int(screen_next(&screen, NULL), 0);
    screen_stop(&screen);
}

TAP_TEST(link_tells_a_new_display_everything)
{
    struct screen screen;
    cleanup_fd int fd = fd_memory_file("pixels", 4096);
    cleanup_fd int second = fd_memory_file("pixels", 4096);
    static const struct link_cursor cursor = {
        .visible = 1, .hot_x = 3, .hot_y = 4, .pixels = {0xff00ff00}};
    struct link_scanout state = {
        .width = 32, .height = 32, .stride = 128, .format = GPU_FORMAT_XR24};
    static struct gpu_cursor got;
    struct gpu_buffer gone;

    screen_start(&screen);
    struct link_buffer *old = display_link_add_buffer(screen.link, fd, 4096);
    state.buffer = old;
    screen_hello(&screen);
    display_link_set_scanout(screen.link, 0, &state);
    display_link_set_cursor(screen.link, 0, &cursor);
    display_link_set_cursor(screen.link, 0, &cursor);
    display_link_move_cursor(screen.link, 0, 5, 6);
    /* The display dies unread; meanwhile the guest goes on. */
    state.buffer = display_link_add_buffer(screen.link, second, 4096);
    display_link_set_scanout(screen.link, 0, &state);
    display_link_remove_buffer(screen.link, old);
    screen_hello(&screen);
    unsigned int hellos = 0;
    while (hellos < 2) {
        uint32_t type = screen_next(&screen, NULL);
        check(type != 0);
        hellos += type == GPU_HELLO;
    }
    check_int(screen_next(&screen, &gone), GPU_BUFFER);
    check_int(gone.id, 2);
    check_int(screen_next(&screen, NULL), GPU_SCANOUT);
    check_int(screen_next(&screen, NULL), GPU_SCANOUT);
    check_int(screen_next(&screen, NULL), GPU_UPDATE);
    check_int(screen_next(&screen, &got), GPU_CURSOR);
    check(got.visible == 1 && got.hot_x == 3 && got.pixels[0] == 0xff00ff00);
    check_int(screen_next(&screen, NULL), GPU_CURSOR_MOVE);
    screen_stop(&screen);
}

TAP_TEST(link_checks_what_the_display_says)
{
    struct screen screen;
    struct gpu_mode mode = {
        .header = {GPU_MODE, sizeof(mode)}, .enabled = 1, .width = 800, .height = 600};
    struct gpu_mode bad;

    screen_start(&screen);
    message_send(screen.theirs, &mode, sizeof(mode), NULL, 0);
    loop_iterate(screen.loop, 1000);
    check_int(screen.modes, 1);
    check_int(screen.mode.width, 800);
    bad = mode;
    bad.scanout = 2;
    message_send(screen.theirs, &bad, sizeof(bad), NULL, 0);
    bad = mode;
    bad.width = GPU_EDGE_MAX + 1;
    message_send(screen.theirs, &bad, sizeof(bad), NULL, 0);
    bad = mode;
    bad.height = 0;
    message_send(screen.theirs, &bad, sizeof(bad), NULL, 0);
    message_send(screen.theirs, &mode, sizeof(mode) - 1, NULL, 0);
    message_send(screen.theirs, "x", 1, NULL, 0);
    bad = mode;
    bad.enabled = 0; /* that is not for a window to say */
    message_send(screen.theirs, &bad, sizeof(bad), NULL, 0);
    bad.header.type = GPU_PLUG;
    bad.width = 0;
    message_send(screen.theirs, &bad, sizeof(bad), NULL, 0);
    bad.enabled = 1;
    message_send(screen.theirs, &bad, sizeof(bad), NULL, 0);
    for (int i = 0; i < 9; i++) {
        loop_iterate(screen.loop, 10);
    }
    check_int(screen.modes, 1);
    check_int(screen.plugs, 1);
    check_int(screen.mode.enabled, 0);
    close(screen.theirs);
    screen.theirs = -1;
    loop_iterate(screen.loop, 1000);
    display_link_move_cursor(screen.link, 0, 1, 1); /* no display, no crash */
    screen_stop(&screen);
}

TAP_MAIN(TAP_CASE(edid_of_an_ordinary_window), TAP_CASE(edid_of_every_size), TAP_CASE(rectangles),
         TAP_CASE(backing_lists_are_checked), TAP_CASE(updates_write_what_differs),
         TAP_CASE(resource_sizes_are_checked), TAP_CASE(transfers_copy_the_rectangle_only),
         TAP_CASE(link_sends_what_changed), TAP_CASE(link_merges_while_the_socket_is_full),
         TAP_CASE(link_tells_a_new_display_everything), TAP_CASE(link_checks_what_the_display_says))
