/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Lists of buffers; private to vmm/disk. */

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "vmm/base/bytes.h"

enum {
    DISK_IOV_MAX = 128
};

/* The first `size` bytes of a list in *to, which has DISK_IOV_MAX places. Returns how many it takes. */
static inline size_t
iov_cut(struct iovec *to, const struct iovec *from, size_t n, uint64_t size)
{
    size_t i = 0;

    for (; i < n && i < DISK_IOV_MAX && size > 0; i++) {
        to[i].iov_base = from[i].iov_base;
        to[i].iov_len = (size_t)MIN_OF((uint64_t)from[i].iov_len, size);
        size -= to[i].iov_len;
    }
    return i;
}

/* Bytes that the buffers which iov_cut() would look at have room for. */
static inline uint64_t
iov_size(const struct iovec *iov, size_t n)
{
    uint64_t size = 0;

    for (size_t i = 0; i < n && i < DISK_IOV_MAX; i++) {
        size += iov[i].iov_len;
    }
    return size;
}
