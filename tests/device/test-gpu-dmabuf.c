/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Pictures as dmabufs: with /dev/udmabuf, and with a device that makes none. */
#include "tests/unit/tap.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/device/gpu-card.h"
#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"

enum {
    WIDTH = 200, /* rows and pictures that are no whole pages */
    HEIGHT = 100,
    SIZE = WIDTH * HEIGHT * 4
};

/* FALSE: this host cannot do it, and nothing was started. */
static bool
start_with(struct card *card, const char *device)
{
    const struct gpu_setup setup = {
        .record_fd = -1, .wayland_fd = -1, .udmabuf_fd = FAKE_FD_MORE + 1};
    cleanup_fd int fd = open(device, O_RDWR | O_CLOEXEC);

    return fd >= 0 && card_start_setup(card, setup, fd) && card_say_hello(card);
}

/* The next message is a dmabuf of `id`: its pixels, or NULL. */
static const uint8_t *
next_dmabuf(struct card *card, uint32_t id)
{
    static struct shown shown;

    if (card_next(card, &shown) != GPU_BUFFER_DMABUF || shown.buffer.id != id ||
        shown.buffer.size < SIZE || fd_check_dmabuf(shown.fd, SIZE) < 0) {
        return NULL;
    }
    void *pixels = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, shown.fd, 0);
    return pixels == MAP_FAILED ? NULL : pixels;
}

static bool
same_as_guest(struct card *card, const uint8_t *pixels)
{
    for (uint64_t i = 0; i < SIZE; i += 4) {
        if (load_le32(pixels + i) != load_le32(card_pixel(card, SIZE, i))) {
            return false;
        }
    }
    return true;
}

TAP_TEST(a_2d_resource_is_a_dmabuf_too)
{
    struct card card;
    static struct shown shown;

    check(start_with(&card, "/dev/udmabuf"));
    card_paint(&card, SIZE, 1);
    check_int(card_create_2d(&card, 5, WIDTH, HEIGHT), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_attach(&card, 5, SIZE), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_transfer(&card, 5, RECT(0, 0, WIDTH, HEIGHT), 0), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_set_scanout(&card, 0, 5, RECT(0, 0, WIDTH, HEIGHT)), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_next(&card, &shown), GPU_BUFFER);
    const uint8_t *pixels = next_dmabuf(&card, shown.buffer.id);
    check(pixels && same_as_guest(&card, pixels));
    check_int(card_next(&card, &shown), GPU_SCANOUT);
    /* The same pages: what is drawn later is there too. */
    card_paint(&card, SIZE, 2);
    check_int(card_transfer(&card, 5, RECT(0, 0, WIDTH, HEIGHT), 0), VIRTIO_GPU_RESP_OK_NODATA);
    check(same_as_guest(&card, pixels));
    check_int(card_unref(&card, 5), VIRTIO_GPU_RESP_OK_NODATA);
    check(same_as_guest(&card, pixels)); /* as long as somebody holds it */
    check_int(card_stop(&card), 0);
}

TAP_TEST(a_blob_is_shown_as_a_dmabuf)
{
    struct card card;
    static struct shown shown;

    check(start_with(&card, "/dev/udmabuf"));
    card_paint(&card, SIZE, 3);
    check_int(card_create_blob(&card, 6, SIZE), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_set_scanout_blob(&card, 6, RECT(0, 0, WIDTH, HEIGHT), LAYOUT(WIDTH, HEIGHT, 0)),
              VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_next(&card, &shown), GPU_BUFFER);
    const uint8_t *pixels = next_dmabuf(&card, shown.buffer.id);
    check(pixels && same_as_guest(&card, pixels));
    check_int(card_next(&card, &shown), GPU_SCANOUT);
    card_paint(&card, SIZE, 4);
    check(!same_as_guest(&card, pixels)); /* guest memory itself is not handed out */
    check_int(card_flush(&card, 6, RECT(0, 0, WIDTH, HEIGHT)), VIRTIO_GPU_RESP_OK_NODATA);
    check(same_as_guest(&card, pixels));
    check_int(card_stop(&card), 0);
}

TAP_TEST(a_device_that_makes_none_is_no_trouble)
{
    struct card card;
    static struct shown shown;

    check(start_with(&card, "/dev/null"));
    check_int(card_create_2d(&card, 5, WIDTH, HEIGHT), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_set_scanout(&card, 0, 5, RECT(0, 0, WIDTH, HEIGHT)), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_next(&card, &shown), GPU_BUFFER);
    check(shown_map(&shown));
    check_int(card_next(&card, &shown), GPU_SCANOUT);
    check_int(card_stop(&card), 0);
}

int
main(void)
{
    static const struct tap_case cases[] = {TAP_CASE(a_device_that_makes_none_is_no_trouble),
                                            TAP_CASE(a_2d_resource_is_a_dmabuf_too),
                                            TAP_CASE(a_blob_is_shown_as_a_dmabuf)};
    cleanup_fd int fd = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);

    /* Only the first needs nothing of the host. */
    return tap_run(cases, fd >= 0 ? ARRAY_SIZE(cases) : 1);
}
