/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/devices/gpu/wayland-link.h"

#include <errno.h>
#include <stdlib.h>

#include "vmm/base/fd.h"
#include "vmm/base/memory.h"
#include "vmm/base/message.h"
#include "vmm/devices/gpu/cross-domain.h"
#include "vmm/devices/gpu/dmabuf.h"
#include "vmm/devices/gpu/fences.h"
#include "vmm/protocol/wayland.h"

struct wayland_link {
    struct gpu *gpu;
    int fd;
    struct loop_source *source;
    struct renderer *renderer; /* the device's */
};

static const struct guest_memory *
link_memory(void *data)
{
    const struct wayland_link *link = data;

    return backend_memory(link->gpu->backend);
}

static void
link_retire(void *data, const struct renderer *renderer, const struct renderer_fence *fence)
{
    const struct wayland_link *link = data;

    fences_retire(link->gpu, renderer, fence);
}

static int
link_connect(void *data, uint64_t serial)
{
    const struct wayland_link *link = data;
    const struct wayland_open open = {.header = {.type = WAYLAND_OPEN, .size = sizeof(open)},
                                      .serial = serial};

    return link->fd < 0 ? -ECONNREFUSED : message_send(link->fd, &open, sizeof(open), NULL, 0);
}

static int
link_charge(void *data, uint64_t bytes)
{
    const struct wayland_link *link = data;

    return resource_table_charge(&link->gpu->resources, bytes);
}

static void
link_refund(void *data, uint64_t bytes)
{
    const struct wayland_link *link = data;

    resource_table_refund(&link->gpu->resources, bytes);
}

static int
link_make_dmabuf(void *data, int memory, uint64_t size)
{
    const struct wayland_link *link = data;

    return dmabuf_create(link->gpu->udmabuf_fd, memory, size);
}

static const struct cross_domain_host link_host = {.memory = link_memory,
                                                   .retire = link_retire,
                                                   .connect = link_connect,
                                                   .charge = link_charge,
                                                   .refund = link_refund,
                                                   .make_dmabuf = link_make_dmabuf};

/* The guard is gone for good: connections live on, new ones are refused. */
static void
link_ended(struct wayland_link *link)
{
    log_warning("No more of the guest's programs can open windows on the host");
    loop_remove(link->source);
    link->source = NULL;
    fd_closep(&link->fd);
    cross_domain_no_connections(link->renderer);
}

static void
on_message(void *data, uint32_t events)
{
    struct wayland_link *link = data;
    struct wayland_opened message;
    struct message_fds fds;
    ssize_t n = message_receive(link->fd, &message, sizeof(message), &fds);

    (void)events;
    if (n == -EAGAIN) {
        return;
    }
    if (n == sizeof(message) && message.header.type == WAYLAND_OPENED) {
        cross_domain_connected(link->renderer, message.serial, message_take_fd(&fds, 0));
    } else if (n == sizeof(message.header) && message.header.type == WAYLAND_HELLO) {
        cross_domain_connect_again(link->renderer);
    } else {
        link_ended(link);
    }
    message_close_fds(&fds);
}

struct wayland_link *
wayland_link_create(struct gpu *gpu, int fd, bool sends_resources)
{
    cleanup(wayland_link_destroyp) struct wayland_link *link = xalloc(sizeof(*link));

    link->gpu = gpu;
    link->fd = fd;
    int r = fd_set_nonblocking(fd);
    if (r < 0) {
        errno = -r;
        return NULL;
    }
    link->source = loop_add(gpu->loop, fd, EPOLLIN, on_message, link);
    if (!link->source) {
        return NULL;
    }
    link->renderer = cross_domain_create(gpu->loop, &link_host, link, sends_resources);
    gpu_add_renderer(gpu, link->renderer);
    return take_pointer(link);
}

void
wayland_link_destroy(struct wayland_link *link)
{
    loop_remove(link->source);
    fd_closep(&link->fd);
    free(link);
}
