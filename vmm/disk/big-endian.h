/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Big-endian access to unaligned bytes, as in qcow2 images. */

#include <endian.h>
#include <stdint.h>
#include <string.h>

static inline uint32_t
load_be32(const void *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof(v));
    return be32toh(v);
}

static inline uint64_t
load_be64(const void *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof(v));
    return be64toh(v);
}

static inline void
store_be32(void *p, uint32_t v)
{
    v = htobe32(v);
    memcpy(p, &v, sizeof(v));
}

static inline void
store_be64(void *p, uint64_t v)
{
    v = htobe64(v);
    memcpy(p, &v, sizeof(v));
}
