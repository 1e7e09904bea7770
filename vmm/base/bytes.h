/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Little-endian and (as in qcow2 images) big-endian access to unaligned bytes, and arithmetic that
 * reports overflow.
 * Everything that reads guest or peer data computes with these.
 */

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MIN_OF(a, b)  ((a) < (b) ? (a) : (b))
#define MAX_OF(a, b)  ((a) > (b) ? (a) : (b))

#define KIB           UINT64_C(1024)
#define MIB           (KIB * 1024)
#define GIB           (MIB * 1024)

static inline uint16_t
load_le16(const void *p)
{
    uint16_t v;
    memcpy(&v, p, sizeof(v));
    return le16toh(v);
}

static inline uint32_t
load_le32(const void *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof(v));
    return le32toh(v);
}

static inline uint64_t
load_le64(const void *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof(v));
    return le64toh(v);
}

static inline void
store_le16(void *p, uint16_t v)
{
    v = htole16(v);
    memcpy(p, &v, sizeof(v));
}

static inline void
store_le32(void *p, uint32_t v)
{
    v = htole32(v);
    memcpy(p, &v, sizeof(v));
}

static inline void
store_le64(void *p, uint64_t v)
{
    v = htole64(v);
    memcpy(p, &v, sizeof(v));
}

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

/* True when a + b, or a * b, fits; *ret is valid only then. */
static inline bool
add_fits(uint64_t a, uint64_t b, uint64_t *ret)
{
    return !__builtin_add_overflow(a, b, ret);
}

static inline bool
mul_fits(uint64_t a, uint64_t b, uint64_t *ret)
{
    return !__builtin_mul_overflow(a, b, ret);
}

/* True when [offset, offset + length) lies inside [0, size); never overflows. */
static inline bool
range_inside(uint64_t offset, uint64_t length, uint64_t size)
{
    return offset <= size && length <= size - offset;
}

/* Round to a power of two; align_up() must be given a value at least `to` below UINT64_MAX. */
static inline uint64_t
align_down(uint64_t v, uint64_t to)
{
    return v & ~(to - 1);
}

static inline uint64_t
align_up(uint64_t v, uint64_t to)
{
    return (v + to - 1) & ~(to - 1);
}
