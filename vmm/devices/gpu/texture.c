/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/devices/gpu/texture.h"

#include <errno.h>
#include <linux/virtio_gpu.h>
#include <stdlib.h>

enum {
    BIND_RENDER_TARGET = 1 << 1, /* Gallium's */
    BIND_SAMPLER_VIEW = 1 << 3,

    EDGE_MAX = 16384,
    LAYERS_MAX = 2048,
    LEVELS_MAX = 15, /* of an edge of 16384 */
    SAMPLES_MAX = 32,
    CUBE_FACES = 6,
};

static bool
texture_possible(const struct renderer_texture *t)
{
    if (t->target > TEXTURE_LAST || t->width == 0 || t->height == 0 || t->depth == 0) {
        return false;
    }
    if (t->target == TEXTURE_BUFFER) {
        return t->height == 1 && t->depth == 1 && t->last_level == 0;
    }
    return t->width <= EDGE_MAX && t->height <= EDGE_MAX && t->depth <= LAYERS_MAX &&
           t->array_size <= LAYERS_MAX && t->last_level < LEVELS_MAX && t->samples <= SAMPLES_MAX;
}

/*
 * For the bookkeeping only. Wide formats of enum virgl_formats come in runs of R, RG, RGB, RGBA with
 * components of one size.
 */
static uint64_t
bytes_per_pixel(uint32_t format)
{
    static const struct {
        uint8_t first, last, component;
    } wide[] = {
        {24, 27, 8},   /* R64 float */
        {28, 47, 4},   /* R32 float, unorm, uscaled, snorm, sscaled */
        {48, 63, 2},   /* R16 unorm, uscaled, snorm, sscaled */
        {87, 90, 4},   /* R32 fixed */
        {91, 94, 2},   /* R16 float */
        {185, 192, 2}, /* R16 integers */
        {193, 200, 4}, /* R32 integers */
    };

    for (size_t i = 0; i < ARRAY_SIZE(wide); i++) {
        if (format >= wide[i].first && format <= wide[i].last) {
            return wide[i].component * (1 + (uint64_t)(format - wide[i].first) % 4);
        }
    }
    return BYTES_PER_PIXEL;
}

/* What it is taken to cost: below 2^61 by the limits above. */
static uint64_t
texture_cost(const struct renderer_texture *t)
{
    if (t->target == TEXTURE_BUFFER) {
        return t->width;
    }
    uint64_t pixels = (uint64_t)t->width * t->height * t->depth * MAX_OF(t->array_size, 1U) *
                      MAX_OF(t->samples, 1U);
    return pixels * bytes_per_pixel(t->format) * (t->last_level > 0 ? 2 : 1);
}

int
texture_create(struct gpu *gpu, struct renderer *renderer, uint32_t id,
               const struct renderer_texture *texture)
{
    struct resource *resource;

    if (!texture_possible(texture)) {
        return -EINVAL;
    }
    int r = resource_create_texture(&gpu->resources, id, texture, texture_cost(texture), &resource);
    if (r < 0) {
        return r;
    }
    r = renderer->ops->create_resource(renderer, id, texture);
    if (r < 0) {
        resource_destroy(&gpu->resources, resource);
        return r;
    }
    resource->renderer = renderer;
    return 0;
}

int
texture_attach_pages(struct gpu *gpu, struct resource *resource)
{
    struct iovec *pages;
    uint32_t n;

    if (!resource->renderer || !resource->backing) {
        return 0;
    }
    int r = backing_pages(resource->backing, backend_memory(gpu->backend), &pages, &n);
    if (r < 0) {
        return r;
    }
    r = resource->renderer->ops->attach_pages(resource->renderer, resource->id, pages, n);
    if (r < 0) {
        free(pages);
    }
    return r;
}

/* Guest memory that a context may give a meaning to. */
static int
promote_blob(struct gpu *gpu, struct resource *resource, struct renderer *renderer)
{
    struct renderer_blob blob = {.memory = VIRTIO_GPU_BLOB_MEM_GUEST,
                                 .flags = VIRTIO_GPU_BLOB_FLAG_USE_MAPPABLE,
                                 .size = resource->size};

    if (!renderer->ops->create_blob) {
        return 0;
    }
    int r =
        backing_pages(resource->backing, backend_memory(gpu->backend), &blob.pages, &blob.n_pages);
    if (r < 0) {
        return r;
    }
    r = renderer->ops->create_blob(renderer, resource->id, &blob);
    if (r < 0) {
        free(blob.pages);
        return r;
    }
    resource->renderer = renderer;
    return 0;
}

int
texture_promote(struct gpu *gpu, struct resource *resource, struct renderer *renderer)
{
    if (resource->renderer) {
        return 0;
    }
    if (resource_is_lost(resource)) {
        return -ENOENT;
    }
    if (resource->kind == RESOURCE_BLOB) {
        return promote_blob(gpu, resource, renderer);
    }
    const struct renderer_texture texture = {.target = TEXTURE_2D,
                                             .format = resource->texture.format,
                                             .bind = BIND_RENDER_TARGET | BIND_SAMPLER_VIEW,
                                             .width = resource->width,
                                             .height = resource->height,
                                             .depth = 1,
                                             .array_size = 1};
    struct iovec pixels = {resource->pixels, resource->size};
    const struct renderer_transfer upload = {
        .to_host = true,
        .stride = resource->width * BYTES_PER_PIXEL,
        .box = {.width = resource->width, .height = resource->height, .depth = 1},
        .pages = &pixels,
        .n_pages = 1};
    resource_fill(resource, backend_memory(gpu->backend));
    int r = renderer->ops->create_resource(renderer, resource->id, &texture);
    if (r < 0) {
        return r;
    }
    resource->renderer = renderer;
    resource->texture = texture;
    r = texture_attach_pages(gpu, resource);
    return r < 0 ? r : renderer->ops->transfer(renderer, resource->id, &upload);
}

static uint32_t
at_level(uint32_t edge, uint32_t level)
{
    return MAX_OF(edge >> level, 1U);
}

static bool
box_inside(const struct renderer_box *box, const struct renderer_texture *t, uint32_t level)
{
    uint32_t layers = t->target == TEXTURE_3D ? at_level(t->depth, level) : t->array_size;

    if (t->target == TEXTURE_CUBE) {
        layers = MAX_OF(layers, (uint32_t)CUBE_FACES);
    }
    return range_inside(box->x, box->width, at_level(t->width, level)) &&
           range_inside(box->y, box->height, at_level(t->height, level)) &&
           range_inside(box->z, box->depth, MAX_OF(layers, 1U));
}

/* The last row and layer begin inside the pages; what a row takes only the renderer knows. */
static bool
pages_reach(const struct renderer_transfer *transfer, uint64_t size)
{
    const struct renderer_box *box = &transfer->box;
    uint64_t rows = (uint64_t)transfer->stride * (box->height - 1);
    uint64_t layers = (uint64_t)transfer->layer_stride * (box->depth - 1);
    uint64_t end;

    return add_fits(transfer->offset, rows, &end) && add_fits(end, layers, &end) && end < size;
}

int
texture_transfer(struct gpu *gpu, struct resource *resource,
                 const struct renderer_transfer *transfer)
{
    const struct renderer_box *box = &transfer->box;

    if (!resource->renderer || !resource->renderer->ops->transfer) {
        return -EINVAL;
    }
    if (!resource->backing) {
        return -ENXIO;
    }
    if (transfer->level > resource->texture.last_level ||
        !box_inside(box, &resource->texture, transfer->level)) {
        return -EINVAL;
    }
    if (box->width == 0 || box->height == 0 || box->depth == 0) {
        return 0;
    }
    if (!pages_reach(transfer, backing_size(resource->backing))) {
        return -EINVAL;
    }
    gpu->counters.copied_bytes +=
        (uint64_t)box->width * box->height * box->depth *
        (resource->texture.target == TEXTURE_BUFFER ? 1 : BYTES_PER_PIXEL);
    return resource->renderer->ops->transfer(resource->renderer, resource->id, transfer);
}

int
texture_transfer_2d(struct gpu *gpu, struct resource *resource, const struct rect *rect,
                    uint64_t offset)
{
    const struct renderer_transfer transfer = {
        .to_host = true,
        .stride = resource->kind == RESOURCE_2D ? resource->width * BYTES_PER_PIXEL : 0,
        .box = {rect->x, rect->y, 0, rect->width, rect->height, 1},
        .offset = offset};

    return texture_transfer(gpu, resource, &transfer);
}

int
texture_read(struct gpu *gpu, struct resource *resource, const struct rect *rect, void *to,
             uint32_t stride)
{
    struct iovec pixels = {to, (uint64_t)stride * (rect->height - 1) +
                                   (uint64_t)rect->width * BYTES_PER_PIXEL};
    const struct renderer_transfer read = {
        .stride = stride,
        .box = {rect->x, rect->y, 0, rect->width, rect->height, 1},
        .pages = &pixels,
        .n_pages = 1};

    gpu->counters.copied_bytes += (uint64_t)rect->width * rect->height * BYTES_PER_PIXEL;
    return resource->renderer->ops->transfer(resource->renderer, resource->id, &read);
}

static void
pages_moved(struct gpu *gpu, struct resource *resource)
{
    if (!resource->renderer || !resource->backing) {
        return;
    }
    resource->renderer->ops->detach_pages(resource->renderer, resource->id);
    if (texture_attach_pages(gpu, resource) < 0) {
        log_limited(&gpu->limit, LOG_LEVEL_WARNING, "A resource's guest memory is gone");
    }
}

void
texture_memory_changed(struct gpu *gpu)
{
    for (unsigned int i = 0; i < RESOURCE_BUCKETS; i++) {
        list_for_each(pos, &gpu->resources.buckets[i]) {
            pages_moved(gpu, list_container(pos, struct resource, link));
        }
    }
}
