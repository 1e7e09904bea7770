/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* vmm-gpu under test, with this process as its guest and as its display. */

#include <linux/virtio_gpu.h>
#include <sys/uio.h>

#include "tests/fakes/fake-frontend.h"
#include "vmm/protocol/device.h"
#include "vmm/protocol/gpu.h"

enum {
    REQUEST_AT = FAKE_DATA_AT,
    RESPONSE_AT = FAKE_DATA_AT + 0x20000,
    ENTRIES_MAX = 1000,
    MEMORY_LIMIT = 64 << 20,
    VULKAN_CONTEXTS = 3
};

#define PIXELS_AT FAKE_HIGH_BASE

/* The device, and us as guest and as display. */
struct card {
    struct fake fake;
    int display;
    _Alignas(8) uint8_t response[4096]; /* the capset of virglrenderer 1.1 is more than 2000 */
    struct virtio_gpu_ctrl_hdr *header; /* of the last response */
    int written;
};

/* A message to the display: the device sends it before it answers the guest. */
struct shown {
    union {
        struct start_header header;
        struct gpu_hello hello;
        struct gpu_buffer buffer;
        struct gpu_scanout scanout;
        struct gpu_update update;
        struct gpu_cursor cursor;
        struct gpu_cursor_move move;
        struct gpu_statistics statistics;
        struct gpu_restarted restarted;
    };
    int fd;
};

/* How a blob holds a picture. */
struct layout {
    uint32_t width;
    uint32_t height;
    uint32_t offset;
};

#define LAYOUT(width, height, offset) ((struct layout){width, height, offset})
#define RECT(x, y, w, h)              ((struct virtio_gpu_rect){x, y, w, h})

/* Start it with two scanouts of 1280 x 800 and MEMORY_LIMIT; exit status at the end. */
bool card_start(struct card *card);
/* The same at another level (enum gpu_level). */
bool card_start_level(struct card *card, uint32_t level);
/* The same with a level and an edge to the Wayland guard (stays the caller's), or -1. */
bool card_start_full(struct card *card, uint32_t level, int wayland);
/*
 * The same with a set-up of which the test says fault, fault_every, level, wayland_fd, record_fd and
 * udmabuf_fd, and with n_scanouts the displays too; of these three descriptors one may be
 * FAKE_FD_MORE + 1, which is `extra` (stays the caller's).
 */
bool card_start_setup(struct card *card, struct gpu_setup setup, int extra);
int card_stop(struct card *card);
/* Send a request of `size` bytes with `extra` in a second descriptor; returns the response's type. */
uint32_t card_ask(struct card *card, uint32_t type, void *request, size_t size,
                  const struct iovec *extra);
/* The same on the cursor queue, which has no responses. */
bool card_ask_cursor(struct card *card, uint32_t type, struct virtio_gpu_update_cursor *cursor);
uint32_t card_create_2d(struct card *card, uint32_t id, uint32_t width, uint32_t height);
/* The guest's pixel memory as the resource's byte `offset`. */
uint8_t *card_pixel(struct card *card, uint64_t size, uint64_t offset);
void card_paint(struct card *card, uint64_t size, uint32_t seed);
/* Pages of PIXELS_AT in reverse order, so that nothing is where a naive device looks. */
uint32_t card_attach(struct card *card, uint32_t id, uint64_t size);
uint32_t card_create_blob(struct card *card, uint32_t id, uint64_t size);
uint32_t card_transfer(struct card *card, uint32_t id, struct virtio_gpu_rect rect,
                       uint64_t offset);
uint32_t card_set_scanout(struct card *card, uint32_t scanout, uint32_t id,
                          struct virtio_gpu_rect rect);
uint32_t card_flush(struct card *card, uint32_t id, struct virtio_gpu_rect rect);
uint32_t card_unref(struct card *card, uint32_t id);
/* Its type, 0 when there is none. */
uint32_t card_next(struct card *card, struct shown *shown);
/* Skip to what the device says after its hello: nothing is shown yet. */
bool card_say_hello(struct card *card);
/* The display's wish that 3D begins anew; what it is told before the answer is skipped. */
bool card_restart(struct card *card, struct gpu_restarted *ret);
/* Map the buffer that came with a GPU_BUFFER; NULL when it could shrink. */
const uint8_t *shown_map(const struct shown *shown);
uint32_t card_set_scanout_blob(struct card *card, uint32_t id, struct virtio_gpu_rect rect,
                               struct layout layout);
