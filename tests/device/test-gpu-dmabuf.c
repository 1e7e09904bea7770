/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Pictures as dmabufs: with /dev/udmabuf, and with a device that makes none. */
#include "tests/unit/tap.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/device/gpu-card.h"
#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"

enum {
    WIDTH = 200, /* rows and pictures that are no whole pages */
    HEIGHT = 100,
    SIZE = WIDTH * HEIGHT * 4,
    ROW = 1024, /* of the device's own memory, where it makes dmabufs */
    BUFFERS = 8,
    TWO_D = 5, /* resources */
    BLOB = 6
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
    void *pixels = mmap(NULL, shown.buffer.size, PROT_READ, MAP_SHARED, shown.fd, 0);
    return pixels == MAP_FAILED ? NULL : pixels;
}

static bool
same_rows(struct card *card, const uint8_t *pixels, uint32_t stride)
{
    const uint64_t row = (uint64_t)WIDTH * 4;

    for (uint64_t i = 0; pixels && i < SIZE; i += 4) {
        if (load_le32(pixels + i / row * stride + i % row) !=
            load_le32(card_pixel(card, SIZE, i))) {
            return false;
        }
    }
    return pixels != NULL;
}

static bool
same_as_guest(struct card *card, const uint8_t *pixels)
{
    return same_rows(card, pixels, WIDTH * 4);
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
    check_int(card_next(&card, &shown), GPU_SCANOUT);
    check_int(shown.scanout.stride, ROW);
    check(pixels && same_rows(&card, pixels, ROW));
    card_paint(&card, SIZE, 4);
    check(!same_rows(&card, pixels, ROW)); /* guest memory itself is not handed out */
    check_int(card_flush(&card, 6, RECT(0, 0, WIDTH, HEIGHT)), VIRTIO_GPU_RESP_OK_NODATA);
    check(same_rows(&card, pixels, ROW));
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

/* What the display was told of: memory by buffer number, and what is shown. */
struct view {
    uint32_t id[BUFFERS];
    const uint8_t *pixels[BUFFERS];
    unsigned int n;
    unsigned int now; /* index */
    uint32_t stride;
    unsigned int scanouts;
    unsigned int updates;
};

static void
view_take(struct view *view, const struct shown *shown)
{
    if (shown->header.type == GPU_BUFFER && view->n < BUFFERS) {
        view->id[view->n] = shown->buffer.id;
        view->pixels[view->n++] = shown_map(shown);
    }
    for (unsigned int i = 0; shown->header.type == GPU_SCANOUT && i < view->n; i++) {
        if (view->id[i] == shown->scanout.buffer) {
            view->now = i;
            view->stride = shown->scanout.stride;
            view->scanouts++;
        }
    }
    view->updates += shown->header.type == GPU_UPDATE;
}

/* Take all that was said until now. */
static bool
view_catch_up(struct card *card, struct view *view)
{
    const struct start_header ask = {GPU_ASK_STATISTICS, sizeof(ask)};
    struct pollfd wait = {.fd = card->display, .events = POLLIN};
    static struct shown shown;

    if (send(card->display, &ask, sizeof(ask), 0) != sizeof(ask)) {
        return false;
    }
    while (poll(&wait, 1, FAKE_LIMIT_MS) == 1) {
        if (card_next(card, &shown) == GPU_STATISTICS) {
            return true;
        }
        view_take(view, &shown);
    }
    return false;
}

static bool
want_flips(struct card *card, uint32_t wanted)
{
    const struct gpu_flips message = {
        .header = {GPU_FLIPS, sizeof(message)}, .scanout = 0, .wanted = wanted};

    return send(card->display, &message, sizeof(message), 0) == sizeof(message);
}

/* It is on the screen. */
static bool
say_shown(struct card *card, uint32_t buffer)
{
    const struct gpu_shown message = {.header = {GPU_SHOWN, sizeof(message)}, .buffer = buffer};

    return send(card->display, &message, sizeof(message), 0) == sizeof(message);
}

/* Transfer where that is needed, and flush; afterwards all of what is shown is the guest's. */
static bool
show(struct card *card, struct view *view, struct virtio_gpu_rect rect, uint32_t resource)
{
    const uint64_t offset = ((uint64_t)rect.y * WIDTH + rect.x) * 4;

    if (resource == TWO_D &&
        card_transfer(card, resource, rect, offset) != VIRTIO_GPU_RESP_OK_NODATA) {
        return false;
    }
    return card_flush(card, resource, rect) == VIRTIO_GPU_RESP_OK_NODATA &&
           view_catch_up(card, view) && same_rows(card, view->pixels[view->now], view->stride);
}

static bool
show_all(struct card *card, struct view *view, uint32_t seed, uint32_t resource)
{
    card_paint(card, SIZE, seed);
    return show(card, view, RECT(0, 0, WIDTH, HEIGHT), resource);
}

/* Each new pixel comes in other memory than what is shown, which is left as it was. */
static bool
flips(struct card *card, struct view *view, uint32_t resource)
{
    static uint8_t before[ROW * HEIGHT];
    unsigned int scanouts = view->scanouts;
    unsigned int updates = view->updates;

    for (uint32_t i = 0; i < 7; i++) {
        const struct virtio_gpu_rect rect = {i * 20, i * 11, 1, 1};
        const unsigned int last = view->now;
        memcpy(before, view->pixels[last], (size_t)view->stride * HEIGHT);
        store_le32(card_pixel(card, SIZE, ((uint64_t)rect.y * WIDTH + rect.x) * 4), 0x123400 + i);
        if (!show(card, view, rect, resource) || view->now == last ||
            memcmp(before, view->pixels[last], (size_t)view->stride * HEIGHT) != 0 ||
            !say_shown(card, view->id[view->now])) {
            return false;
        }
    }
    return view->scanouts == scanouts + 7 && view->updates == updates;
}

TAP_TEST(who_shows_a_blob_gets_each_picture_in_another_buffer)
{
    struct card card;
    struct view view = {.n = 0};

    check(start_with(&card, "/dev/null"));
    card_paint(&card, SIZE, 3);
    check_int(card_create_blob(&card, 6, SIZE), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_set_scanout_blob(&card, 6, RECT(0, 0, WIDTH, HEIGHT), LAYOUT(WIDTH, HEIGHT, 0)),
              VIRTIO_GPU_RESP_OK_NODATA);
    check(view_catch_up(&card, &view));
    check(show_all(&card, &view, 4, BLOB));
    check_int(view.n, 1); /* nobody asked */
    check(want_flips(&card, 1) && view_catch_up(&card, &view));
    check(flips(&card, &view, BLOB));
    check_int(view.n, 3);
    check(want_flips(&card, 0) && view_catch_up(&card, &view));
    const unsigned int last = view.now;
    check(show_all(&card, &view, 30, BLOB));
    check_int(view.now, last);
    check_int(card_stop(&card), 0);
}

/* One pixel, in so bright a colour. */
static bool
draw(struct card *card, struct view *view, uint32_t x, uint32_t colour)
{
    store_le32(card_pixel(card, SIZE, (uint64_t)x * 4), colour);
    return card_flush(card, BLOB, RECT(x, 0, 1, 1)) == VIRTIO_GPU_RESP_OK_NODATA &&
           view_catch_up(card, view);
}

TAP_TEST(what_is_on_the_screen_is_not_drawn_into_however_much_the_guest_draws)
{
    static uint8_t screen[ROW * HEIGHT];
    struct card card;
    struct view view = {.n = 0};

    check(start_with(&card, "/dev/null"));
    card_paint(&card, SIZE, 3);
    check_int(card_create_blob(&card, 6, SIZE), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_set_scanout_blob(&card, 6, RECT(0, 0, WIDTH, HEIGHT), LAYOUT(WIDTH, HEIGHT, 0)),
              VIRTIO_GPU_RESP_OK_NODATA);
    check(view_catch_up(&card, &view));
    check(want_flips(&card, 1) && view_catch_up(&card, &view));
    const unsigned int first = view.now;
    const size_t size = (size_t)view.stride * HEIGHT;
    memcpy(screen, view.pixels[first], size);
    check(draw(&card, &view, 0, 0x111111) && draw(&card, &view, 1, 0x222222));
    const unsigned int second = view.now;
    check_int(view.n, 3);
    for (uint32_t i = 2; i < 9; i++) {
        check(draw(&card, &view, i, 0x333333));
    }
    check_int(view.now, second); /* it waits */
    check(memcmp(screen, view.pixels[first], size) == 0);
    check(say_shown(&card, view.id[first]) && view_catch_up(&card, &view));
    check_int(view.now, second); /* that one still is there */
    check(memcmp(screen, view.pixels[first], size) == 0);
    check(say_shown(&card, view.id[second]) && view_catch_up(&card, &view));
    check_int(view.now, first); /* all that waited, at once */
    check(same_rows(&card, view.pixels[first], view.stride));
    check(draw(&card, &view, 20, 0x444444) && view.now != first);
    check(draw(&card, &view, 21, 0x555555));
    const unsigned int last = view.now; /* is told that nobody shows it any more: nothing is lost */
    check(want_flips(&card, 0) && view_catch_up(&card, &view) && view.now == last);
    check(same_rows(&card, view.pixels[last], view.stride));
    check(say_shown(&card, 12345) && view_catch_up(&card, &view));
    check_int(card_stop(&card), 0);
}

TAP_TEST(a_2d_resource_flips_through_memory_of_the_device)
{
    struct card card;
    struct view view = {.n = 0};

    const struct gpu_setup setup = {.record_fd = -1, .wayland_fd = -1, .udmabuf_fd = -1};

    check(card_start_setup(&card, setup, -1) && card_say_hello(&card));
    check_int(card_create_2d(&card, 5, WIDTH, HEIGHT), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_attach(&card, 5, SIZE), VIRTIO_GPU_RESP_OK_NODATA);
    check_int(card_set_scanout(&card, 0, 5, RECT(0, 0, WIDTH, HEIGHT)), VIRTIO_GPU_RESP_OK_NODATA);
    check(view_catch_up(&card, &view));
    check(show_all(&card, &view, 4, TWO_D));
    check_int(view.n, 1);
    check(want_flips(&card, 1) && view_catch_up(&card, &view));
    check(flips(&card, &view, TWO_D));
    check(want_flips(&card, 0) && view_catch_up(&card, &view));
    check(show_all(&card, &view, 6, TWO_D));
    check_int(card_stop(&card), 0);
}

int
main(void)
{
    static const struct tap_case cases[] = {
        TAP_CASE(a_device_that_makes_none_is_no_trouble),
        TAP_CASE(who_shows_a_blob_gets_each_picture_in_another_buffer),
        TAP_CASE(what_is_on_the_screen_is_not_drawn_into_however_much_the_guest_draws),
        TAP_CASE(a_2d_resource_flips_through_memory_of_the_device),
        TAP_CASE(a_2d_resource_is_a_dmabuf_too),
        TAP_CASE(a_blob_is_shown_as_a_dmabuf)};
    cleanup_fd int fd = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);

    /* The first four need nothing of the host. */
    return tap_run(cases, fd >= 0 ? ARRAY_SIZE(cases) : 4);
}
