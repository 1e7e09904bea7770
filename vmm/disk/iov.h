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
