/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The formats of dmabufs that pass, and their layouts: rows that follow each other, in one plane. */

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
    uint32_t bytes; /* of a pixel */
};

extern const struct dmabuf_format dmabuf_formats[DMABUF_FORMATS];

/* Its place in dmabuf_formats, or DMABUF_FORMATS. */
size_t dmabuf_format_find(uint32_t fourcc);
/* 0: a layout that does not pass. */
unsigned int dmabuf_offer_of(uint64_t modifier);
