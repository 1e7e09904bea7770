/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Rectangles of pixels. All sums are taken in 64 bits: the fields come from the guest. */

#include <stdbool.h>
#include <stdint.h>

#include "vmm/base/bytes.h"

struct rect {
    uint32_t x;
    uint32_t y;
    uint32_t width;
    uint32_t height;
};

static inline bool
rect_empty(const struct rect *r)
{
    return r->width == 0 || r->height == 0;
}

static inline bool
rect_equal(const struct rect *a, const struct rect *b)
{
    return a->x == b->x && a->y == b->y && a->width == b->width && a->height == b->height;
}

/* True when `r` lies inside an area of width x height pixels. */
static inline bool
rect_inside(const struct rect *r, uint32_t width, uint32_t height)
{
    return range_inside(r->x, r->width, width) && range_inside(r->y, r->height, height);
}

/* The common part; all zeros when there is none. */
static inline struct rect
rect_intersect(const struct rect *a, const struct rect *b)
{
    uint64_t left = MAX_OF(a->x, b->x);
    uint64_t top = MAX_OF(a->y, b->y);
    uint64_t right = MIN_OF((uint64_t)a->x + a->width, (uint64_t)b->x + b->width);
    uint64_t bottom = MIN_OF((uint64_t)a->y + a->height, (uint64_t)b->y + b->height);

    if (right <= left || bottom <= top) {
        return (struct rect){0};
    }
    return (struct rect){(uint32_t)left, (uint32_t)top, (uint32_t)(right - left),
                         (uint32_t)(bottom - top)};
}

/* The smallest rectangle around both; an empty one does not count. Both must end below 2^32. */
static inline struct rect
rect_union(const struct rect *a, const struct rect *b)
{
    if (rect_empty(a)) {
        return *b;
    }
    if (rect_empty(b)) {
        return *a;
    }
    uint32_t left = MIN_OF(a->x, b->x);
    uint32_t top = MIN_OF(a->y, b->y);
    uint32_t right = MAX_OF(a->x + a->width, b->x + b->width);
    uint32_t bottom = MAX_OF(a->y + a->height, b->y + b->height);
    return (struct rect){left, top, right - left, bottom - top};
}
