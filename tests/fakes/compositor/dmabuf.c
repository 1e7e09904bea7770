/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * zwp_linux_dmabuf_v1: linear buffers of one plane, read through a mapping. Any file that can be mapped
 * is taken for one, so that a memory file can stand in where there are no dmabufs.
 */
#include "tests/fakes/compositor/compositor.h"

#include <fcntl.h>
#include <linux/dma-buf.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "linux-dmabuf-unstable-v1-server-protocol.h"

#define FOURCC(a, b, c, d) \
    ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)

struct params {
    struct compositor *compositor;
    int fd; /* -1: no plane yet */
    uint32_t offset;
    uint32_t stride;
    uint64_t modifier;
    bool used;
};

struct dmabuf {
    struct compositor *compositor;
    int fd;
    void *memory;
    size_t size;
    struct pixels pixels;
};

struct format_entry {
    uint32_t format;
    uint32_t padding;
    uint64_t modifier;
};

enum {
    TILED = 1, /* a modifier that nobody here can make */
};

/* Whatever the memory itself says: linear here. */
#define IMPLICIT UINT64_C(0x00ffffffffffffff)

static const struct format_entry formats[] = {
    {FOURCC('X', 'R', '2', '4'), 0, TILED},    {FOURCC('A', 'R', '2', '4'), 0, 0},
    {FOURCC('X', 'R', '2', '4'), 0, 0},        {FOURCC('X', 'B', '2', '4'), 0, 0},
    {FOURCC('A', 'B', '2', '4'), 0, 0},        {FOURCC('X', 'R', '2', '4'), 0, IMPLICIT},
    {FOURCC('X', 'B', '2', '4'), 0, IMPLICIT},
};

static uint32_t
shm_format(uint32_t fourcc)
{
    return fourcc == FOURCC('A', 'R', '2', '4')   ? WL_SHM_FORMAT_ARGB8888
           : fourcc == FOURCC('X', 'R', '2', '4') ? WL_SHM_FORMAT_XRGB8888
                                                  : fourcc; /* the others have DRM's numbers */
}

static void
handle_destroy(struct wl_client *client, struct wl_resource *resource)
{
    (void)client;
    wl_resource_destroy(resource);
}

/* Buffers */

static const struct wl_buffer_interface buffer_requests = {
    .destroy = handle_destroy,
};

static void
buffer_destroyed(struct wl_resource *resource)
{
    struct dmabuf *self = wl_resource_get_user_data(resource);

    self->compositor->n_dmabufs--;
    munmap(self->memory, self->size);
    close(self->fd);
    free(self);
}

/* A memory file knows no such call: nothing to do then. */
void
dmabuf_sync(int fd, bool begin)
{
    struct dma_buf_sync sync = {.flags = DMA_BUF_SYNC_READ |
                                         (begin ? DMA_BUF_SYNC_START : DMA_BUF_SYNC_END)};

    (void)!ioctl(fd, DMA_BUF_IOCTL_SYNC, &sync);
}

bool
dmabuf_is_one(struct wl_resource *buffer)
{
    return buffer && wl_resource_instance_of(buffer, &wl_buffer_interface, &buffer_requests);
}

bool
dmabuf_pixels(struct wl_resource *buffer, struct pixels *ret)
{
    if (!dmabuf_is_one(buffer)) {
        return false;
    }
    const struct dmabuf *self = wl_resource_get_user_data(buffer);
    *ret = self->pixels;
    dmabuf_sync(self->fd, true);
    return true;
}

/* NULL: it cannot be read. */
static struct dmabuf *
import(struct params *params, int32_t width, int32_t height, uint32_t format)
{
    size_t size = params->offset + (size_t)params->stride * (size_t)height;
    void *memory = mmap(NULL, size, PROT_READ, MAP_SHARED, params->fd, 0);

    if (memory == MAP_FAILED) {
        return NULL;
    }
    struct dmabuf *self = calloc(1, sizeof(*self));
    *self = (struct dmabuf){.compositor = params->compositor,
                            .fd = params->fd,
                            .memory = memory,
                            .size = size,
                            .pixels = {.dmabuf = params->fd,
                                       .data = (const uint8_t *)memory + params->offset,
                                       .stride = params->stride,
                                       .width = width,
                                       .height = height,
                                       .format = shm_format(format)}};
    params->fd = -1;
    params->compositor->n_dmabufs++;
    return self;
}

/* Parameters */

static void /* NOLINTNEXTLINE(readability-function-size): the protocol's form */
handle_add(struct wl_client *client, struct wl_resource *resource, int32_t fd, uint32_t plane,
           uint32_t offset, uint32_t stride, uint32_t modifier_hi, uint32_t modifier_lo)
{
    struct params *params = wl_resource_get_user_data(resource);

    (void)client;
    if (plane != 0 || params->fd >= 0) {
        close(fd);
        wl_resource_post_error(resource,
                               plane != 0 ? ZWP_LINUX_BUFFER_PARAMS_V1_ERROR_PLANE_IDX
                                          : ZWP_LINUX_BUFFER_PARAMS_V1_ERROR_PLANE_SET,
                               "one plane, once");
        return;
    }
    params->fd = fd;
    params->offset = offset;
    params->stride = stride;
    params->modifier = (uint64_t)modifier_hi << 32 | modifier_lo;
}

static bool
has_format(const struct params *params, uint32_t format)
{
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        if (formats[i].format == format && formats[i].modifier == params->modifier &&
            params->modifier != TILED) {
            return true;
        }
    }
    return false;
}

/* What is wrong with the client's numbers is its end, as everywhere. */
static bool
check(struct wl_resource *resource, struct params *params, int32_t width, int32_t height,
      uint32_t format)
{
    int64_t end = params->fd < 0 ? -1 : lseek(params->fd, 0, SEEK_END);
    int64_t needed = params->offset + (int64_t)params->stride * height;
    bool used = params->used;

    params->used = true;
    if (used || params->fd < 0) {
        wl_resource_post_error(resource,
                               used ? ZWP_LINUX_BUFFER_PARAMS_V1_ERROR_ALREADY_USED
                                    : ZWP_LINUX_BUFFER_PARAMS_V1_ERROR_INCOMPLETE,
                               "used before, or without a plane");
        return false;
    }
    if (!has_format(params, format)) {
        wl_resource_post_error(resource, ZWP_LINUX_BUFFER_PARAMS_V1_ERROR_INVALID_FORMAT,
                               "a format or modifier that was not offered");
        return false;
    }
    if (width < 1 || height < 1 || width > EDGE_MAX || height > EDGE_MAX ||
        params->stride < (uint32_t)width * 4 || end < needed) {
        wl_resource_post_error(resource, ZWP_LINUX_BUFFER_PARAMS_V1_ERROR_OUT_OF_BOUNDS,
                               "the picture does not fit its file");
        return false;
    }
    return true;
}

/* What a client asks for. */
struct dmabuf_wish {
    int32_t width, height;
    uint32_t format, flags;
};

/* A buffer with that id, 0 for one of ours; NULL when it was refused, *ret_wrong when that is said. */
static struct wl_resource *
make_buffer(struct wl_client *client, struct wl_resource *resource, uint32_t id,
            const struct dmabuf_wish *wish, bool *ret_wrong)
{
    struct params *params = wl_resource_get_user_data(resource);
    struct dmabuf *made = NULL;

    *ret_wrong = !check(resource, params, wish->width, wish->height, wish->format);
    if (*ret_wrong) {
        return NULL;
    }
    params->compositor->n_imports++;
    if (!params->compositor->refuse_dmabufs && wish->flags == 0) {
        made = import(params, wish->width, wish->height, wish->format);
    }
    if (!made) {
        return NULL;
    }
    struct wl_resource *buffer = wl_resource_create(client, &wl_buffer_interface, 1, id);
    wl_resource_set_implementation(buffer, &buffer_requests, made, buffer_destroyed);
    return buffer;
}

static void
handle_create(struct wl_client *client, struct wl_resource *resource, int32_t width, int32_t height,
              uint32_t format, uint32_t flags)
{
    const struct dmabuf_wish wish = {width, height, format, flags};
    bool wrong;
    struct wl_resource *buffer = make_buffer(client, resource, 0, &wish, &wrong);

    if (buffer) {
        zwp_linux_buffer_params_v1_send_created(resource, buffer);
    } else if (!wrong) {
        zwp_linux_buffer_params_v1_send_failed(resource);
    }
}

static void /* NOLINTNEXTLINE(readability-function-size): the protocol's form */
handle_create_immed(struct wl_client *client, struct wl_resource *resource, uint32_t id,
                    int32_t width, int32_t height, uint32_t format, uint32_t flags)
{
    const struct dmabuf_wish wish = {width, height, format, flags};
    bool wrong;

    if (!make_buffer(client, resource, id, &wish, &wrong) && !wrong) {
        wl_resource_post_error(resource, ZWP_LINUX_BUFFER_PARAMS_V1_ERROR_INVALID_WL_BUFFER,
                               "it cannot be imported");
    }
}

static const struct zwp_linux_buffer_params_v1_interface params_requests = {
    .destroy = handle_destroy,
    .add = handle_add,
    .create = handle_create,
    .create_immed = handle_create_immed,
};

static void
params_destroyed(struct wl_resource *resource)
{
    struct params *params = wl_resource_get_user_data(resource);

    if (params->fd >= 0) {
        close(params->fd);
    }
    free(params);
}

static void
handle_create_params(struct wl_client *client, struct wl_resource *resource, uint32_t id)
{
    struct params *params = calloc(1, sizeof(*params));
    struct wl_resource *made = wl_resource_create(client, &zwp_linux_buffer_params_v1_interface,
                                                  wl_resource_get_version(resource), id);

    params->compositor = wl_resource_get_user_data(resource);
    params->fd = -1;
    wl_resource_set_implementation(made, &params_requests, params, params_destroyed);
}

/* Feedback */

static const struct zwp_linux_dmabuf_feedback_v1_interface feedback_requests = {
    .destroy = handle_destroy,
};

static void
send_table(struct wl_resource *feedback)
{
    int fd = memfd_create("formats", MFD_CLOEXEC);

    if (fd >= 0 && write(fd, formats, sizeof(formats)) == sizeof(formats)) {
        zwp_linux_dmabuf_feedback_v1_send_format_table(feedback, fd, sizeof(formats));
    }
    close(fd);
}

/* The tiled one in a tranche of its own, first, as graphics cards have it. */
static void
send_tranche(struct wl_resource *feedback, dev_t card, uint16_t first, uint16_t end)
{
    struct wl_array device;
    struct wl_array indices;

    wl_array_init(&device);
    wl_array_init(&indices);
    *(dev_t *)wl_array_add(&device, sizeof(dev_t)) = card;
    for (uint16_t i = first; i < end; i++) {
        *(uint16_t *)wl_array_add(&indices, sizeof(uint16_t)) = i;
    }
    if (first == 0) {
        zwp_linux_dmabuf_feedback_v1_send_main_device(feedback, &device);
    }
    zwp_linux_dmabuf_feedback_v1_send_tranche_target_device(feedback, &device);
    zwp_linux_dmabuf_feedback_v1_send_tranche_formats(feedback, &indices);
    zwp_linux_dmabuf_feedback_v1_send_tranche_flags(feedback, 0);
    zwp_linux_dmabuf_feedback_v1_send_tranche_done(feedback);
    wl_array_release(&device);
    wl_array_release(&indices);
}

static void
handle_feedback(struct wl_client *client, struct wl_resource *resource, uint32_t id)
{
    const struct compositor *compositor = wl_resource_get_user_data(resource);
    struct wl_resource *feedback = wl_resource_create(
        client, &zwp_linux_dmabuf_feedback_v1_interface, wl_resource_get_version(resource), id);

    wl_resource_set_implementation(feedback, &feedback_requests, NULL, NULL);
    send_table(feedback);
    send_tranche(feedback, compositor->device, 0, 1);
    send_tranche(feedback, compositor->device, 1, sizeof(formats) / sizeof(formats[0]));
    zwp_linux_dmabuf_feedback_v1_send_done(feedback);
}

static void
handle_surface_feedback(struct wl_client *client, struct wl_resource *resource, uint32_t id,
                        struct wl_resource *surface)
{
    (void)surface;
    handle_feedback(client, resource, id);
}

static const struct zwp_linux_dmabuf_v1_interface dmabuf_requests = {
    .destroy = handle_destroy,
    .create_params = handle_create_params,
    .get_default_feedback = handle_feedback,
    .get_surface_feedback = handle_surface_feedback,
};

static void
bind_dmabuf(struct wl_client *client, void *data, uint32_t version, uint32_t id)
{
    struct wl_resource *resource =
        wl_resource_create(client, &zwp_linux_dmabuf_v1_interface, (int)version, id);

    wl_resource_set_implementation(resource, &dmabuf_requests, data, NULL);
    for (size_t i = 0; version == 3 && i < sizeof(formats) / sizeof(formats[0]); i++) {
        zwp_linux_dmabuf_v1_send_modifier(resource, formats[i].format,
                                          (uint32_t)(formats[i].modifier >> 32),
                                          (uint32_t)formats[i].modifier);
    }
}

void
dmabuf_global(struct compositor *compositor)
{
    wl_global_create(compositor->display, &zwp_linux_dmabuf_v1_interface,
                     (int)compositor->dmabuf_version, compositor, bind_dmabuf);
}
