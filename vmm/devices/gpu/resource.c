/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/devices/gpu/resource.h"

#include <errno.h>
#include <linux/virtio_gpu.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/devices/gpu/dmabuf.h"
#include "vmm/protocol/gpu.h"

uint32_t
resource_fourcc(uint32_t virtio_format)
{
    switch (virtio_format) {
    case VIRTIO_GPU_FORMAT_B8G8R8A8_UNORM:
        return GPU_FORMAT_AR24;
    case VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM:
        return GPU_FORMAT_XR24;
    case VIRTIO_GPU_FORMAT_R8G8B8A8_UNORM:
        return GPU_FORMAT_AB24;
    case VIRTIO_GPU_FORMAT_R8G8B8X8_UNORM:
        return GPU_FORMAT_XB24;
    default:
        return 0;
    }
}

bool
resource_is_shown_format(uint32_t fourcc)
{
    return fourcc == GPU_FORMAT_AR24 || fourcc == GPU_FORMAT_XR24 || fourcc == GPU_FORMAT_AB24 ||
           fourcc == GPU_FORMAT_XB24;
}

void
resource_table_init(struct resource_table *table, uint64_t limit)
{
    *table = (struct resource_table){.limit = limit};
    for (unsigned int i = 0; i < RESOURCE_BUCKETS; i++) {
        list_init(&table->buckets[i]);
    }
}

int
resource_table_charge(struct resource_table *table, uint64_t bytes)
{
    if (bytes > table->limit - table->used) {
        return -ENOMEM;
    }
    table->used += bytes;
    return 0;
}

void
resource_table_refund(struct resource_table *table, uint64_t bytes)
{
    table->used -= bytes;
}

struct resource *
resource_find(const struct resource_table *table, uint32_t id)
{
    list_for_each(link, &table->buckets[id % RESOURCE_BUCKETS]) {
        struct resource *resource = list_container(link, struct resource, link);
        if (resource->id == id) {
            return resource;
        }
    }
    return NULL;
}

static int
resource_add(struct resource_table *table, uint32_t id, struct resource **ret_resource)
{
    if (id == 0) {
        return -EINVAL;
    }
    if (resource_find(table, id)) {
        return -EEXIST;
    }
    if (table->count >= RESOURCES_MAX) {
        return -ENOMEM;
    }
    struct resource *resource = calloc(1, sizeof(*resource));
    if (!resource) {
        return -ENOMEM;
    }
    resource->id = id;
    resource->fd = -1;
    list_append(&table->buckets[id % RESOURCE_BUCKETS], &resource->link);
    table->count++;
    *ret_resource = resource;
    return 0;
}

/* Sealed memory for the pixels; the size is already charged. */
static int
resource_make_pixels(struct resource *resource)
{
    resource->fd = fd_memory_file("vitrine-resource", align_up(resource->size, DMABUF_PAGE));
    if (resource->fd < 0) {
        return -ENOMEM;
    }
    void *pixels = mmap(NULL, resource->size, PROT_READ | PROT_WRITE, MAP_SHARED, resource->fd, 0);
    if (pixels == MAP_FAILED) {
        return -ENOMEM;
    }
    resource->pixels = pixels;
    return 0;
}

int
resource_create_2d(struct resource_table *table, uint32_t id, uint32_t virtio_format,
                   uint32_t width, uint32_t height)
{
    struct resource *resource;
    uint32_t fourcc = resource_fourcc(virtio_format);

    if (fourcc == 0 || width == 0 || height == 0 || width > GPU_EDGE_MAX || height > GPU_EDGE_MAX) {
        return -EINVAL;
    }
    if (table->count_2d >= RESOURCES_2D_MAX) {
        return -ENOMEM;
    }
    /* One row more: who maps a part at the lower right edge maps whole rows. */
    uint64_t size = (uint64_t)width * (height + 1) * BYTES_PER_PIXEL;
    int r = resource_table_charge(table, size);
    if (r < 0) {
        return r;
    }
    r = resource_add(table, id, &resource);
    if (r < 0) {
        resource_table_refund(table, size);
        return r;
    }
    resource->size = size;
    resource->width = width;
    resource->height = height;
    resource->format = fourcc;
    resource->texture.format = virtio_format;
    table->count_2d++;
    r = resource_make_pixels(resource);
    if (r < 0) {
        resource_destroy(table, resource);
        return r;
    }
    return 0;
}

int
resource_create_blob(struct resource_table *table, uint32_t id, uint64_t size,
                     struct backing *backing)
{
    struct resource *resource;
    int r = resource_table_charge(table, backing_cost(backing));

    if (r < 0) {
        return r;
    }
    r = size ? resource_add(table, id, &resource) : -EINVAL;
    if (r < 0) {
        resource_table_refund(table, backing_cost(backing));
        return r;
    }
    resource->kind = RESOURCE_BLOB;
    resource->size = size;
    resource->backing = backing;
    return 0;
}

int
resource_create_texture(struct resource_table *table, uint32_t id,
                        const struct renderer_texture *texture, uint64_t size,
                        struct resource **ret_resource)
{
    int r = resource_table_charge(table, size);

    if (r < 0) {
        return r;
    }
    r = resource_add(table, id, ret_resource);
    if (r < 0) {
        resource_table_refund(table, size);
        return r;
    }
    struct resource *resource = *ret_resource;
    resource->kind = RESOURCE_TEXTURE;
    resource->size = size;
    resource->texture = *texture;
    resource->width = texture->width;
    resource->height = texture->height;
    if (texture->target == TEXTURE_2D || texture->target == TEXTURE_RECT) {
        resource->format = resource_fourcc(texture->format);
    }
    return 0;
}

int
resource_create_host_blob(struct resource_table *table, uint32_t id, uint64_t size,
                          struct resource **ret_resource)
{
    int r = resource_add(table, id, ret_resource);

    if (r == 0) {
        (*ret_resource)->kind = RESOURCE_HOST_BLOB;
        (*ret_resource)->size = size;
    }
    return r;
}

int
resource_attach(struct resource_table *table, struct resource *resource, struct backing *backing)
{
    if (resource->backing) {
        return -EBUSY;
    }
    int r = resource_table_charge(table, backing_cost(backing));
    if (r < 0) {
        return r;
    }
    resource->backing = backing;
    return 0;
}

void
resource_detach(struct resource_table *table, struct resource *resource)
{
    if (resource->backing) {
        if (resource->renderer) {
            resource->renderer->ops->detach_pages(resource->renderer, resource->id);
        }
        resource_table_refund(table, backing_cost(resource->backing));
        backing_destroy(resource->backing);
        resource->backing = NULL;
        free(resource->recorded);
        resource->recorded = NULL;
    }
}

void
resource_leave_renderer(struct resource_table *table, struct resource *resource)
{
    struct renderer *renderer = resource->renderer;

    if (resource->backing) {
        renderer->ops->detach_pages(renderer, resource->id);
    }
    renderer->ops->destroy_resource(renderer, resource->id);
    resource->renderer = NULL;
    if (resource->kind == RESOURCE_TEXTURE) {
        resource_table_refund(table, resource->size);
        resource->size = 0;
    }
}

void
resource_destroy(struct resource_table *table, struct resource *resource)
{
    resource_detach(table, resource);
    if (resource->renderer) {
        resource->renderer->ops->destroy_resource(resource->renderer, resource->id);
    }
    list_remove(&resource->link);
    table->count--;
    table->count_2d -= resource->kind == RESOURCE_2D;
    if (resource->kind == RESOURCE_2D || resource->kind == RESOURCE_TEXTURE) {
        resource_table_refund(table, resource->size);
    }
    resource_table_refund(table, resource->charged);
    if (resource->pixels) {
        munmap(resource->pixels, resource->size);
    }
    fd_closep(&resource->fd);
    free(resource);
}

void
resource_fill(struct resource *resource, const struct guest_memory *memory)
{
    const uint64_t row = (uint64_t)resource->width * BYTES_PER_PIXEL;

    if (resource->unfilled) {
        resource->unfilled = false;
        backing_copy(resource->backing, memory, 0, resource->pixels,
                     MIN_OF(backing_size(resource->backing) / row, (uint64_t)resource->height) *
                         row);
    }
}

int
resource_transfer(struct resource *resource, const struct guest_memory *memory,
                  const struct rect *rect, uint64_t offset)
{
    uint64_t stride = (uint64_t)resource->width * BYTES_PER_PIXEL;
    uint64_t row = (uint64_t)rect->width * BYTES_PER_PIXEL;
    uint64_t end;

    if (resource->kind != RESOURCE_2D || !rect_inside(rect, resource->width, resource->height)) {
        return -EINVAL;
    }
    if (!resource->backing) {
        return -ENXIO;
    }
    if (rect_empty(rect)) {
        return 0;
    }
    uint8_t *to = resource->pixels + rect->y * stride + (uint64_t)rect->x * BYTES_PER_PIXEL;
    uint64_t length = (rect->height - 1) * stride + row;
    if (!add_fits(offset, length, &end) || end > backing_size(resource->backing)) {
        return -EINVAL;
    }
    if (rect->height < resource->height || row < stride) {
        resource_fill(resource, memory);
    }
    resource->unfilled = false;
    if (row == stride) {
        return backing_copy(resource->backing, memory, offset, to, length) ? 0 : -EINVAL;
    }
    for (uint32_t y = 0; y < rect->height; y++) {
        if (!backing_copy(resource->backing, memory, offset, to, row)) {
            return -EINVAL;
        }
        to += stride;
        offset += stride;
    }
    return 0;
}
