/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What of a buffer changed: a few rectangles, which grow into one when they are too many. */

#include <stdint.h>

enum {
    REGION_RECTS = 16
};

/* Half-open; empty when x0 >= x1 or y0 >= y1. */
struct region_rect {
    int64_t x0, y0, x1, y1;
};

struct region {
    uint32_t n;
    struct region_rect rect[REGION_RECTS];
};

/* Any words of a client; an empty rectangle adds nothing. */
void region_add(struct region *region, struct region_rect rect);
void region_add_all(struct region *region, const struct region *other);
/* All pixels, whatever the size. */
struct region_rect region_everything(void);
/* The part inside width * height. */
struct region_rect region_clip(struct region_rect rect, uint32_t width, uint32_t height);
