/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * usage: dmabuf-client asked|immediate
 *
 * A window whose picture is a dmabuf, as programs that draw with a graphics card have it; made of a
 * memory file, which stands in where the kernel makes none. Says "none" when the compositor takes none;
 * else which device it names, how many formats it has for it, and "drawn N" when a picture is on the
 * screen. The second one has a pixel changed. "refused" when the compositor does not want it.
 */

#include <fcntl.h>
#include <linux/dma-buf.h>
#include <linux/udmabuf.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <wayland-client.h>

#include "linux-dmabuf-unstable-v1-client-protocol.h"
#include "vmm/base/fd.h"
#include "xdg-shell-client-protocol.h"

enum {
    WIDTH = 60,
    HEIGHT = 40,
    STRIDE = 320,
    OFFSET = 4096,
    SIZE = 5 * 4096,
    ARGB = 0x34325241,
};

struct client {
    struct wl_compositor *compositor;
    struct xdg_wm_base *shell;
    struct zwp_linux_dmabuf_v1 *dmabuf;
    struct wl_surface *surface;
    struct wl_buffer *buffer;
    bool immediate;
    uint64_t device;
    uint32_t n_formats;
    uint32_t n_table;
    int fd;
    uint8_t *pixels;
};

static void
fail(const char *what)
{
    printf("failed: %s\n", what);
    exit(1);
}

/* What the compositor says of dmabufs. */

static void
on_format(void *data, struct zwp_linux_dmabuf_v1 *dmabuf, uint32_t format)
{
    (void)data;
    (void)dmabuf;
    (void)format;
}

static void
on_modifier(void *data, struct zwp_linux_dmabuf_v1 *dmabuf, uint32_t format, uint32_t hi,
            uint32_t lo)
{
    struct client *client = data;

    (void)dmabuf;
    client->n_formats += format == ARGB && hi == 0 && lo == 0;
}

static const struct zwp_linux_dmabuf_v1_listener dmabuf_events = {on_format, on_modifier};

static void
on_done(void *data, struct zwp_linux_dmabuf_feedback_v1 *feedback)
{
    (void)data;
    (void)feedback;
}

static void
on_table(void *data, struct zwp_linux_dmabuf_feedback_v1 *feedback, int32_t fd, uint32_t size)
{
    struct client *client = data;

    (void)feedback;
    client->n_table = size / 16;
    if (mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED) {
        fail("map the table");
    }
    close(fd);
}

static void
on_device(void *data, struct zwp_linux_dmabuf_feedback_v1 *feedback, struct wl_array *device)
{
    struct client *client = data;

    (void)feedback;
    if (device->size != sizeof(client->device)) {
        fail("a device is eight bytes");
    }
    memcpy(&client->device, device->data, sizeof(client->device));
}

static void
on_formats(void *data, struct zwp_linux_dmabuf_feedback_v1 *feedback, struct wl_array *indices)
{
    struct client *client = data;
    const uint16_t *index;

    (void)feedback;
    wl_array_for_each(index, indices)
    {
        if (*index >= client->n_table) {
            fail("an index outside of the table");
        }
        client->n_formats++;
    }
}

static void
on_flags(void *data, struct zwp_linux_dmabuf_feedback_v1 *feedback, uint32_t flags)
{
    (void)data;
    (void)feedback;
    (void)flags;
}

static void
on_target(void *data, struct zwp_linux_dmabuf_feedback_v1 *feedback, struct wl_array *device)
{
    (void)data;
    (void)feedback;
    (void)device;
}

static const struct zwp_linux_dmabuf_feedback_v1_listener feedback_events = {
    on_done, on_table, on_device, on_done, on_target, on_formats, on_flags};

/* The picture */

static void
on_created(void *data, struct zwp_linux_buffer_params_v1 *params, struct wl_buffer *buffer)
{
    (void)params;
    ((struct client *)data)->buffer = buffer;
}

static void
on_failed(void *data, struct zwp_linux_buffer_params_v1 *params)
{
    (void)data;
    (void)params;
    puts("refused");
    exit(0);
}

static const struct zwp_linux_buffer_params_v1_listener params_events = {on_created, on_failed};

static void
draw(struct client *client, uint32_t x, uint32_t y, uint32_t colour)
{
    struct dma_buf_sync sync = {.flags = DMA_BUF_SYNC_START | DMA_BUF_SYNC_WRITE};

    (void)!ioctl(client->fd, DMA_BUF_IOCTL_SYNC, &sync);
    memcpy(client->pixels + OFFSET + (size_t)y * STRIDE + (size_t)x * 4, &colour, sizeof(colour));
    sync.flags = DMA_BUF_SYNC_END | DMA_BUF_SYNC_WRITE;
    (void)!ioctl(client->fd, DMA_BUF_IOCTL_SYNC, &sync);
}

static void
make_memory(struct client *client)
{
    int memory = fd_memory_file("picture", SIZE);
    struct udmabuf_create create = {.memfd = (uint32_t)memory, .size = SIZE};
    int device = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);

    client->fd = device < 0 ? memory : ioctl(device, UDMABUF_CREATE, &create);
    client->pixels = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, client->fd, 0);
    if (client->pixels == MAP_FAILED) {
        fail("make memory");
    }
    printf("memory %s\n", device < 0 ? "file" : "udmabuf");
    for (uint32_t y = 0; y < HEIGHT; y++) {
        for (uint32_t x = 0; x < WIDTH; x++) {
            draw(client, x, y, 0xff000000U | x << 16 | y << 8);
        }
    }
}

static void
make_buffer(struct client *client, struct wl_display *display)
{
    struct zwp_linux_buffer_params_v1 *params = zwp_linux_dmabuf_v1_create_params(client->dmabuf);

    zwp_linux_buffer_params_v1_add(params, client->fd, 0, OFFSET, STRIDE, 0, 0);
    if (client->immediate) {
        client->buffer = zwp_linux_buffer_params_v1_create_immed(params, WIDTH, HEIGHT, ARGB, 0);
    } else {
        zwp_linux_buffer_params_v1_add_listener(params, &params_events, client);
        zwp_linux_buffer_params_v1_create(params, WIDTH, HEIGHT, ARGB, 0);
    }
    while (!client->buffer) {
        if (wl_display_dispatch(display) < 0) {
            fail("wait for a buffer");
        }
    }
    zwp_linux_buffer_params_v1_destroy(params);
}

/* The window */

static void
on_ping(void *data, struct xdg_wm_base *shell, uint32_t serial)
{
    (void)data;
    xdg_wm_base_pong(shell, serial);
}

static const struct xdg_wm_base_listener shell_events = {on_ping};

static void
on_configure(void *data, struct xdg_surface *surface, uint32_t serial)
{
    (void)data;
    xdg_surface_ack_configure(surface, serial);
}

static const struct xdg_surface_listener surface_events = {on_configure};

static void
on_frame(void *data, struct wl_callback *callback, uint32_t time)
{
    (void)time;
    wl_callback_destroy(callback);
    *(bool *)data = true;
}

static const struct wl_callback_listener frame_events = {on_frame};

static void
show(struct client *client, struct wl_display *display, int number)
{
    bool shown = false;

    wl_callback_add_listener(wl_surface_frame(client->surface), &frame_events, &shown);
    wl_surface_attach(client->surface, client->buffer, 0, 0);
    if (number == 1) {
        wl_surface_damage_buffer(client->surface, 0, 0, WIDTH, HEIGHT);
    } else {
        wl_surface_damage_buffer(client->surface, 5, 6, 1, 1);
    }
    wl_surface_commit(client->surface);
    while (!shown) {
        if (wl_display_dispatch(display) < 0) {
            fail("wait for the screen");
        }
    }
    printf("drawn %d\n", number);
}

static void
on_global(void *data, struct wl_registry *registry, uint32_t name, const char *interface,
          uint32_t version)
{
    struct client *client = data;

    if (strcmp(interface, wl_compositor_interface.name) == 0) {
        client->compositor = wl_registry_bind(registry, name, &wl_compositor_interface, 4);
    } else if (strcmp(interface, xdg_wm_base_interface.name) == 0) {
        client->shell = wl_registry_bind(registry, name, &xdg_wm_base_interface, 1);
        xdg_wm_base_add_listener(client->shell, &shell_events, NULL);
    } else if (strcmp(interface, zwp_linux_dmabuf_v1_interface.name) == 0) {
        client->dmabuf = wl_registry_bind(registry, name, &zwp_linux_dmabuf_v1_interface,
                                          version < 4 ? version : 4);
        zwp_linux_dmabuf_v1_add_listener(client->dmabuf, &dmabuf_events, client);
    }
}

static void
on_global_gone(void *data, struct wl_registry *registry, uint32_t name)
{
    (void)data;
    (void)registry;
    (void)name;
}

static const struct wl_registry_listener registry_events = {on_global, on_global_gone};

static void
begin(struct client *client, struct wl_display *display)
{
    wl_registry_add_listener(wl_display_get_registry(display), &registry_events, client);
    wl_display_roundtrip(display);
    if (!client->dmabuf) {
        puts("none");
        exit(0);
    }
    if (wl_proxy_get_version((struct wl_proxy *)client->dmabuf) >= 4) {
        zwp_linux_dmabuf_feedback_v1_add_listener(
            zwp_linux_dmabuf_v1_get_default_feedback(client->dmabuf), &feedback_events, client);
    }
    wl_display_roundtrip(display);
    printf("device %u:%u\nformats %u\n", major(client->device), minor(client->device),
           client->n_formats);
    client->surface = wl_compositor_create_surface(client->compositor);
    struct xdg_surface *surface = xdg_wm_base_get_xdg_surface(client->shell, client->surface);
    xdg_surface_add_listener(surface, &surface_events, NULL);
    xdg_surface_get_toplevel(surface);
    wl_surface_commit(client->surface);
    wl_display_roundtrip(display);
}

int
main(int argc, char **argv)
{
    struct client client = {.immediate = argc == 2 && strcmp(argv[1], "immediate") == 0};
    struct wl_display *display = wl_display_connect(NULL);

    setvbuf(stdout, NULL, _IONBF, 0);
    if (!display) {
        fail("connect");
    }
    begin(&client, display);
    make_memory(&client);
    make_buffer(&client, display);
    show(&client, display, 1);
    draw(&client, 5, 6, 0xff0000ff);
    draw(&client, 7, 7, 0xff0000ff); /* which nobody is told of */
    show(&client, display, 2);
    while (wl_display_dispatch(display) >= 0) {
    }
    fail("the compositor is gone");
}
