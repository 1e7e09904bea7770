/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/guest/wayland-proxy/region.h"

#include <stdbool.h>

#include "vmm/base/bytes.h"

static bool
covers(const struct region_rect *a, const struct region_rect *b)
{
    return a->x0 <= b->x0 && a->y0 <= b->y0 && a->x1 >= b->x1 && a->y1 >= b->y1;
}

static struct region_rect
around(const struct region_rect *a, const struct region_rect *b)
{
    return (struct region_rect){MIN_OF(a->x0, b->x0), MIN_OF(a->y0, b->y0), MAX_OF(a->x1, b->x1),
                                MAX_OF(a->y1, b->y1)};
}

void
region_add(struct region *region, struct region_rect rect)
{
    uint32_t kept = 0;

    if (rect.x0 >= rect.x1 || rect.y0 >= rect.y1) {
        return;
    }
    for (uint32_t i = 0; i < region->n; i++) {
        if (covers(&region->rect[i], &rect)) {
            return;
        }
    }
    for (uint32_t i = 0; i < region->n; i++) {
        if (!covers(&rect, &region->rect[i])) {
            region->rect[kept++] = region->rect[i];
        }
    }
    region->n = kept;
    if (region->n == REGION_RECTS) {
        for (uint32_t i = 0; i < region->n; i++) {
            rect = around(&rect, &region->rect[i]);
        }
        region->n = 0;
    }
    region->rect[region->n++] = rect;
}

void
region_add_all(struct region *region, const struct region *other)
{
    for (uint32_t i = 0; i < other->n; i++) {
        region_add(region, other->rect[i]);
    }
}

struct region_rect
region_everything(void)
{
    return (struct region_rect){0, 0, INT64_C(1) << 40, INT64_C(1) << 40};
}

struct region_rect
region_clip(struct region_rect rect, uint32_t width, uint32_t height)
{
    return (struct region_rect){MAX_OF(rect.x0, 0), MAX_OF(rect.y0, 0), MIN_OF(rect.x1, width),
                                MIN_OF(rect.y1, height)};
}
