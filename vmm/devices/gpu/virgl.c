/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/devices/gpu/virgl.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/base/memory.h"
#include "vmm/devices/gpu/texture.h"
#include "vmm/devices/gpu/virgl-private.h"

/* The library's argument type, which its installed header only names. */
struct virgl_box {
    uint32_t x, y, z;
    uint32_t w, h, d;
};

enum {
    LINE_SIZE = 256,
    FENCE_LIMIT_MS = 5000,
    VENUS_LIMIT_MS = 10000,   /* a Vulkan driver from a cold disk, on a busy computer */
    VENUS_SERVER_VERSION = 0, /* of the library's protocol to its render server */
};

static struct virgl *
virgl_of(struct renderer *renderer)
{
    return (struct virgl *)(void *)renderer;
}

/* The library says errno, -errno or -1. */
static int
result(int r)
{
    if (r == 0) {
        return 0;
    }
    return r == ENOMEM || r == -ENOMEM ? -ENOMEM : -EINVAL;
}

/* On the library's thread. */
static void
wake_up(struct virgl *virgl)
{
    (void)eventfd_write(virgl->wake_fd, 1);
}

/* On the library's thread: everything up to `token` of the global timeline is done. */
void
virgl_on_fence(void *cookie, uint32_t token)
{
    struct virgl *virgl = cookie;

    atomic_store(&virgl->last_token, token);
    atomic_store(&virgl->global_ended, true);
    wake_up(virgl);
}

/* On the library's thread. */
void
virgl_on_context_fence(void *cookie, uint32_t context, uint32_t ring, uint64_t token)
{
    struct virgl *virgl = cookie;
    struct ended *ended = xalloc(sizeof(*ended));

    ended->fence = (struct renderer_fence){
        .on_ring = true, .context = context, .ring = ring, .token = (uint32_t)token};
    ended->next = atomic_load(&virgl->ended);
    while (!atomic_compare_exchange_weak(&virgl->ended, &ended->next, ended)) {
    }
    wake_up(virgl);
}

static void
on_wake(void *data, uint32_t events)
{
    struct virgl *virgl = data;
    eventfd_t ignored;

    (void)eventfd_read(virgl->wake_fd, &ignored);
    if (atomic_exchange(&virgl->global_ended, false)) {
        const struct renderer_fence last = {.token = atomic_load(&virgl->last_token)};

        fences_retire(virgl->gpu, &virgl->renderer, &last);
    }
    for (struct ended *ended = atomic_exchange(&virgl->ended, NULL); ended;) {
        struct ended *next = ended->next;

        fences_retire(virgl->gpu, &virgl->renderer, &ended->fence);
        free(ended);
        ended = next;
    }
}

int
virgl_on_get_drm_fd(void *cookie)
{
    struct virgl *virgl = cookie;

    return take_fd(&virgl->render_fd); /* the library closes it */
}

int
virgl_on_get_server_fd(void *cookie, uint32_t version)
{
    struct virgl *virgl = cookie;

    return version == VENUS_SERVER_VERSION ? take_fd(&virgl->venus_fd) : -1;
}

/*
 * The render server has ended, and the Vulkan contexts with it: the library's threads would turn in
 * circles over their sockets. What the guest asks of them from now on fails.
 */
static void
on_venus_end(void *data, uint32_t events)
{
    struct virgl *virgl = data;

    (void)events;
    loop_remove(virgl->venus_watch);
    virgl->venus_watch = NULL;
    if (!virgl->gpu) {
        return;
    }
    log_warning("The Vulkan renderer has ended; Vulkan programs of the guest draw no more");
    list_for_each(link, &virgl->gpu->contexts.contexts) {
        const struct context *context = list_container(link, struct context, link);

        if (context->info.capset == CAPSET_VENUS) {
            virgl->library.context_destroy(context->info.id);
            fences_flush_context(virgl->gpu, context->info.id);
        }
    }
}

/* Mostly complaints about guests. */
void
virgl_on_message(const char *format, va_list arguments)
{
    char line[LINE_SIZE];

    vsnprintf(line, sizeof(line), format, arguments);
    line[strcspn(line, "\n")] = '\0';
    log_debug("virgl: %s", line);
}

static bool
virgl_capset(struct renderer *renderer, unsigned int index, struct renderer_capset *ret)
{
    const struct virgl *virgl = virgl_of(renderer);

    if (index >= virgl->n_capsets) {
        return false;
    }
    *ret = virgl->capsets[index];
    return true;
}

static void
virgl_fill_capset(struct renderer *renderer, const struct renderer_capset *capset, void *data)
{
    const struct virgl *virgl = virgl_of(renderer);

    for (unsigned int i = 0; i < virgl->n_capsets; i++) {
        if (virgl->capsets[i].id == capset->id) {
            memcpy(data, virgl->capset_data[i], capset->size);
        }
    }
}

static int
virgl_create_context(struct renderer *renderer, const struct renderer_context *context)
{
    return result(virgl_of(renderer)->library.context_create_with_flags(
        context->id, context->capset, (uint32_t)strlen(context->name), context->name));
}

static void
virgl_destroy_context(struct renderer *renderer, uint32_t context)
{
    virgl_of(renderer)->library.context_destroy(context);
}

static int
virgl_attach(struct renderer *renderer, uint32_t context, struct resource *resource)
{
    struct virgl *virgl = virgl_of(renderer);
    int r = texture_promote(virgl->gpu, resource, renderer);

    if (r == 0 && resource->renderer == renderer) {
        virgl->library.ctx_attach_resource((int)context, (int)resource->id);
    }
    return r;
}

static void
virgl_detach(struct renderer *renderer, uint32_t context, struct resource *resource)
{
    if (resource->renderer == renderer) {
        virgl_of(renderer)->library.ctx_detach_resource((int)context, (int)resource->id);
    }
}

static int
virgl_create_resource(struct renderer *renderer, uint32_t id,
                      const struct renderer_texture *texture)
{
    struct virgl *virgl = virgl_of(renderer);
    struct virgl_renderer_resource_create_args arguments = {.handle = id,
                                                            .target = texture->target,
                                                            .format = texture->format,
                                                            .bind = texture->bind,
                                                            .width = texture->width,
                                                            .height = texture->height,
                                                            .depth = texture->depth,
                                                            .array_size = texture->array_size,
                                                            .last_level = texture->last_level,
                                                            .nr_samples = texture->samples,
                                                            .flags = texture->flags};

    virgl->library.force_ctx_0();
    return result(virgl->library.resource_create(&arguments, NULL, 0));
}

static int
virgl_create_blob(struct renderer *renderer, uint32_t id, const struct renderer_blob *blob)
{
    struct virgl *virgl = virgl_of(renderer);
    const struct virgl_renderer_resource_create_blob_args arguments = {.res_handle = id,
                                                                       .ctx_id = blob->context,
                                                                       .blob_mem = blob->memory,
                                                                       .blob_flags = blob->flags,
                                                                       .blob_id = blob->blob_id,
                                                                       .size = blob->size,
                                                                       .iovecs = blob->pages,
                                                                       .num_iovs = blob->n_pages};

    virgl->library.force_ctx_0();
    return result(virgl->library.resource_create_blob(&arguments));
}

static void
virgl_destroy_resource(struct renderer *renderer, uint32_t id)
{
    struct virgl *virgl = virgl_of(renderer);

    virgl->library.force_ctx_0();
    virgl->library.resource_unref(id);
}

static int
virgl_attach_pages(struct renderer *renderer, uint32_t id, struct iovec *pages, uint32_t n)
{
    return result(virgl_of(renderer)->library.resource_attach_iov((int)id, pages, (int)n));
}

static void
virgl_detach_pages(struct renderer *renderer, uint32_t id)
{
    struct iovec *pages = NULL;
    int n = 0;

    virgl_of(renderer)->library.resource_detach_iov((int)id, &pages, &n);
    free(pages);
}

static int
virgl_transfer(struct renderer *renderer, uint32_t id, const struct renderer_transfer *transfer)
{
    struct virgl *virgl = virgl_of(renderer);
    const struct renderer_box *box = &transfer->box;
    struct virgl_box library_box = {box->x, box->y, box->z, box->width, box->height, box->depth};

    virgl->library.force_ctx_0();
    if (transfer->to_host) {
        return result(virgl->library.transfer_write_iov(
            id, transfer->context, (int)transfer->level, transfer->stride, transfer->layer_stride,
            &library_box, transfer->offset, transfer->pages, transfer->n_pages));
    }
    return result(virgl->library.transfer_read_iov(
        id, transfer->context, transfer->level, transfer->stride, transfer->layer_stride,
        &library_box, transfer->offset, transfer->pages, (int)transfer->n_pages));
}

static bool
is_venus(const struct virgl *virgl, uint32_t id)
{
    const struct context *context = virgl->gpu ? context_find(&virgl->gpu->contexts, id) : NULL;

    return context && context->info.capset == CAPSET_VENUS;
}

static void
free_ended(struct virgl *virgl)
{
    for (struct ended *ended = atomic_exchange(&virgl->ended, NULL); ended;) {
        struct ended *next = ended->next;

        free(ended);
        ended = next;
    }
}

static int
virgl_submit(struct renderer *renderer, uint32_t context, void *commands, uint32_t size)
{
    struct virgl *virgl = virgl_of(renderer);

    if (size % sizeof(uint32_t) != 0) {
        return -EINVAL;
    }
    /* The library loses track of what is current when contexts are made, also by command. */
    virgl->library.force_ctx_0();
    int r = virgl->library.submit_cmd(commands, (int)context, (int)(size / sizeof(uint32_t)));
    if (r != 0 && is_venus(virgl, context)) {
        virgl->library.context_destroy(context); /* its process has ended: see on_venus_end() */
    }
    return result(r);
}

int
virgl_finish(struct renderer *renderer, uint32_t context)
{
    struct virgl *virgl = virgl_of(renderer);
    struct pollfd ready = {.fd = virgl->wake_fd, .events = POLLIN};
    eventfd_t ignored;

    if (virgl->library.context_create_fence(context, VIRGL_RENDERER_FENCE_FLAG_MERGEABLE, 0, 1) !=
            0 ||
        poll(&ready, 1, VENUS_LIMIT_MS) != 1) {
        return -EIO;
    }
    (void)eventfd_read(virgl->wake_fd, &ignored);
    free_ended(virgl);
    return 0;
}

static int
virgl_fence(struct renderer *renderer, const struct renderer_fence *fence)
{
    struct virgl *virgl = virgl_of(renderer);

    if (fence->on_ring) {
        return result(virgl->library.context_create_fence(
            fence->context, VIRGL_RENDERER_FENCE_FLAG_MERGEABLE, fence->ring, fence->token));
    }
    return result(virgl->library.create_fence((int)fence->token, fence->context));
}

static int
virgl_export_blob(struct renderer *renderer, uint32_t id, int *ret_fd, uint32_t *ret_map_info)
{
    struct virgl *virgl = virgl_of(renderer);
    cleanup_fd int fd = -1;
    uint32_t type;

    if (virgl->library.resource_get_map_info(id, ret_map_info) != 0 ||
        virgl->library.resource_export_blob(id, &type, &fd) != 0 || fd < 0) {
        return -EINVAL;
    }
    if (type != VIRGL_RENDERER_BLOB_FD_TYPE_DMABUF && type != VIRGL_RENDERER_BLOB_FD_TYPE_SHM) {
        return -EINVAL;
    }
    *ret_fd = take_fd(&fd);
    return 0;
}

/* A picture shows it: what the guest had cannot be in the way any more. */
static int
virgl_restart(struct renderer *renderer)
{
    virgl_of(renderer)->library.force_ctx_0();
    return virgl_self_test(renderer);
}

static void
virgl_destroy(struct renderer *renderer)
{
    struct virgl *virgl = virgl_of(renderer);

    if (virgl->started) {
        virgl->library.stop(virgl);
    }
    free_ended(virgl);
    for (unsigned int i = 0; i < virgl->n_capsets; i++) {
        free(virgl->capset_data[i]);
    }
    loop_remove(virgl->wake);
    loop_remove(virgl->venus_watch);
    fd_closep(&virgl->wake_fd);
    fd_closep(&virgl->render_fd);
    fd_closep(&virgl->venus_fd);
    fd_closep(&virgl->venus_watch_fd);
    free(virgl);
}

static const struct renderer_ops virgl_ops = {
    .name = "virgl",
    .capset = virgl_capset,
    .fill_capset = virgl_fill_capset,
    .create_context = virgl_create_context,
    .destroy_context = virgl_destroy_context,
    .attach = virgl_attach,
    .detach = virgl_detach,
    .create_resource = virgl_create_resource,
    .create_blob = virgl_create_blob,
    .destroy_resource = virgl_destroy_resource,
    .attach_pages = virgl_attach_pages,
    .detach_pages = virgl_detach_pages,
    .transfer = virgl_transfer,
    .submit = virgl_submit,
    .fence = virgl_fence,
    .export_blob = virgl_export_blob,
    .export_dmabuf = virgl_export_dmabuf,
    .restart = virgl_restart,
    .destroy = virgl_destroy,
};

/*
 * Let a first fence pass. The library's thread has begun its work then: what a thread does when it
 * starts is not in the jail's list.
 */
static int
pass_fence(struct virgl *virgl, const char **ret_why)
{
    struct pollfd ended = {.fd = virgl->wake_fd, .events = POLLIN};
    eventfd_t ignored;

    if (virgl->library.create_fence(0, 0) != 0 || poll(&ended, 1, FENCE_LIMIT_MS) != 1) {
        *ret_why = "fences do not end";
        return -EIO;
    }
    (void)eventfd_read(virgl->wake_fd, &ignored);
    atomic_store(&virgl->global_ended, false);
    return 0;
}

struct renderer *
virgl_create(struct loop *loop, int render_fd, int venus_fd, const char **ret_why)
{
    struct virgl *virgl = xalloc(sizeof(*virgl));

    virgl->renderer.ops = &virgl_ops;
    virgl->render_fd = render_fd;
    virgl->venus_fd = venus_fd;
    virgl->has_venus = venus_fd >= 0;
    virgl->venus_watch_fd = virgl->has_venus ? fcntl(venus_fd, F_DUPFD_CLOEXEC, 0) : -1;
    virgl->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    virgl->wake =
        virgl->wake_fd >= 0 ? loop_add(loop, virgl->wake_fd, EPOLLIN, on_wake, virgl) : NULL;
    if (virgl->has_venus && virgl->venus_watch_fd >= 0) {
        virgl->venus_watch = loop_add(loop, virgl->venus_watch_fd, EPOLLRDHUP, on_venus_end, virgl);
    }
    *ret_why = "there are no descriptors left";
    if (!virgl->wake || (virgl->has_venus && !virgl->venus_watch) ||
        virgl_start_library(virgl, ret_why) < 0 || pass_fence(virgl, ret_why) < 0) {
        virgl_destroy(&virgl->renderer);
        return NULL;
    }
    return &virgl->renderer;
}

void
virgl_leave_capsets(struct renderer *renderer, uint32_t set)
{
    struct virgl *virgl = virgl_of(renderer);
    unsigned int n = 0;

    for (unsigned int i = 0; set != 0 && i < virgl->n_capsets; i++) {
        if (!(set & 1U << virgl->capsets[i].id)) {
            free(virgl->capset_data[i]);
            continue;
        }
        virgl->capsets[n] = virgl->capsets[i];
        virgl->capset_data[n++] = virgl->capset_data[i];
    }
    virgl->n_capsets = set != 0 ? n : virgl->n_capsets;
}

void
virgl_set_gpu(struct renderer *renderer, struct gpu *gpu)
{
    virgl_of(renderer)->gpu = gpu;
}
