/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/devices/gpu/shadow.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/devices/gpu/dmabuf.h"
#include "vmm/devices/gpu/texture.h"

enum {
    GAP_ROWS = 16, /* so many unchanged rows separate two rectangles */
    RECTANGLES_MAX = 8
};

int
shadow_create(struct gpu *gpu, uint32_t width, uint32_t height, struct shadow *ret_shadow)
{
    const uint64_t row = (uint64_t)width * BYTES_PER_PIXEL;
    const uint64_t stride = gpu->udmabuf_fd >= 0 ? align_up(row, DMABUF_ROW) : row;
    uint64_t size = stride * height;
    int r = stride > UINT32_MAX ? -ENOMEM : resource_table_charge(&gpu->resources, size);

    if (r < 0) {
        return r;
    }
    cleanup_fd int fd = fd_memory_file("vitrine-scanout", align_up(size, DMABUF_PAGE));
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
    display_link_set_dmabuf(buffer, dmabuf_create(gpu->udmabuf_fd, fd, size));
    *ret_shadow = (struct shadow){.width = width,
                                  .height = height,
                                  .stride = (uint32_t)stride,
                                  .size = size,
                                  .pixels = pixels,
                                  .fd = take_fd(&fd),
                                  .buffer = buffer};
    return 0;
}

void
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

void
shadow_release_spare(struct gpu *gpu, struct scanout *scanout)
{
    for (size_t i = 0; i < ARRAY_SIZE(scanout->spare); i++) {
        shadow_release(gpu, &scanout->spare[i]);
    }
}

void
shadow_release_all(struct gpu *gpu, struct scanout *scanout)
{
    shadow_release(gpu, &scanout->shadow);
    shadow_release_spare(gpu, scanout);
}

struct link_scanout
shadow_shown(const struct scanout *scanout)
{
    const struct shadow *shadow = &scanout->shadow;

    return (struct link_scanout){.buffer = shadow->buffer,
                                 .width = shadow->width,
                                 .height = shadow->height,
                                 .stride = shadow->stride,
                                 .format = scanout->framebuffer.format};
}

/* Where the pixel (x, y) of the scanout is in the blob and in the shadow. */
static uint64_t
blob_offset(const struct scanout *scanout, uint32_t x, uint32_t y)
{
    const struct framebuffer *framebuffer = &scanout->framebuffer;

    return framebuffer->offset + ((uint64_t)scanout->rect.y + y) * framebuffer->stride +
           ((uint64_t)scanout->rect.x + x) * BYTES_PER_PIXEL;
}

static uint8_t *
shadow_pixel(const struct shadow *shadow, uint32_t x, uint32_t y)
{
    return shadow->pixels + (uint64_t)y * shadow->stride + (uint64_t)x * BYTES_PER_PIXEL;
}

static void
shadow_lost(struct gpu *gpu)
{
    log_limited(&gpu->limit, LOG_LEVEL_WARNING, "A scanout's guest memory is gone");
}

/* `rect` is in scanout coordinates. */
static bool
shadow_read_texture(struct gpu *gpu, const struct scanout *scanout, const struct rect *rect)
{
    const struct shadow *shadow = &scanout->shadow;
    const struct rect from = {scanout->rect.x + rect->x, scanout->rect.y + rect->y, rect->width,
                              rect->height};

    if (texture_read(gpu, scanout->resource, &from, shadow_pixel(shadow, rect->x, rect->y),
                     shadow->stride) < 0) {
        log_limited(&gpu->limit, LOG_LEVEL_WARNING, "A picture could not be read back");
        return false;
    }
    return true;
}

/* What the device has of a 2D resource. */
static void
shadow_copy_pixels(struct gpu *gpu, const struct scanout *scanout, const struct rect *rect)
{
    const struct resource *resource = scanout->resource;
    const uint64_t row = (uint64_t)rect->width * BYTES_PER_PIXEL;

    for (uint32_t y = rect->y; y < rect->y + rect->height; y++) {
        uint64_t from =
            ((uint64_t)scanout->rect.y + y) * resource->width + scanout->rect.x + rect->x;
        memcpy(shadow_pixel(&scanout->shadow, rect->x, y),
               resource->pixels + from * BYTES_PER_PIXEL, row);
    }
    gpu->counters.copied_bytes += row * rect->height;
}

/* `rect` is in scanout coordinates. False: it could not be had. */
static bool
shadow_copy(struct gpu *gpu, const struct scanout *scanout, const struct rect *rect)
{
    const struct guest_memory *memory = backend_memory(gpu->backend);
    const uint64_t row = (uint64_t)rect->width * BYTES_PER_PIXEL;

    if (scanout->resource->kind == RESOURCE_TEXTURE) {
        return shadow_read_texture(gpu, scanout, rect);
    }
    if (scanout->resource->kind == RESOURCE_2D) {
        shadow_copy_pixels(gpu, scanout, rect);
        return true;
    }
    for (uint32_t y = rect->y; y < rect->y + rect->height; y++) {
        if (!backing_copy(scanout->resource->backing, memory, blob_offset(scanout, rect->x, y),
                          shadow_pixel(&scanout->shadow, rect->x, y), row)) {
            shadow_lost(gpu);
            return false;
        }
    }
    gpu->counters.copied_bytes += row * rect->height;
    return true;
}

void
shadow_copy_all(struct gpu *gpu, const struct scanout *scanout)
{
    shadow_copy(gpu, scanout, &(struct rect){0, 0, scanout->shadow.width, scanout->shadow.height});
}

/* Rectangles of one flush; the last may still grow. */
struct damage {
    struct rect current;
    unsigned int told;
};

static void
damage_tell(struct gpu *gpu, uint32_t index, struct damage *damage)
{
    if (!rect_empty(&damage->current)) {
        gpu->counters.damaged_pixels += (uint64_t)damage->current.width * damage->current.height;
        display_link_update(gpu->link, index, &damage->current);
        damage->current = (struct rect){0};
        damage->told++;
    }
}

/* The pixels [x, x + width) of row y changed. */
static void
damage_add(struct gpu *gpu, uint32_t index, struct damage *damage, const struct rect *row)
{
    uint32_t bottom = damage->current.y + damage->current.height;

    if (row->y - bottom >= GAP_ROWS && damage->told + 1 < RECTANGLES_MAX) {
        damage_tell(gpu, index, damage);
    }
    damage->current = rect_union(&damage->current, row);
}

void
shadow_update(struct gpu *gpu, uint32_t index, const struct rect *rect)
{
    const struct scanout *scanout = &gpu->scanouts[index];
    const struct guest_memory *memory = backend_memory(gpu->backend);
    struct damage damage = {0};

    if (scanout->resource->kind != RESOURCE_BLOB) {
        if (shadow_copy(gpu, scanout, rect)) {
            gpu->counters.damaged_pixels += (uint64_t)rect->width * rect->height;
            display_link_update(gpu->link, index, rect);
        }
        return;
    }
    for (uint32_t y = rect->y; y < rect->y + rect->height; y++) {
        struct backing_target row = {.data = shadow_pixel(&scanout->shadow, rect->x, y),
                                     .size = (uint64_t)rect->width * BYTES_PER_PIXEL};
        if (!backing_update(scanout->resource->backing, memory, blob_offset(scanout, rect->x, y),
                            &row)) {
            shadow_lost(gpu);
            break;
        }
        if (row.first == row.end) {
            continue;
        }
        gpu->counters.copied_bytes += row.end - row.first;
        uint32_t left = (uint32_t)(row.first / BYTES_PER_PIXEL);
        uint32_t right = (uint32_t)((row.end + BYTES_PER_PIXEL - 1) / BYTES_PER_PIXEL);
        damage_add(gpu, index, &damage, &(struct rect){rect->x + left, y, right - left, 1});
    }
    damage_tell(gpu, index, &damage);
}

/* The one that was shown longest ago, as the scanout's; made when there is none yet. */
static bool
shadow_take_spare(struct gpu *gpu, struct scanout *scanout)
{
    struct shadow *spare = scanout->spare;
    struct shadow next = spare[0];
    const size_t last = ARRAY_SIZE(scanout->spare) - 1;

    if (next.size == 0) {
        if (shadow_create(gpu, scanout->shadow.width, scanout->shadow.height, &next) < 0) {
            return false;
        }
        next.stale = (struct rect){0, 0, next.width, next.height};
    }
    memmove(spare, spare + 1, last * sizeof(*spare));
    spare[last] = scanout->shadow;
    scanout->shadow = next;
    return true;
}

void
shadow_flip(struct gpu *gpu, uint32_t index, const struct rect *rect)
{
    struct scanout *scanout = &gpu->scanouts[index];
    struct shadow *shadow = &scanout->shadow;

    if (scanout->busy >= GPU_FLIP_BUFFERS) {
        scanout->waiting = rect_union(&scanout->waiting, rect);
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(scanout->spare); i++) {
        scanout->spare[i].stale = rect_union(&scanout->spare[i].stale, rect);
    }
    shadow->stale = rect_union(&shadow->stale, rect);
    if (!shadow_take_spare(gpu, scanout)) {
        shadow_update(gpu, index, rect);
        shadow->stale = (struct rect){0};
        return;
    }
    if (shadow_copy(gpu, scanout, &shadow->stale)) {
        shadow->stale = (struct rect){0};
    }
    gpu->counters.damaged_pixels += (uint64_t)rect->width * rect->height;
    const struct link_scanout shown = shadow_shown(scanout);
    scanout->busy++;
    display_link_set_scanout(gpu->link, index, &shown);
}
