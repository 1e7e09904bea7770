/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/tap.h"

#include <errno.h>
#include <linux/virtio_gpu.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/fakes/fake-frontend.h"
#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/base/message.h"
#include "vmm/protocol/gpu.h"

enum {
    REQUEST_AT = FAKE_DATA_AT,
    RESPONSE_AT = FAKE_DATA_AT + 0x20000,
    ENTRIES_MAX = 1000,
    MEMORY_LIMIT = 64 << 20
};

#define PIXELS_AT FAKE_HIGH_BASE

/* The device, and us as guest and as display. */
struct card {
    struct fake fake;
    int display;
    _Alignas(8) uint8_t response[2048];
    struct virtio_gpu_ctrl_hdr *header; /* of the last response */
    int written;
};

static bool
card_start(struct card *card)
{
    int pair[2];
    struct gpu_setup setup = {.display_fd = FAKE_FD_MORE,
                              .n_scanouts = 2,
                              .width = 1280,
                              .height = 800,
                              .memory_limit = MEMORY_LIMIT};

    card->header = (void *)card->response;
    if (fd_socket_pair(SOCK_SEQPACKET, pair) < 0) {
        return false;
    }
    card->display = pair[0];
    fd_set_nonblocking(card->display);
    bool ok = fake_start(&card->fake, "VMM_GPU", &setup, sizeof(setup), (int[2]){pair[1], -1});
    close(pair[1]);
    return ok && fake_open(&card->fake, 2);
}

static int
card_stop(struct card *card)
{
    close(card->display);
    return fake_end(&card->fake);
}

/* Send a request of `size` bytes with `extra` in a second descriptor; returns the response's type. */
static uint32_t
ask(struct card *card, uint32_t type, void *request, size_t size, const void *extra,
    size_t extra_size)
{
    struct virtio_gpu_ctrl_hdr *header = request;
    struct fake_segment segments[3] = {{REQUEST_AT, (uint32_t)size, false}};
    size_t n = 1;

    header->type = type;
    memcpy(fake_ram(&card->fake, REQUEST_AT), request, size);
    if (extra_size) {
        memcpy(fake_ram(&card->fake, REQUEST_AT + 0x1000), extra, extra_size);
        segments[n++] = (struct fake_segment){REQUEST_AT + 0x1000, (uint32_t)extra_size, false};
    }
    memset(fake_ram(&card->fake, RESPONSE_AT), 0xee, sizeof(card->response));
    segments[n++] = (struct fake_segment){RESPONSE_AT, sizeof(card->response), true};
    card->written = fake_request(&card->fake, 0, segments, n);
    memcpy(card->response, fake_ram(&card->fake, RESPONSE_AT), sizeof(card->response));
    return card->written < 24 ? 0 : card->header->type;
}

static bool
ask_cursor(struct card *card, uint32_t type, struct virtio_gpu_update_cursor *cursor)
{
    struct fake_segment segment = {REQUEST_AT, sizeof(*cursor), false};

    cursor->hdr.type = type;
    memcpy(fake_ram(&card->fake, REQUEST_AT), cursor, sizeof(*cursor));
    return fake_request(&card->fake, 1, &segment, 1) == 0;
}

static uint32_t
create_2d(struct card *card, uint32_t id, uint32_t width, uint32_t height)
{
    struct virtio_gpu_resource_create_2d request = {
        .resource_id = id, .format = 2, .width = width, .height = height};

    return ask(card, VIRTIO_GPU_CMD_RESOURCE_CREATE_2D, &request, sizeof(request), NULL, 0);
}

/* Pages of guest memory in reverse order, so that nothing is where a naive device looks. */
static size_t
scattered(struct virtio_gpu_mem_entry *entries, uint64_t size)
{
    size_t n = (size + 4095) / 4096;

    for (size_t i = 0; i < n; i++) {
        entries[i] =
            (struct virtio_gpu_mem_entry){.addr = PIXELS_AT + (n - 1 - i) * 4096, .length = 4096};
    }
    return n;
}

/* The guest's pixel memory as the resource's byte `offset`. */
static uint8_t *
pixel_byte(struct card *card, uint64_t size, uint64_t offset)
{
    uint64_t n = (size + 4095) / 4096;

    return fake_ram(&card->fake, PIXELS_AT + (n - 1 - offset / 4096) * 4096 + offset % 4096);
}

static void
paint(struct card *card, uint64_t size, uint32_t seed)
{
    for (uint64_t i = 0; i < size; i += 4) {
        store_le32(pixel_byte(card, size, i), (uint32_t)i * 2654435761U + seed);
    }
}

static uint32_t
attach(struct card *card, uint32_t id, uint64_t size)
{
    struct virtio_gpu_mem_entry entries[ENTRIES_MAX / 4];
    size_t n = scattered(entries, size);
    struct virtio_gpu_resource_attach_backing request = {.resource_id = id,
                                                         .nr_entries = (uint32_t)n};

    return ask(card, VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING, &request, sizeof(request), entries,
               n * sizeof(entries[0]));
}

static uint32_t
create_blob(struct card *card, uint32_t id, uint64_t size)
{
    struct virtio_gpu_mem_entry entries[ENTRIES_MAX / 4];
    size_t n = scattered(entries, size);
    struct virtio_gpu_resource_create_blob request = {.resource_id = id,
                                                      .blob_mem = VIRTIO_GPU_BLOB_MEM_GUEST,
                                                      .blob_flags = 2,
                                                      .nr_entries = (uint32_t)n,
                                                      .size = size};

    return ask(card, VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB, &request, sizeof(request), entries,
               n * sizeof(entries[0]));
}

static uint32_t
transfer(struct card *card, uint32_t id, struct virtio_gpu_rect rect, uint64_t offset)
{
    struct virtio_gpu_transfer_to_host_2d request = {
        .r = rect, .offset = offset, .resource_id = id};

    return ask(card, VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D, &request, sizeof(request), NULL, 0);
}

static uint32_t
set_scanout(struct card *card, uint32_t scanout, uint32_t id, struct virtio_gpu_rect rect)
{
    struct virtio_gpu_set_scanout request = {.r = rect, .scanout_id = scanout, .resource_id = id};

    return ask(card, VIRTIO_GPU_CMD_SET_SCANOUT, &request, sizeof(request), NULL, 0);
}

static uint32_t
flush(struct card *card, uint32_t id, struct virtio_gpu_rect rect)
{
    struct virtio_gpu_resource_flush request = {.r = rect, .resource_id = id};

    return ask(card, VIRTIO_GPU_CMD_RESOURCE_FLUSH, &request, sizeof(request), NULL, 0);
}

static uint32_t
unref(struct card *card, uint32_t id)
{
    struct virtio_gpu_resource_unref request = {.resource_id = id};

    return ask(card, VIRTIO_GPU_CMD_RESOURCE_UNREF, &request, sizeof(request), NULL, 0);
}

/* A message to the display, if one is there: the device sends before it answers the guest. */
struct shown {
    union {
        struct start_header header;
        struct gpu_hello hello;
        struct gpu_buffer buffer;
        struct gpu_scanout scanout;
        struct gpu_update update;
        struct gpu_cursor cursor;
        struct gpu_cursor_move move;
    };
    int fd;
};

static uint32_t
next(struct card *card, struct shown *shown)
{
    struct message_fds fds;

    shown->fd = -1;
    ssize_t n = message_receive(card->display, shown, sizeof(struct gpu_cursor), &fds);
    if (n <= 0) {
        return 0;
    }
    shown->fd = message_take_fd(&fds, 0);
    message_close_fds(&fds);
    return shown->header.size == n ? shown->header.type : UINT32_MAX;
}

/* Skip to what the device says after its hello: nothing is shown yet. */
static bool
say_hello(struct card *card)
{
    const struct start_header hello = {GPU_DISPLAY_HELLO, sizeof(hello)};
    struct pollfd wait = {.fd = card->display, .events = POLLIN};
    static struct shown shown;

    message_send(card->display, &hello, sizeof(hello), NULL, 0);
    if (poll(&wait, 1, FAKE_LIMIT_MS) != 1 || next(card, &shown) != GPU_HELLO ||
        shown.hello.n_scanouts != 2) {
        return false;
    }
    usleep(20000);
    while (next(card, &shown) != 0) {
        fd_closep(&shown.fd);
    }
    return true;
}

static const uint8_t *
map_buffer(const struct shown *shown)
{
    if (fd_check_memory_file(shown->fd, shown->buffer.size) < 0) {
        return NULL;
    }
    void *pixels = mmap(NULL, shown->buffer.size, PROT_READ, MAP_SHARED, shown->fd, 0);
    return pixels == MAP_FAILED ? NULL : pixels;
}

#define RECT(x, y, w, h)     \
    (struct virtio_gpu_rect) \
    {                        \
        x, y, w, h           \
    }

TAP_TEST(identity)
{
    struct card card;
    struct virtio_gpu_config config;
    struct virtio_gpu_ctrl_hdr info = {0};
    struct virtio_gpu_cmd_get_edid edid = {.scanout = 1};
    const struct virtio_gpu_resp_display_info *display = (const void *)card.response;
    const struct virtio_gpu_resp_edid *monitor = (const void *)card.response;

    check(card_start(&card));
    check(card.fake.features & 1 << VIRTIO_GPU_F_EDID);
    check(card.fake.features & 1 << VIRTIO_GPU_F_RESOURCE_BLOB);
    check(!(card.fake.features & 1 << VIRTIO_GPU_F_VIRGL));
    check(fake_get_config(&card.fake, 0, &config, sizeof(config)));
    check_int(config.num_scanouts, 2);
    check_int(config.num_capsets, 0);
    check_int(ask(&card, VIRTIO_GPU_CMD_GET_DISPLAY_INFO, &info, sizeof(info), NULL, 0),
              VIRTIO_GPU_RESP_OK_DISPLAY_INFO);
    check_int(card.written, 408);
    check_int(display->pmodes[0].r.width, 1280);
    check_int(display->pmodes[1].r.x, 1280);
    check_int(display->pmodes[1].enabled, 1);
    check_int(display->pmodes[2].enabled, 0);
    check_int(ask(&card, VIRTIO_GPU_CMD_GET_EDID, &edid, sizeof(edid), NULL, 0),
              VIRTIO_GPU_RESP_OK_EDID);
    check_int(card.written, 1056);
    check_int(monitor->size, 128);
    check_int(monitor->edid[54 + 2] | (monitor->edid[54 + 4] >> 4) << 8, 1280);
    edid.scanout = 2;
    check_int(ask(&card, VIRTIO_GPU_CMD_GET_EDID, &edid, sizeof(edid), NULL, 0),
              VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID);
    check_int(card_stop(&card), 0);
}

TAP_TEST(pixels_of_a_2d_resource)
{
    struct card card;
    static struct shown shown;
    const uint64_t size = 200 * 100 * 4;

    check(card_start(&card) && say_hello(&card));
    paint(&card, size, 1);
    check_int(create_2d(&card, 5, 200, 100), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(attach(&card, 5, size), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(transfer(&card, 5, RECT(0, 0, 200, 100), 0), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(next(&card, &shown), 0);
    check_int(set_scanout(&card, 0, 5, RECT(0, 0, 200, 100)), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(next(&card, &shown), GPU_BUFFER);
    const uint8_t *pixels = map_buffer(&shown);
    check(pixels);
    for (uint64_t i = 0; i < size; i += 4) {
        check_int(load_le32(pixels + i), load_le32(pixel_byte(&card, size, i)));
    }
    check_int(next(&card, &shown), GPU_SCANOUT);
    check(shown.scanout.width == 200 && shown.scanout.height == 100);
    check(shown.scanout.stride == 800 && shown.scanout.format == GPU_FORMAT_XR24);
    check(shown.scanout.offset == 0 && shown.scanout.buffer != 0);
    check_int(set_scanout(&card, 0, 5, RECT(0, 0, 200, 100)), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(next(&card, &shown), 0); /* said already */

    /* Only the rectangle is copied, and only it is told. */
    paint(&card, size, 2);
    check_int(transfer(&card, 5, RECT(30, 40, 8, 16), 40 * 800 + 30 * 4),
              VIRTIO_GPU_RESP_OK_NODATA);
    check_int(flush(&card, 5, RECT(30, 40, 8, 16)), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(next(&card, &shown), GPU_UPDATE);
    check(shown.update.x == 30 && shown.update.y == 40);
    check(shown.update.width == 8 && shown.update.height == 16);
    check_int(next(&card, &shown), 0);
    for (uint32_t y = 0; y < 100; y++) {
        for (uint32_t x = 0; x < 200; x++) {
            bool inside = x >= 30 && x < 38 && y >= 40 && y < 56;
            uint32_t new = load_le32(pixel_byte(&card, size, y * 800 + x * 4));
            check_int(load_le32(pixels + y * 800 + x * 4), inside ? new : new - 1);
        }
    }

    /* A scanout of a part: damage is told in its coordinates. */
    check_int(set_scanout(&card, 0, 5, RECT(20, 30, 64, 64)), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(next(&card, &shown), GPU_SCANOUT);
    check(shown.scanout.offset == 30 * 800 + 20 * 4 && shown.scanout.width == 64);
    check_int(flush(&card, 5, RECT(0, 0, 30, 40)), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(next(&card, &shown), GPU_UPDATE);
    check(shown.update.x == 0 && shown.update.y == 0);
    check(shown.update.width == 10 && shown.update.height == 10);
    check_int(flush(&card, 5, RECT(0, 0, 20, 100)), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(next(&card, &shown), 0);
    check_int(set_scanout(&card, 1, 5, RECT(0, 0, 200, 100)), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(next(&card, &shown), GPU_SCANOUT);
    check_int(flush(&card, 5, RECT(20, 30, 1, 1)), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(next(&card, &shown), GPU_UPDATE);
    check_int(next(&card, &shown), GPU_UPDATE);
    check(shown.update.scanout == 1 && shown.update.x == 20);

    /* The resource goes: both scanouts go dark, then the buffer goes. */
    check_int(unref(&card, 5), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(next(&card, &shown), GPU_SCANOUT);
    check(shown.scanout.buffer == 0 && shown.scanout.scanout == 0);
    check_int(next(&card, &shown), GPU_SCANOUT);
    check_int(shown.scanout.buffer, 0);
    check_int(next(&card, &shown), GPU_BUFFER_GONE);
    check_int(next(&card, &shown), 0);
    check_int(flush(&card, 5, RECT(0, 0, 1, 1)), VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID);
    check_int(card_stop(&card), 0);
}

static uint32_t
set_scanout_blob(struct card *card, uint32_t id, struct virtio_gpu_rect rect, uint32_t width,
                 uint32_t height, uint32_t offset)
{
    struct virtio_gpu_set_scanout_blob request = {.r = rect,
                                                  .resource_id = id,
                                                  .width = width,
                                                  .height = height,
                                                  .format = 2,
                                                  .strides = {width * 4},
                                                  .offsets = {offset}};

    return ask(card, VIRTIO_GPU_CMD_SET_SCANOUT_BLOB, &request, sizeof(request), NULL, 0);
}

TAP_TEST(pixels_of_a_blob)
{
    struct card card;
    static struct shown shown;
    const uint64_t size = 256 * 128 * 4;

    check(card_start(&card) && say_hello(&card));
    paint(&card, size, 1);
    check_int(create_blob(&card, 9, size), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(create_blob(&card, 10, size), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(set_scanout_blob(&card, 9, RECT(0, 0, 200, 100), 256, 128, 0),
              VIRTIO_GPU_RESP_OK_NODATA);
    check_int(next(&card, &shown), GPU_BUFFER);
    const uint8_t *pixels = map_buffer(&shown);
    check(pixels);
    check_int(next(&card, &shown), GPU_SCANOUT);
    check(shown.scanout.width == 200 && shown.scanout.stride == 800);
    for (uint32_t y = 0; y < 100; y++) {
        for (uint32_t x = 0; x < 200; x++) {
            check_int(load_le32(pixels + y * 800 + x * 4),
                      load_le32(pixel_byte(&card, size, y * 1024 + x * 4)));
        }
    }
    /* A page flip costs nothing; a flush copies its rectangle. Linux also asks for transfers. */
    paint(&card, size, 2);
    check_int(set_scanout_blob(&card, 10, RECT(0, 0, 200, 100), 256, 128, 0),
              VIRTIO_GPU_RESP_OK_NODATA);
    check_int(transfer(&card, 10, RECT(0, 0, 200, 100), 0), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(next(&card, &shown), 0);
    check_int(flush(&card, 9, RECT(0, 0, 200, 100)), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(next(&card, &shown), 0); /* not shown any more */
    check_int(flush(&card, 10, RECT(190, 90, 66, 38)), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(next(&card, &shown), GPU_UPDATE);
    check(shown.update.x == 190 && shown.update.width == 10 && shown.update.height == 10);
    for (uint32_t y = 0; y < 100; y++) {
        for (uint32_t x = 0; x < 200; x++) {
            bool inside = x >= 190 && y >= 90;
            uint32_t new = load_le32(pixel_byte(&card, size, y * 1024 + x * 4));
            check_int(load_le32(pixels + y * 800 + x * 4), inside ? new : new - 1);
        }
    }
    /* Whatever is flushed, what changed is told. */
    check_int(flush(&card, 10, RECT(0, 0, 256, 128)), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(next(&card, &shown), GPU_UPDATE);
    for (uint32_t x = 10; x < 14; x++) {
        pixel_byte(&card, size, 20 * 1024 + x * 4)[3] ^= 1;
        pixel_byte(&card, size, 21 * 1024 + x * 4)[0] ^= 1;
    }
    pixel_byte(&card, size, 80 * 1024 + 150 * 4)[1] ^= 1;
    pixel_byte(&card, size, 5 * 1024 + 220 * 4)[1] ^= 1; /* not shown */
    check_int(flush(&card, 10, RECT(0, 0, 256, 128)), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(next(&card, &shown), GPU_UPDATE);
    check(shown.update.x == 10 && shown.update.y == 20);
    check(shown.update.width == 4 && shown.update.height == 2);
    check_int(next(&card, &shown), GPU_UPDATE);
    check(shown.update.x == 150 && shown.update.y == 80);
    check(shown.update.width == 1 && shown.update.height == 1);
    check_int(next(&card, &shown), 0);
    check_int(load_le32(pixels + 80 * 800 + 150 * 4),
              load_le32(pixel_byte(&card, size, 80 * 1024 + 150 * 4)));
    check_int(flush(&card, 10, RECT(0, 0, 256, 128)), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(next(&card, &shown), 0);
    /* Another size: another buffer, the old one goes. */
    check_int(set_scanout_blob(&card, 10, RECT(8, 4, 100, 50), 256, 128, 0),
              VIRTIO_GPU_RESP_OK_NODATA);
    check_int(next(&card, &shown), GPU_BUFFER);
    pixels = map_buffer(&shown);
    check_int(load_le32(pixels), load_le32(pixel_byte(&card, size, 4 * 1024 + 8 * 4)));
    check_int(next(&card, &shown), GPU_SCANOUT);
    check_int(next(&card, &shown), GPU_BUFFER_GONE);
    check_int(unref(&card, 10), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(next(&card, &shown), GPU_SCANOUT);
    check_int(shown.scanout.buffer, 0);
    check_int(next(&card, &shown), GPU_BUFFER_GONE);
    check_int(card_stop(&card), 0);
}

TAP_TEST(bad_numbers_are_refused)
{
    struct card card;
    static struct shown shown;
    const uint32_t big = UINT32_MAX;
    const uint32_t bad = VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
    const uint32_t no_resource = VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
    const uint32_t no_scanout = VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID;
    const uint32_t no_memory = VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
    const uint64_t size = 64 * 64 * 4;

    check(card_start(&card) && say_hello(&card));
    check_int(create_2d(&card, 0, 64, 64), bad);
    check_int(create_2d(&card, 1, 0, 64), bad);
    check_int(create_2d(&card, 1, 0x10000, 0x10000), bad); /* 2^34 bytes */
    check_int(create_2d(&card, 1, 0x8000, 0x8000), bad);   /* 2^32 bytes */
    check_int(create_2d(&card, 1, big, big), bad);
    check_int(create_2d(&card, 1, 16384, 16384), no_memory);
    check_int(create_2d(&card, 1, 64, 64), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(create_2d(&card, 1, 64, 64), no_resource);
    check_int(transfer(&card, 1, RECT(0, 0, 64, 64), 0), VIRTIO_GPU_RESP_ERR_UNSPEC);
    check_int(attach(&card, 2, size), no_resource);
    check_int(attach(&card, 1, size), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(attach(&card, 1, size), VIRTIO_GPU_RESP_ERR_UNSPEC);
    check_int(transfer(&card, 1, RECT(0, 0, 65, 64), 0), bad);
    check_int(transfer(&card, 1, RECT(1, 0, 64, 64), 0), bad);
    check_int(transfer(&card, 1, RECT(big, 0, 2, 64), 0), bad);
    check_int(transfer(&card, 1, RECT(0, 0, 64, 64), 1), bad);
    check_int(transfer(&card, 1, RECT(0, 0, 64, 64), UINT64_MAX - 16383), bad);
    check_int(transfer(&card, 1, RECT(0, 63, 64, 1), 63 * 256), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(transfer(&card, 1, RECT(64, 64, 0, 0), 0), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(set_scanout(&card, 2, 1, RECT(0, 0, 64, 64)), no_scanout);
    check_int(set_scanout(&card, big, 0, RECT(0, 0, 0, 0)), no_scanout);
    check_int(set_scanout(&card, 0, 2, RECT(0, 0, 64, 64)), no_resource);
    check_int(set_scanout(&card, 0, 1, RECT(0, 0, 65, 64)), bad);
    check_int(set_scanout(&card, 0, 1, RECT(0, 0, 0, 64)), bad);
    check_int(set_scanout(&card, 0, 1, RECT(63, 63, big, big)), bad);
    check_int(flush(&card, 1, RECT(0, 0, 65, 1)), bad);
    check_int(flush(&card, 1, RECT(big, big, big, big)), bad);
    check_int(create_blob(&card, 1, size), no_resource);
    check_int(create_blob(&card, 3, size), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(set_scanout(&card, 0, 3, RECT(0, 0, 64, 64)), no_resource);
    check_int(set_scanout_blob(&card, 1, RECT(0, 0, 64, 64), 64, 64, 0), no_resource);
    check_int(set_scanout_blob(&card, 3, RECT(0, 0, 64, 64), 64, 64, 4), bad);
    check_int(set_scanout_blob(&card, 3, RECT(0, 0, 65, 64), 64, 64, 0), bad);
    check_int(set_scanout_blob(&card, 3, RECT(0, 0, 64, 64), 0x40000000, 4, 0), bad);
    check_int(set_scanout_blob(&card, 3, RECT(0, 0, 16, 16), 16, big, 0), bad);
    check_int(set_scanout_blob(&card, 3, RECT(big, 0, 16, 16), 64, 64, 0), bad);
    struct virtio_gpu_resource_create_blob blob = {
        .resource_id = 4, .blob_mem = VIRTIO_GPU_BLOB_MEM_HOST3D, .size = 4096};
    check_int(ask(&card, VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB, &blob, sizeof(blob), NULL, 0), bad);
    blob.blob_mem = VIRTIO_GPU_BLOB_MEM_GUEST;
    blob.nr_entries = big;
    check_int(ask(&card, VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB, &blob, sizeof(blob), NULL, 0), bad);
    struct virtio_gpu_mem_entry entry = {.addr = FAKE_HIGH_BASE + FAKE_REGION - 4095,
                                         .length = 4096};
    blob.nr_entries = 1;
    check_int(
        ask(&card, VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB, &blob, sizeof(blob), &entry, sizeof(entry)),
        bad);
    check_int(unref(&card, 4), no_resource);
    check_int(next(&card, &shown), 0);
    check_int(card_stop(&card), 0);
}

TAP_TEST(a_failing_fence_completes)
{
    struct card card;
    struct virtio_gpu_resource_flush request = {
        .hdr = {.flags = VIRTIO_GPU_FLAG_FENCE, .fence_id = 0x123456789abcdef, .ctx_id = 7},
        .resource_id = 99};
    struct virtio_gpu_ctrl_hdr unknown = {.flags = VIRTIO_GPU_FLAG_FENCE, .fence_id = 5};

    check(card_start(&card));
    check_int(ask(&card, VIRTIO_GPU_CMD_RESOURCE_FLUSH, &request, sizeof(request), NULL, 0),
              VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID);
    check_int(card.header->flags, VIRTIO_GPU_FLAG_FENCE);
    check(card.header->fence_id == 0x123456789abcdef);
    check_int(card.header->ctx_id, 7);
    check_int(ask(&card, 0x7777, &unknown, sizeof(unknown), NULL, 0), VIRTIO_GPU_RESP_ERR_UNSPEC);
    check_int(card.header->fence_id, 5);
    /* 3D commands, and cursor commands on the wrong queue, are unknown. */
    check_int(ask(&card, VIRTIO_GPU_CMD_CTX_CREATE, &unknown, sizeof(unknown), NULL, 0),
              VIRTIO_GPU_RESP_ERR_UNSPEC);
    check_int(ask(&card, VIRTIO_GPU_CMD_GET_CAPSET, &unknown, sizeof(unknown), NULL, 0),
              VIRTIO_GPU_RESP_ERR_UNSPEC);
    check_int(ask(&card, VIRTIO_GPU_CMD_MOVE_CURSOR, &unknown, sizeof(unknown), NULL, 0),
              VIRTIO_GPU_RESP_ERR_UNSPEC);
    /* Every known command cut short. */
    for (uint32_t type = 0x101; type < 0x10e; type++) {
        struct virtio_gpu_set_scanout_blob request_of_zeros = {0};
        check(ask(&card, type, &request_of_zeros, sizeof(request_of_zeros.hdr), NULL, 0) >=
              VIRTIO_GPU_RESP_ERR_UNSPEC);
    }
    struct fake_segment tiny = {REQUEST_AT, 3, false};
    check_int(fake_request(&card.fake, 0, &tiny, 1), 0);
    check_int(card_stop(&card), 0);
}

TAP_TEST(cursor)
{
    struct card card;
    static struct shown shown;
    const uint64_t size = 64 * 64 * 4;
    struct virtio_gpu_update_cursor cursor = {
        .pos = {.scanout_id = 1, .x = 100, .y = 50}, .resource_id = 3, .hot_x = 4, .hot_y = 5};

    check(card_start(&card) && say_hello(&card));
    paint(&card, size, 9);
    check_int(create_2d(&card, 2, 64, 64), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(attach(&card, 2, size), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(transfer(&card, 2, RECT(0, 0, 64, 64), 0), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(create_blob(&card, 3, size), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(create_2d(&card, 4, 64, 65), VIRTIO_GPU_RESP_OK_NODATA);
    check(ask_cursor(&card, VIRTIO_GPU_CMD_UPDATE_CURSOR, &cursor));
    check_int(next(&card, &shown), GPU_CURSOR);
    check(shown.cursor.scanout == 1 && shown.cursor.visible == 1);
    check(shown.cursor.hot_x == 4 && shown.cursor.hot_y == 5);
    for (uint32_t i = 0; i < 64 * 64; i++) {
        check_int(shown.cursor.pixels[i], load_le32(pixel_byte(&card, size, 4 * i)));
    }
    check_int(next(&card, &shown), GPU_CURSOR_MOVE);
    check(shown.move.x == 100 && shown.move.y == 50);
    cursor.resource_id = 2; /* looks the same */
    cursor.pos.x = 101;
    check(ask_cursor(&card, VIRTIO_GPU_CMD_UPDATE_CURSOR, &cursor));
    check_int(next(&card, &shown), GPU_CURSOR_MOVE);
    cursor.pos.y = 7;
    check(ask_cursor(&card, VIRTIO_GPU_CMD_MOVE_CURSOR, &cursor));
    check_int(next(&card, &shown), GPU_CURSOR_MOVE);
    check(shown.move.x == 101 && shown.move.y == 7);
    cursor.resource_id = 4; /* not 64 x 64 */
    check(ask_cursor(&card, VIRTIO_GPU_CMD_UPDATE_CURSOR, &cursor));
    cursor.resource_id = 77;
    check(ask_cursor(&card, VIRTIO_GPU_CMD_UPDATE_CURSOR, &cursor));
    cursor.resource_id = 2;
    cursor.hot_x = 64;
    check(ask_cursor(&card, VIRTIO_GPU_CMD_UPDATE_CURSOR, &cursor));
    cursor.pos.scanout_id = 2;
    check(ask_cursor(&card, VIRTIO_GPU_CMD_MOVE_CURSOR, &cursor));
    check_int(next(&card, &shown), 0);
    cursor.pos.scanout_id = 1;
    cursor.resource_id = 0;
    check(ask_cursor(&card, VIRTIO_GPU_CMD_UPDATE_CURSOR, &cursor));
    check_int(next(&card, &shown), GPU_CURSOR);
    check_int(shown.cursor.visible, 0);
    check_int(card_stop(&card), 0);
}

TAP_TEST(a_resized_window_reaches_the_guest)
{
    struct card card;
    struct virtio_gpu_config config = {0};
    struct gpu_mode mode = {.header = {GPU_MODE, sizeof(mode)},
                            .enabled = 1,
                            .height = 777,
                            .width_mm = 300,
                            .height_mm = 200};
    struct virtio_gpu_cmd_get_edid edid = {0};
    const struct virtio_gpu_resp_edid *monitor = (const void *)card.response;
    const uint32_t clear = VIRTIO_GPU_EVENT_DISPLAY;

    check(card_start(&card) && say_hello(&card));
    for (mode.width = 1000; mode.width <= 1033; mode.width++) {
        check_int(message_send(card.display, &mode, sizeof(mode), NULL, 0), 0);
    }
    usleep(30000);
    check(fake_get_config(&card.fake, 0, &config, sizeof(config)));
    check_int(config.events_read, 0); /* the window may still move */
    usleep(150000);
    check(fake_get_config(&card.fake, 0, &config, sizeof(config)));
    check_int(config.events_read, VIRTIO_GPU_EVENT_DISPLAY);
    check_int(ask(&card, VIRTIO_GPU_CMD_GET_EDID, &edid, sizeof(edid), NULL, 0),
              VIRTIO_GPU_RESP_OK_EDID);
    const uint8_t *timing = monitor->edid + 54;
    check_int(timing[2] | (timing[4] >> 4) << 8, 1033);
    check_int(timing[5] | (timing[7] >> 4) << 8, 777);
    check_int(timing[12] | (timing[14] >> 4) << 8, 300);
    check_int(fake_set_config(&card.fake, 4, &clear, sizeof(clear)), 0);
    check(fake_get_config(&card.fake, 0, &config, sizeof(config)));
    check_int(config.events_read, 0);
    check_int(card_stop(&card), 0);
}

TAP_TEST(a_restarted_display_gets_everything_again)
{
    struct card card;
    static struct shown shown;
    const struct start_header hello = {GPU_DISPLAY_HELLO, sizeof(hello)};
    struct pollfd wait = {.events = POLLIN};
    const uint64_t size = 64 * 64 * 4;
    unsigned int got[GPU_CURSOR_MOVE + 1] = {0};

    check(card_start(&card) && say_hello(&card));
    paint(&card, size, 3);
    check_int(create_blob(&card, 3, size), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(set_scanout_blob(&card, 3, RECT(0, 0, 64, 64), 64, 64, 0), VIRTIO_GPU_RESP_OK_NODATA);
    /* Nobody reads: the guest must not notice. */
    for (uint32_t i = 0; i < 3000; i++) {
        store_le32(pixel_byte(&card, size, (64 + 1) * 4), i);
        check_int(flush(&card, 3, RECT(1, 1, 2, 2)), VIRTIO_GPU_RESP_OK_NODATA);
    }
    check_int(message_send(card.display, &hello, sizeof(hello), NULL, 0), 0);
    do {
        wait.fd = card.display;
        check_int(poll(&wait, 1, FAKE_LIMIT_MS), 1);
        uint32_t type = next(&card, &shown);
        fd_closep(&shown.fd);
        got[type]++;
        if (type == GPU_HELLO) {
            memset(got, 0, sizeof(got));
        }
    } while (got[GPU_CURSOR_MOVE] < 2);
    check_int(got[GPU_BUFFER], 1);
    check_int(got[GPU_SCANOUT], 2);
    check_int(got[GPU_UPDATE], 1);
    check_int(got[GPU_CURSOR], 2);
    check_int(card_stop(&card), 0);
}

TAP_TEST(reset_forgets_everything)
{
    struct card card;
    static struct shown shown;
    const uint64_t size = 64 * 64 * 4;

    check(card_start(&card) && say_hello(&card));
    check_int(create_2d(&card, 1, 64, 64), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(attach(&card, 1, size), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(create_blob(&card, 2, size), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(set_scanout(&card, 1, 1, RECT(0, 0, 64, 64)), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(set_scanout_blob(&card, 2, RECT(0, 0, 64, 64), 64, 64, 0), VIRTIO_GPU_RESP_OK_NODATA);
    while (next(&card, &shown) != 0) {
        fd_closep(&shown.fd);
    }
    check(fake_stop_queue(&card.fake, 0) >= 0 && fake_stop_queue(&card.fake, 1) >= 0);
    struct vhost_message reset = {.header = {.request = VHOST_RESET_DEVICE}};
    check_int(fake_tell(&card.fake, &reset), 0);
    unsigned int dark = 0;
    uint32_t type;
    while ((type = next(&card, &shown)) != 0) {
        check(type == GPU_BUFFER_GONE || type == GPU_SCANOUT);
        dark += type == GPU_SCANOUT && shown.scanout.buffer == 0;
    }
    check_int(dark, 2);
    for (unsigned int i = 0; i < FAKE_QUEUES; i++) {
        struct fake_queue *queue = &card.fake.queues[i];
        queue->available = queue->used = queue->next_descriptor = 0;
        memset(fake_ram(&card.fake, FAKE_RINGS_AT + i * 0x10000), 0, 0x10000);
    }
    check(fake_open(&card.fake, 2));
    check_int(create_2d(&card, 1, 64, 64), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(create_blob(&card, 2, size), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_stop(&card), 0);
}

TAP_TEST(lost_guest_memory_is_survived)
{
    struct card card;
    static struct shown shown;
    const uint64_t size = 64 * 64 * 4;
    struct vhost_message low_only = {
        .header = {.request = VHOST_SET_MEM_TABLE, .size = 8 + 32},
        .payload.memory = {.n_regions = 1, .region = {{0, FAKE_REGION, FAKE_USER_BASE, 0}}}};

    check(card_start(&card) && say_hello(&card));
    check_int(create_2d(&card, 1, 64, 64), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(attach(&card, 1, size), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(create_blob(&card, 2, size), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(set_scanout_blob(&card, 2, RECT(0, 0, 64, 64), 64, 64, 0), VIRTIO_GPU_RESP_OK_NODATA);
    low_only.fds.fd[0] = card.fake.ram_fd;
    low_only.fds.count = 1;
    check_int(fake_tell(&card.fake, &low_only), 0);
    while (next(&card, &shown) != 0) {
        fd_closep(&shown.fd);
    }
    check_int(transfer(&card, 1, RECT(0, 0, 64, 64), 0), VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
    check_int(flush(&card, 2, RECT(0, 0, 64, 64)), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(next(&card, &shown), 0);
    check_int(attach(&card, 1, size), VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
    check_int(card_stop(&card), 0);
}

/* A number that is sometimes right, often at an edge and sometimes absurd. */
static uint32_t
odd_number(uint64_t *state)
{
    static const uint32_t edges[] = {0,     1,     2,          3,          63,        64,   65,
                                     127,   128,   255,        256,        257,       4096, 16384,
                                     16385, 65536, 0x7fffffff, 0x80000000, UINT32_MAX};

    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    uint32_t value = (uint32_t)(*state >> 33);
    return value % 8 < 4   ? value / 8 % 5
           : value % 8 < 7 ? edges[value / 8 % ARRAY_SIZE(edges)]
                           : value;
}

TAP_TEST(random_requests_are_survived)
{
    struct card card;
    static struct shown shown;
    uint64_t state = 1;
    unsigned int accepted = 0;

    check(card_start(&card) && say_hello(&card));
    for (unsigned int i = 0; i < 20000; i++) {
        uint32_t request[24] = {0};
        struct virtio_gpu_mem_entry entries[4];
        for (size_t j = 6; j < ARRAY_SIZE(request); j++) {
            request[j] = odd_number(&state);
        }
        for (size_t j = 0; j < ARRAY_SIZE(entries); j++) {
            entries[j] = (struct virtio_gpu_mem_entry){.addr = PIXELS_AT + odd_number(&state),
                                                       .length = odd_number(&state)};
        }
        static const uint32_t sizes[] = {24, 40, 32, 48, 48, 56, 32, 32, 32, 32, 32, 32, 56, 96};
        uint32_t command = odd_number(&state) % ARRAY_SIZE(sizes);
        uint32_t type = ask(&card, 0x100 + command, request, sizes[command], entries,
                            sizeof(entries[0]) * (1 + state % 4));
        check(type >= VIRTIO_GPU_RESP_OK_NODATA && type <= VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
        accepted += type == VIRTIO_GPU_RESP_OK_NODATA;
        while (next(&card, &shown) != 0) {
            fd_closep(&shown.fd);
        }
    }
    printf("# %u of 20000 were accepted\n", accepted);
    check(accepted > 100);
    check_int(card_stop(&card), 0);
}

TAP_TEST(memory_has_a_limit)
{
    struct card card;
    unsigned int made = 0;

    check(card_start(&card));
    while (create_2d(&card, made + 1, 1024, 1023) == VIRTIO_GPU_RESP_OK_NODATA) {
        made++;
        check(made < 100);
    }
    check_int(made, MEMORY_LIMIT / (4 << 20));
    check_int(card.header->type, VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY);
    check_int(unref(&card, 1), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(create_2d(&card, 1, 1024, 1023), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_stop(&card), 0);
}

TAP_MAIN(TAP_CASE(identity), TAP_CASE(pixels_of_a_2d_resource), TAP_CASE(pixels_of_a_blob),
         TAP_CASE(bad_numbers_are_refused), TAP_CASE(a_failing_fence_completes), TAP_CASE(cursor),
         TAP_CASE(a_resized_window_reaches_the_guest),
         TAP_CASE(a_restarted_display_gets_everything_again), TAP_CASE(reset_forgets_everything),
         TAP_CASE(lost_guest_memory_is_survived), TAP_CASE(random_requests_are_survived),
         TAP_CASE(memory_has_a_limit))
