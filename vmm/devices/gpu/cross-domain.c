/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/devices/gpu/cross-domain.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/base/memory.h"
#include "vmm/devices/gpu/cross-domain-private.h"
#include "vmm/devices/gpu/resource.h"

enum {
    MAP_CACHED = 1,
    BLOB_MEM_HOST = 2, /* VIRTIO_GPU_BLOB_MEM_HOST3D */
};

static struct cross_domain *
domain_of(struct renderer *renderer)
{
    return (struct cross_domain *)renderer;
}

static struct cross_context *
find_context(const struct cross_domain *domain, uint32_t id)
{
    list_for_each(link, &domain->contexts) {
        struct cross_context *context = list_container(link, struct cross_context, link);
        if (context->id == id) {
            return context;
        }
    }
    return NULL;
}

struct cross_blob *
cross_find_blob(const struct cross_domain *domain, uint32_t id)
{
    list_for_each(link, &domain->blobs) {
        struct cross_blob *blob = list_container(link, struct cross_blob, link);
        if (blob->id == id) {
            return blob;
        }
    }
    return NULL;
}

int
cross_own_fd(struct cross_context *context, int fd)
{
    if (fd < 0) {
        return fd;
    }
    if (context->n_fds >= CROSS_CONTEXT_FDS_MAX || context->domain->n_fds >= CROSS_FDS_MAX) {
        close(fd);
        return -EMFILE;
    }
    context->n_fds++;
    context->domain->n_fds++;
    return fd;
}

void
cross_close_fd(struct cross_context *context, int *fd)
{
    if (*fd >= 0) {
        context->n_fds--;
        context->domain->n_fds--;
        fd_closep(fd);
    }
}

static bool
cross_capset(struct renderer *renderer, unsigned int index, struct renderer_capset *ret)
{
    (void)renderer;
    if (index > 0) {
        return false;
    }
    *ret = (struct renderer_capset){
        .id = CROSS_CAPSET, .version = 0, .size = sizeof(struct cross_capset)};
    return true;
}

static void
cross_fill_capset(struct renderer *renderer, const struct renderer_capset *capset, void *data)
{
    const struct cross_domain *domain = domain_of(renderer);
    const struct cross_capset cross = {
        .version = htole32(1),
        .supported_channels = htole32(1U << CROSS_CHANNEL_WAYLAND),
        .extensions = htole32((domain->sends_resources ? (uint32_t)CROSS_EXTENSION_DESCRIBE : 0) |
                              (domain->makes_dmabufs ? (uint32_t)CROSS_EXTENSION_IMAGES : 0)),
    };

    memcpy(data, &cross, MIN_OF(sizeof(cross), (size_t)capset->size));
}

static int
cross_create_context(struct renderer *renderer, const struct renderer_context *info)
{
    struct cross_domain *domain = domain_of(renderer);
    struct cross_context *context = calloc(1, sizeof(*context));

    if (!context) {
        return -ENOMEM;
    }
    context->domain = domain;
    context->id = info->id;
    list_init(&context->attached);
    list_init(&context->sources);
    list_init(&context->items);
    list_init(&context->polls);
    list_append(&domain->contexts, &context->link);
    return 0;
}

static void
free_context(struct cross_context *context)
{
    cross_context_clear(context);
    list_remove(&context->link);
    free(context);
}

static void
cross_destroy_context(struct renderer *renderer, uint32_t id)
{
    struct cross_context *context = find_context(domain_of(renderer), id);

    if (context) {
        free_context(context);
    }
}

static int
cross_attach(struct renderer *renderer, uint32_t context_id, struct resource *resource)
{
    struct cross_context *context = find_context(domain_of(renderer), context_id);
    struct cross_attachment *attachment = context ? calloc(1, sizeof(*attachment)) : NULL;

    if (!attachment) {
        return context ? -ENOMEM : -ENOENT;
    }
    attachment->resource = resource;
    attachment->id = resource->id;
    list_append(&context->attached, &attachment->link);
    return 0;
}

static void
cross_detach(struct renderer *renderer, uint32_t context_id, struct resource *resource)
{
    struct cross_context *context = find_context(domain_of(renderer), context_id);

    if (!context) {
        return;
    }
    list_for_each_safe(link, &context->attached) {
        struct cross_attachment *attachment = list_container(link, struct cross_attachment, link);
        if (attachment->resource == resource) {
            list_remove(link);
            free(attachment);
        }
    }
    context->query_page = context->query_page == resource ? NULL : context->query_page;
    context->channel_page = context->channel_page == resource ? NULL : context->channel_page;
}

static void
free_blob(struct cross_domain *domain, struct cross_blob *blob)
{
    domain->host->refund(domain->data, blob->charged);
    domain->n_fds -= blob->fd >= 0;
    domain->n_fds -= blob->dmabuf >= 0;
    fd_closep(&blob->fd);
    fd_closep(&blob->dmabuf);
    list_remove(&blob->link);
    free(blob);
}

/* New memory for an image: a guest makes several of one name. */
static int
fill_image_blob(struct cross_domain *domain, struct cross_blob *blob)
{
    int r = domain->host->charge(domain->data, blob->size);

    if (r < 0) {
        return r;
    }
    blob->charged = blob->size;
    if (domain->n_fds >= CROSS_FDS_MAX) {
        return -ENOMEM;
    }
    blob->fd = fd_memory_file("vitrine-image", blob->size);
    domain->n_fds += blob->fd >= 0;
    return blob->fd < 0 ? -ENOMEM : 0;
}

/* The descriptor goes over; it stays counted for the device. */
static int
fill_item_blob(struct cross_context *context, struct cross_blob *blob, struct cross_item *item)
{
    blob->fd = take_fd(&item->fd);
    context->n_fds--;
    cross_item_remove(context, item);
    return 0;
}

static int
cross_create_blob(struct renderer *renderer, uint32_t id, const struct renderer_blob *asked)
{
    struct cross_domain *domain = domain_of(renderer);
    struct cross_context *context = find_context(domain, asked->context);
    struct cross_item *item = NULL;
    uint64_t size = 0;
    bool dmabuf = false;

    if (!context || !context->initialised || context->dead || asked->memory != BLOB_MEM_HOST ||
        asked->blob_id > UINT32_MAX) {
        return -EINVAL;
    }
    if (!cross_image_find(domain, (uint32_t)asked->blob_id, &size, &dmabuf)) {
        item = cross_item_find(context, (uint32_t)asked->blob_id);
        size = item ? item->size : 0;
    }
    if (size == 0 || asked->size > size || align_up(asked->size, CROSS_PAGE_SIZE) != size) {
        return -EINVAL;
    }
    struct cross_blob *blob = calloc(1, sizeof(*blob));
    if (!blob) {
        return -ENOMEM;
    }
    blob->id = id;
    blob->fd = -1;
    blob->dmabuf = -1;
    blob->size = size;
    blob->wants_dmabuf = dmabuf;
    list_append(&domain->blobs, &blob->link);
    int r = item ? fill_item_blob(context, blob, item) : fill_image_blob(domain, blob);
    if (r < 0) {
        free_blob(domain, blob);
    }
    return r;
}

static void
cross_destroy_resource(struct renderer *renderer, uint32_t id)
{
    struct cross_domain *domain = domain_of(renderer);
    struct cross_blob *blob = cross_find_blob(domain, id);

    if (blob) {
        free_blob(domain, blob);
    }
}

static int
cross_export_blob(struct renderer *renderer, uint32_t id, int *ret_fd, uint32_t *ret_map_info)
{
    struct cross_blob *blob = cross_find_blob(domain_of(renderer), id);
    int fd = blob ? fcntl(blob->fd, F_DUPFD_CLOEXEC, 0) : -1;

    if (fd < 0) {
        return blob ? -EMFILE : -ENOENT;
    }
    *ret_fd = fd;
    *ret_map_info = MAP_CACHED;
    return 0;
}

static int
cross_submit(struct renderer *renderer, uint32_t context_id, void *commands, uint32_t size)
{
    struct cross_context *context = find_context(domain_of(renderer), context_id);

    return context ? cross_context_submit(context, commands, size) : -ENOENT;
}

static int
cross_fence(struct renderer *renderer, const struct renderer_fence *fence)
{
    struct cross_context *context = find_context(domain_of(renderer), fence->context);

    return context ? cross_poll_add(context, fence) : 1;
}

static void
cross_destroy(struct renderer *renderer)
{
    struct cross_domain *domain = domain_of(renderer);

    list_for_each_safe(link, &domain->contexts) {
        free_context(list_container(link, struct cross_context, link));
    }
    list_for_each_safe(link, &domain->blobs) {
        free_blob(domain, list_container(link, struct cross_blob, link));
    }
    free(domain);
}

static const struct renderer_ops cross_ops = {
    .name = "cross-domain",
    .capset = cross_capset,
    .fill_capset = cross_fill_capset,
    .create_context = cross_create_context,
    .destroy_context = cross_destroy_context,
    .attach = cross_attach,
    .detach = cross_detach,
    .counts_blobs = true,
    .create_blob = cross_create_blob,
    .destroy_resource = cross_destroy_resource,
    .submit = cross_submit,
    .fence = cross_fence,
    .export_blob = cross_export_blob,
    .destroy = cross_destroy,
};

/* Whether this host makes dmabufs of memory files: what the guest is told must hold. */
static bool
try_dmabuf(const struct cross_domain *domain)
{
    cleanup_fd int memory = -1;
    cleanup_fd int dmabuf = -1;

    if (!domain->host->make_dmabuf) {
        return false;
    }
    memory = fd_memory_file("vitrine-image", CROSS_PAGE_SIZE);
    dmabuf = memory < 0 ? -1 : domain->host->make_dmabuf(domain->data, memory, CROSS_PAGE_SIZE);
    return dmabuf >= 0;
}

struct renderer *
cross_domain_create(struct loop *loop, const struct cross_domain_host *host, void *data,
                    bool sends_resources)
{
    struct cross_domain *domain = xalloc(sizeof(*domain));

    domain->renderer.ops = &cross_ops;
    domain->loop = loop;
    domain->host = host;
    domain->data = data;
    list_init(&domain->contexts);
    domain->sends_resources = sends_resources;
    domain->makes_dmabufs = try_dmabuf(domain);
    list_init(&domain->blobs);
    return &domain->renderer;
}

void
cross_domain_connected(struct renderer *renderer, uint64_t serial, int fd)
{
    struct cross_domain *domain = domain_of(renderer);

    list_for_each(link, &domain->contexts) {
        struct cross_context *context = list_container(link, struct cross_context, link);

        if (context->serial != serial) {
            continue;
        }
        context->serial = 0;
        int owned = fd < 0 || fd_set_nonblocking(fd) < 0 ? -1 : cross_own_fd(context, fd);
        if (owned < 0) {
            cross_context_kill(context, "nobody connects to the compositor");
            cross_poll_serve(context);
        } else {
            cross_source_connect(context->channel, owned);
        }
        return;
    }
    fd_closep(&fd);
}

void
cross_domain_no_connections(struct renderer *renderer)
{
    list_for_each(link, &domain_of(renderer)->contexts) {
        struct cross_context *context = list_container(link, struct cross_context, link);

        if (context->serial != 0) {
            cross_context_kill(context, "nobody connects to the compositor");
            cross_poll_serve(context);
        }
    }
}

void
cross_domain_connect_again(struct renderer *renderer)
{
    struct cross_domain *domain = domain_of(renderer);

    list_for_each(link, &domain->contexts) {
        struct cross_context *context = list_container(link, struct cross_context, link);

        if (context->serial != 0 && domain->host->connect(domain->data, context->serial) < 0) {
            cross_context_kill(context, "nobody connects to the compositor");
            cross_poll_serve(context);
        }
    }
}
