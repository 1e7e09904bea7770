/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/devices/gpu/cursor.h"

#include <errno.h>
#include <string.h>

#include "vmm/devices/gpu/texture.h"

static int
read_image(struct gpu *gpu, struct resource *resource, struct link_cursor *cursor)
{
    const struct rect all = {0, 0, GPU_CURSOR_SIZE, GPU_CURSOR_SIZE};

    if (resource->kind == RESOURCE_HOST_BLOB) {
        return -EINVAL;
    }
    if (resource->kind == RESOURCE_BLOB) {
        if (resource->size < sizeof(cursor->pixels) ||
            !backing_copy(resource->backing, backend_memory(gpu->backend), 0, cursor->pixels,
                          sizeof(cursor->pixels))) {
            return -EINVAL;
        }
        gpu->counters.copied_bytes += sizeof(cursor->pixels);
        return 0;
    }
    if (resource->width != GPU_CURSOR_SIZE || resource->height != GPU_CURSOR_SIZE ||
        resource->format == 0 || resource_is_lost(resource)) {
        return -EINVAL;
    }
    if (resource->renderer) {
        return texture_read(gpu, resource, &all, cursor->pixels, GPU_CURSOR_SIZE * BYTES_PER_PIXEL);
    }
    resource_fill(resource, backend_memory(gpu->backend));
    memcpy(cursor->pixels, resource->pixels, sizeof(cursor->pixels));
    return 0;
}

int
cursor_update(struct gpu *gpu, uint32_t scanout, uint32_t resource_id, uint32_t hot_x,
              uint32_t hot_y)
{
    struct link_cursor *cursor = &gpu->cursor;

    if (scanout >= gpu->n_scanouts) {
        return -ERANGE;
    }
    if (resource_id == 0) {
        memset(cursor, 0, sizeof(*cursor));
        display_link_set_cursor(gpu->link, scanout, cursor);
        return 0;
    }
    struct resource *resource = resource_find(&gpu->resources, resource_id);
    if (!resource) {
        return -ENOENT;
    }
    if (hot_x >= GPU_CURSOR_SIZE || hot_y >= GPU_CURSOR_SIZE) {
        return -EINVAL;
    }
    cursor->visible = 1;
    cursor->hot_x = hot_x;
    cursor->hot_y = hot_y;
    int r = read_image(gpu, resource, cursor);
    if (r < 0) {
        return r;
    }
    display_link_set_cursor(gpu->link, scanout, cursor);
    return 0;
}

int
cursor_move(struct gpu *gpu, uint32_t scanout, uint32_t x, uint32_t y)
{
    if (scanout >= gpu->n_scanouts) {
        return -ERANGE;
    }
    display_link_move_cursor(gpu->link, scanout, x, y);
    return 0;
}

void
cursor_reset(struct gpu *gpu)
{
    for (uint32_t i = 0; i < gpu->n_scanouts; i++) {
        cursor_update(gpu, i, 0, 0, 0);
    }
}
