/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/devices/gpu/scanout.h"

#include <errno.h>

#include "vmm/devices/gpu/dmabuf.h"
#include "vmm/devices/gpu/on-screen.h"
#include "vmm/devices/gpu/shadow.h"
#include "vmm/devices/gpu/shown-texture.h"
#include "vmm/devices/gpu/texture.h"

static void
scanout_off(struct gpu *gpu, uint32_t index)
{
    struct scanout *scanout = &gpu->scanouts[index];

    display_link_set_scanout(gpu->link, index, &(struct link_scanout){0});
    shadow_release_all(gpu, scanout);
    scanout->resource = NULL;
    scanout->rect = (struct rect){0};
    scanout->waiting = (struct rect){0};
    scanout->shown_texture = NULL;
    on_screen_end(gpu, index);
}

/* Show `rect` of the resource through host memory that is filled from it. */
static int
scanout_set_shadow(struct gpu *gpu, uint32_t index, struct resource *resource,
                   const struct rect *rect, const struct framebuffer *framebuffer)
{
    struct scanout *scanout = &gpu->scanouts[index];
    struct shadow old = {.fd = -1};
    bool fresh = scanout->shadow.size == 0 || scanout->shadow.width != rect->width ||
                 scanout->shadow.height != rect->height ||
                 scanout->framebuffer.format != framebuffer->format;
    if (fresh) {
        struct shadow shadow;
        int r = shadow_create(gpu, rect->width, rect->height, &shadow);
        if (r < 0) {
            return r;
        }
        old = scanout->shadow;
        scanout->shadow = shadow;
    }
    scanout->resource = resource;
    scanout->rect = *rect;
    scanout->framebuffer = *framebuffer;
    if (resource->kind != RESOURCE_TEXTURE) {
        shown_texture_leave(gpu, index);
    }
    if (fresh) {
        /* Page flips show what was flushed; a new picture must not begin black. */
        shadow_copy_all(gpu, scanout);
        const struct link_scanout shown = shadow_shown(scanout);
        display_link_set_scanout(gpu->link, index, &shown);
        shadow_release(gpu, &old);
        shadow_release_spare(gpu, scanout);
        scanout->busy = 1;
        scanout->waiting = (struct rect){0};
        scanout->shown_texture = NULL;
    }
    return 0;
}

static int
scanout_set_texture(struct gpu *gpu, uint32_t index, struct resource *resource,
                    const struct rect *rect)
{
    const struct framebuffer framebuffer = {
        .width = resource->width, .height = resource->height, .format = resource->format};

    if (resource->format == 0 || !resource->renderer->ops->transfer) {
        return -EINVAL;
    }
    const int r = scanout_set_shadow(gpu, index, resource, rect, &framebuffer);
    if (r == 0) {
        shown_texture_settle(gpu, index);
    }
    return r;
}

int
scanout_set(struct gpu *gpu, uint32_t index, uint32_t resource_id, const struct rect *rect)
{
    if (index >= gpu->n_scanouts) {
        return -ERANGE;
    }
    if (resource_id == 0) {
        scanout_off(gpu, index);
        return 0;
    }
    struct scanout *scanout = &gpu->scanouts[index];
    struct resource *resource = resource_find(&gpu->resources, resource_id);
    if (!resource || resource_is_blob(resource) || resource_is_lost(resource)) {
        return -ENOENT;
    }
    if (rect_empty(rect) || !rect_inside(rect, resource->width, resource->height)) {
        return -EINVAL;
    }
    if (resource->kind == RESOURCE_TEXTURE) {
        return scanout_set_texture(gpu, index, resource, rect);
    }
    resource_fill(resource, backend_memory(gpu->backend));
    if (scanout->flips) {
        const struct framebuffer framebuffer = {
            .width = resource->width, .height = resource->height, .format = resource->format};
        return scanout_set_shadow(gpu, index, resource, rect, &framebuffer);
    }
    if (!resource->buffer) {
        resource->buffer = display_link_add_buffer(gpu->link, resource->fd, resource->size);
        if (!resource->buffer) {
            return -ENOMEM;
        }
        display_link_set_dmabuf(resource->buffer,
                                dmabuf_create(gpu->udmabuf_fd, resource->fd, resource->size));
    }
    uint64_t stride = (uint64_t)resource->width * BYTES_PER_PIXEL;
    struct link_scanout shown = {.buffer = resource->buffer,
                                 .offset = rect->y * stride + (uint64_t)rect->x * BYTES_PER_PIXEL,
                                 .width = rect->width,
                                 .height = rect->height,
                                 .stride = (uint32_t)stride,
                                 .format = resource->format};
    scanout->resource = resource;
    scanout->rect = *rect;
    display_link_set_scanout(gpu->link, index, &shown);
    shadow_release_all(gpu, scanout);
    scanout->shown_texture = NULL;
    on_screen_end(gpu, index);
    return 0;
}

/* Every pixel of the rectangle is inside the blob. */
static bool
framebuffer_fits(const struct framebuffer *framebuffer, const struct resource *resource,
                 const struct rect *rect)
{
    uint64_t row = (uint64_t)framebuffer->width * BYTES_PER_PIXEL;
    uint64_t size = MIN_OF(resource->size, backing_size(resource->backing));
    uint64_t end;

    return framebuffer->width > 0 && framebuffer->height > 0 &&
           framebuffer->width <= GPU_EDGE_MAX && framebuffer->height <= GPU_EDGE_MAX &&
           framebuffer->stride >= row && !rect_empty(rect) &&
           rect_inside(rect, framebuffer->width, framebuffer->height) &&
           add_fits(framebuffer->offset,
                    (uint64_t)framebuffer->stride * (framebuffer->height - 1) + row, &end) &&
           end <= size;
}

int
scanout_set_blob(struct gpu *gpu, uint32_t index, uint32_t resource_id, const struct rect *rect,
                 const struct framebuffer *framebuffer)
{
    if (index >= gpu->n_scanouts) {
        return -ERANGE;
    }
    if (resource_id == 0) {
        scanout_off(gpu, index);
        return 0;
    }
    struct resource *resource = resource_find(&gpu->resources, resource_id);
    if (!resource || resource->kind != RESOURCE_BLOB) {
        return -ENOENT;
    }
    if (framebuffer->format == 0 || !framebuffer_fits(framebuffer, resource, rect)) {
        return -EINVAL;
    }
    return scanout_set_shadow(gpu, index, resource, rect, framebuffer);
}

/*
 * A 2D resource, through a shadow or no longer. If that lacks what the resource itself has, whoever asked
 * for flips would not want them then, and again.
 */
static void
scanout_show_again(struct gpu *gpu, uint32_t index)
{
    struct scanout *scanout = &gpu->scanouts[index];
    const struct rect rect = scanout->rect;
    const uint32_t id = scanout->resource->id;

    if (scanout_set(gpu, index, id, &rect) < 0 ||
        (scanout->flips && gpu->udmabuf_fd >= 0 &&
         !display_link_has_dmabuf(scanout->shadow.buffer))) {
        scanout->flips = false;
        scanout_set(gpu, index, id, &rect);
    }
}

/* What waited for a buffer. */
static void
scanout_catch_up(struct gpu *gpu, uint32_t index)
{
    struct scanout *scanout = &gpu->scanouts[index];
    const struct rect all = {0, 0, scanout->shadow.width, scanout->shadow.height};
    const struct rect waiting = rect_intersect(&scanout->waiting, &all);

    scanout->waiting = (struct rect){0};
    if (rect_empty(&waiting) || !scanout->resource) {
        return;
    }
    if (scanout->flips) {
        shadow_flip(gpu, index, &waiting);
    } else {
        shadow_update(gpu, index, &waiting);
    }
}

void
scanout_shown(struct gpu *gpu, uint32_t index, uint32_t buffer)
{
    struct scanout *scanout = &gpu->scanouts[index];

    on_screen_shown(gpu, index, buffer);
    if (!scanout->flips || scanout->shadow.size == 0) {
        return;
    }
    for (unsigned int age = 0; age < GPU_FLIP_BUFFERS; age++) {
        const struct shadow *shadow =
            age == 0 ? &scanout->shadow : &scanout->spare[ARRAY_SIZE(scanout->spare) - age];

        if (shadow->size > 0 && display_link_buffer_id(shadow->buffer) == buffer) {
            scanout->busy = MIN_OF(scanout->busy, age + 1);
            scanout_catch_up(gpu, index);
            return;
        }
    }
}

void
scanout_set_flips(struct gpu *gpu, uint32_t index, bool flips)
{
    struct scanout *scanout = &gpu->scanouts[index];

    if (scanout->flips == flips) {
        return;
    }
    scanout->flips = flips;
    scanout->busy = 1;
    on_screen_begin(gpu, index);
    if (!flips) {
        shadow_release_spare(gpu, scanout);
        scanout_catch_up(gpu, index);
    }
    if (scanout->resource && scanout->resource->kind == RESOURCE_2D) {
        scanout_show_again(gpu, index);
    }
}

void
scanout_set_textures(struct gpu *gpu, uint32_t index, bool textures)
{
    struct scanout *scanout = &gpu->scanouts[index];

    if (scanout->textures != textures) {
        scanout->textures = textures;
        shown_texture_settle(gpu, index);
    }
}

/* `rect` is in resource coordinates. */
static void
scanout_flush_one(struct gpu *gpu, uint32_t index, const struct rect *rect)
{
    struct scanout *scanout = &gpu->scanouts[index];
    struct rect damage = rect_intersect(rect, &scanout->rect);

    if (rect_empty(&damage)) {
        return;
    }
    damage.x -= scanout->rect.x;
    damage.y -= scanout->rect.y;
    gpu->counters.flushed_pixels += (uint64_t)damage.width * damage.height;
    if (scanout->shown_texture) {
        shown_texture_update(gpu, index, &damage);
        return;
    }
    if (scanout->shadow.size > 0 && scanout->flips) {
        shadow_flip(gpu, index, &damage);
        return;
    }
    if (scanout->shadow.size > 0) {
        shadow_update(gpu, index, &damage);
        return;
    }
    gpu->counters.damaged_pixels += (uint64_t)damage.width * damage.height;
    display_link_update(gpu->link, index, &damage);
}

/* A 2D resource that a renderer knows: its copy is the true one. */
static void
scanout_fetch(struct gpu *gpu, struct resource *resource, const struct rect *rect)
{
    const uint32_t stride = resource->width * BYTES_PER_PIXEL;

    if (resource->kind == RESOURCE_2D && resource->renderer && !rect_empty(rect) &&
        texture_read(gpu, resource, rect,
                     resource->pixels + (uint64_t)rect->y * stride +
                         (uint64_t)rect->x * BYTES_PER_PIXEL,
                     stride) < 0) {
        log_limited(&gpu->limit, LOG_LEVEL_WARNING, "A picture could not be read back");
    }
}

void
scanout_fetch_all(struct gpu *gpu, struct resource *resource)
{
    scanout_fetch(gpu, resource, &(struct rect){0, 0, resource->width, resource->height});
}

void
scanout_keep_picture(struct gpu *gpu, struct resource *resource)
{
    for (uint32_t i = 0; i < gpu->n_scanouts; i++) {
        if (gpu->scanouts[i].resource == resource) {
            shown_texture_leave(gpu, i);
            gpu->scanouts[i].resource = NULL;
            gpu->scanouts[i].waiting = (struct rect){0};
        }
    }
    shown_texture_forget(gpu, resource);
}

int
scanout_flush(struct gpu *gpu, uint32_t resource_id, const struct rect *rect)
{
    struct resource *resource = resource_find(&gpu->resources, resource_id);

    if (!resource) {
        return -ENOENT;
    }
    if (resource->kind != RESOURCE_BLOB && !rect_inside(rect, resource->width, resource->height)) {
        return -EINVAL;
    }
    gpu->counters.flushes++;
    resource->flushes++;
    gpu_count_frame(gpu);
    scanout_fetch(gpu, resource, rect);
    for (uint32_t i = 0; i < gpu->n_scanouts; i++) {
        if (gpu->scanouts[i].resource == resource) {
            scanout_flush_one(gpu, i, rect);
        }
    }
    return 0;
}

void
scanout_forget_resource(struct gpu *gpu, struct resource *resource)
{
    for (uint32_t i = 0; i < gpu->n_scanouts; i++) {
        if (gpu->scanouts[i].resource == resource) {
            scanout_off(gpu, i);
        }
    }
    shown_texture_forget(gpu, resource);
    if (resource->buffer) {
        display_link_remove_buffer(gpu->link, resource->buffer);
        resource->buffer = NULL;
    }
}

void
scanout_reset(struct gpu *gpu)
{
    for (uint32_t i = 0; i < gpu->n_scanouts; i++) {
        scanout_off(gpu, i);
    }
}
