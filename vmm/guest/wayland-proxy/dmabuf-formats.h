/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The formats of dmabufs that pass, and their layouts: rows that follow each other, in each plane. */

#include <stddef.h>
#include <stdint.h>

#include "vmm/guest/wayland-proxy/session-private.h"

#define MODIFIER_LINEAR  UINT64_C(0)
#define MODIFIER_INVALID UINT64_C(0x00ffffffffffffff) /* whatever the memory itself says */

enum dmabuf_offer {
    OFFERS_LINEAR = 1,
    OFFERS_INVALID = 2,
};

struct dmabuf_format {
    uint32_t fourcc;
    struct plane_shape plane[PLANES_MAX]; /* bytes 0: there is none */
};

extern const struct dmabuf_format dmabuf_formats[DMABUF_FORMATS];

/* Its place in dmabuf_formats, or DMABUF_FORMATS. */
size_t dmabuf_format_find(uint32_t fourcc);
/* Bytes of a row, and rows, of a plane of such a picture; 0 for a plane that it has not. */
uint64_t dmabuf_row(const struct plane_shape *plane, uint32_t width);
uint64_t dmabuf_rows(const struct plane_shape *plane, uint32_t height);
/* 0: a layout that does not pass. */
unsigned int dmabuf_offer_of(uint64_t modifier);
