/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/devices/gpu/scanout.h"

#include <errno.h>
#include <sys/mman.h>

#include "vmm/base/fd.h"

static void
shadow_release(struct gpu *gpu, struct shadow *shadow)
{
    if (shadow->size == 0) {
        return;
    }
    display_link_remove_buffer(gpu->link, shadow->buffer);
    munmap(shadow->pixels, shadow->size);
    close(shadow->fd);
    resource_table_refund(&gpu->resources, shadow->size);
    *shadow = (struct shadow){.fd = -1};
}

static int
shadow_create(struct gpu *gpu, uint32_t width, uint32_t height, struct shadow *ret_shadow)
{
    uint64_t size = (uint64_t)width * height * BYTES_PER_PIXEL;
    int r = resource_table_charge(&gpu->resources, size);

    if (r < 0) {
        return r;
    }
    cleanup_fd int fd = fd_memory_file("vitrine-scanout", size);
    void *pixels =
        fd < 0 ? MAP_FAILED : mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    struct link_buffer *buffer =
        pixels == MAP_FAILED ? NULL : display_link_add_buffer(gpu->link, fd, size);
    if (!buffer) {
        if (pixels != MAP_FAILED) {
            munmap(pixels, size);
        }
        resource_table_refund(&gpu->resources, size);
        return -ENOMEM;
    }
    *ret_shadow = (struct shadow){.width = width,
                                  .height = height,
                                  .size = size,
                                  .pixels = pixels,
                                  .fd = take_fd(&fd),
                                  .buffer = buffer};
    return 0;
}

/* Copy a rectangle, in scanout coordinates and inside it, from the blob to the shadow. */
static bool
shadow_copy(struct gpu *gpu, const struct scanout *scanout, const struct rect *rect)
{
    const struct framebuffer *framebuffer = &scanout->framebuffer;
    const struct guest_memory *memory = backend_memory(gpu->backend);
    uint64_t stride = (uint64_t)scanout->shadow.width * BYTES_PER_PIXEL;
    uint64_t row = (uint64_t)rect->width * BYTES_PER_PIXEL;
    uint64_t x = (uint64_t)scanout->rect.x + rect->x;
    uint64_t y = (uint64_t)scanout->rect.y + rect->y;
    uint64_t from = framebuffer->offset + y * framebuffer->stride + x * BYTES_PER_PIXEL;
    uint8_t *to = scanout->shadow.pixels + rect->y * stride + (uint64_t)rect->x * BYTES_PER_PIXEL;

    gpu->counters.copied_bytes += row * rect->height;
    if (row == stride && row == framebuffer->stride) {
        return backing_copy(scanout->resource->backing, memory, from, to, row * rect->height);
    }
    for (uint32_t i = 0; i < rect->height; i++) {
        if (!backing_copy(scanout->resource->backing, memory, from, to, row)) {
            return false;
        }
        to += stride;
        from += framebuffer->stride;
    }
    return true;
}

static void
scanout_off(struct gpu *gpu, uint32_t index)
{
    struct scanout *scanout = &gpu->scanouts[index];

    display_link_set_scanout(gpu->link, index, &(struct link_scanout){0});
    shadow_release(gpu, &scanout->shadow);
    scanout->resource = NULL;
    scanout->rect = (struct rect){0};
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
    if (!resource || resource->blob) {
        return -ENOENT;
    }
    if (rect_empty(rect) || !rect_inside(rect, resource->width, resource->height)) {
        return -EINVAL;
    }
    if (!resource->buffer) {
        resource->buffer = display_link_add_buffer(gpu->link, resource->fd, resource->size);
        if (!resource->buffer) {
            return -ENOMEM;
        }
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
    shadow_release(gpu, &scanout->shadow);
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
    struct scanout *scanout = &gpu->scanouts[index];
    struct resource *resource = resource_find(&gpu->resources, resource_id);
    if (!resource || !resource->blob) {
        return -ENOENT;
    }
    if (framebuffer->format == 0 || !framebuffer_fits(framebuffer, resource, rect)) {
        return -EINVAL;
    }
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
    if (fresh) {
        /* Page flips show what was flushed; a new picture must not begin black. */
        shadow_copy(gpu, scanout, &(struct rect){0, 0, rect->width, rect->height});
        struct link_scanout shown = {.buffer = scanout->shadow.buffer,
                                     .width = rect->width,
                                     .height = rect->height,
                                     .stride = rect->width * BYTES_PER_PIXEL,
                                     .format = framebuffer->format};
        display_link_set_scanout(gpu->link, index, &shown);
        shadow_release(gpu, &old);
    }
    return 0;
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
    gpu->counters.damaged_pixels += (uint64_t)damage.width * damage.height;
    if (scanout->resource->blob && !shadow_copy(gpu, scanout, &damage)) {
        log_limited(&gpu->limit, LOG_LEVEL_WARNING, "A scanout's guest memory is gone");
        return;
    }
    display_link_update(gpu->link, index, &damage);
}

int
scanout_flush(struct gpu *gpu, uint32_t resource_id, const struct rect *rect)
{
    struct resource *resource = resource_find(&gpu->resources, resource_id);

    if (!resource) {
        return -ENOENT;
    }
    if (!resource->blob && !rect_inside(rect, resource->width, resource->height)) {
        return -EINVAL;
    }
    gpu->counters.flushes++;
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
