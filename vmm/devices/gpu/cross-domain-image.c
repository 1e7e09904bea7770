/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Where the pixels of an image lie that a guest draws and a compositor maps or imports. */

#include <errno.h>

#include "vmm/base/bytes.h"
#include "vmm/devices/gpu/cross-domain-private.h"
#include "vmm/devices/gpu/dmabuf.h"

#define FOURCC(a, b, c, d) \
    ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)

enum {
    MAP_CACHED = 1 /* virtio 1.2 section 5.7.6.10, map_info */
};

struct plane {
    uint8_t bytes; /* of a sample */
    uint8_t divide_x;
    uint8_t divide_y;
};

/* DRM fourccs with the planes in memory order. */
static const struct layout {
    uint32_t fourcc;
    uint32_t n_planes;
    struct plane plane[3];
} layouts[] = {
    {FOURCC('R', '8', ' ', ' '), 1, {{1, 1, 1}}},
    {FOURCC('G', 'R', '8', '8'), 1, {{2, 1, 1}}},
    {FOURCC('R', 'G', '1', '6'), 1, {{2, 1, 1}}},
    {FOURCC('R', 'G', '2', '4'), 1, {{3, 1, 1}}},
    {FOURCC('B', 'G', '2', '4'), 1, {{3, 1, 1}}},
    {FOURCC('X', 'R', '2', '4'), 1, {{4, 1, 1}}},
    {FOURCC('A', 'R', '2', '4'), 1, {{4, 1, 1}}},
    {FOURCC('X', 'B', '2', '4'), 1, {{4, 1, 1}}},
    {FOURCC('A', 'B', '2', '4'), 1, {{4, 1, 1}}},
    {FOURCC('X', 'R', '3', '0'), 1, {{4, 1, 1}}},
    {FOURCC('A', 'R', '3', '0'), 1, {{4, 1, 1}}},
    {FOURCC('X', 'B', '3', '0'), 1, {{4, 1, 1}}},
    {FOURCC('A', 'B', '3', '0'), 1, {{4, 1, 1}}},
    {FOURCC('A', 'B', '4', 'H'), 1, {{8, 1, 1}}},
    {FOURCC('X', 'B', '4', 'H'), 1, {{8, 1, 1}}},
    {FOURCC('N', 'V', '1', '2'), 2, {{1, 1, 1}, {2, 2, 2}}},
    {FOURCC('Y', 'V', '1', '2'), 3, {{1, 1, 1}, {1, 2, 2}, {1, 2, 2}}},
};

static const struct layout *
layout_find(uint32_t fourcc)
{
    for (size_t i = 0; i < ARRAY_SIZE(layouts); i++) {
        if (layouts[i].fourcc == fourcc) {
            return &layouts[i];
        }
    }
    return NULL;
}

int
cross_image_layout(const struct cross_get_image *request, bool dmabuf,
                   struct cross_image *ret_image)
{
    const struct layout *layout = layout_find(le32toh(request->fourcc));
    const uint32_t width = le32toh(request->width);
    const uint32_t height = le32toh(request->height);
    const uint64_t row_unit = dmabuf ? DMABUF_ROW : 1;
    const uint64_t max = dmabuf ? CROSS_DMABUF_MAX : CROSS_IMAGE_MAX;
    struct cross_image image = {
        .map_info = htole32(MAP_CACHED),
        .memory_index = (int32_t)htole32(UINT32_MAX),
        .device_index = (int32_t)htole32(UINT32_MAX),
    };
    uint64_t size = 0;

    if (!layout || width == 0 || height == 0) {
        return -EINVAL;
    }
    for (uint32_t i = 0; i < layout->n_planes; i++) {
        const struct plane *plane = &layout->plane[i];
        uint64_t stride = ((uint64_t)width + plane->divide_x - 1) / plane->divide_x * plane->bytes;
        uint64_t rows = ((uint64_t)height + plane->divide_y - 1) / plane->divide_y;

        /* wl_shm pools have 31 bits */
        stride = align_up(stride, row_unit);
        if (stride > max || stride * rows > max - size) {
            return -EINVAL;
        }
        image.strides[i] = htole32((uint32_t)stride);
        image.offsets[i] = htole32((uint32_t)size);
        size += stride * rows;
    }
    size = align_up(size, CROSS_PAGE_SIZE);
    image.size = htole64(size);
    image.blob_id = htole32(CROSS_IMAGE_BASE | (dmabuf ? CROSS_IMAGE_IS_DMABUF : 0) |
                            (uint32_t)(size / CROSS_PAGE_SIZE));
    *ret_image = image;
    return 0;
}

bool
cross_image_find(const struct cross_domain *domain, uint32_t id, uint64_t *ret_size,
                 bool *ret_dmabuf)
{
    const bool dmabuf = id & CROSS_IMAGE_IS_DMABUF;
    const uint64_t size =
        (uint64_t)(id & ~(CROSS_IMAGE_BASE | CROSS_IMAGE_IS_DMABUF)) * CROSS_PAGE_SIZE;

    if (!(id & CROSS_IMAGE_BASE) || size == 0 || (dmabuf && !domain->makes_dmabufs) ||
        size > (dmabuf ? (uint64_t)CROSS_DMABUF_MAX : (uint64_t)CROSS_IMAGE_MAX)) {
        return false;
    }
    *ret_size = size;
    *ret_dmabuf = dmabuf;
    return true;
}
