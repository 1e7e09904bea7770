/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A raw disk image: a regular file or a block device that somebody else opened. Offsets and lengths
 * are bytes; callers keep them inside the disk (-EINVAL otherwise). System calls used after
 * raw_open(): preadv, pwritev, fdatasync, fallocate, ftruncate.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "vmm/base/cleanup.h"

struct raw;

struct raw_setup {
    int fd;        /* stays the caller's */
    uint64_t size; /* of the disk; the file must be at least that long */
    bool read_only;
    bool sparse; /* holes may be punched */
};

/*
 * 0 and *ret_raw. -EINVAL for a descriptor that is neither a file nor a block device, or too short;
 * -EACCES when it is not open for reading, or not for writing although the disk is writable.
 */
int raw_open(const struct raw_setup *setup, struct raw **ret_raw);
void raw_close(struct raw *raw);
CLEANUP_DEFINE(struct raw, raw_close)

/* Bytes that preadv(2) or pwritev(2) moved, perhaps fewer than asked; 0 at the end; -errno. */
ssize_t raw_read(struct raw *raw, const struct iovec *iov, size_t n, uint64_t offset);
ssize_t raw_write(struct raw *raw, const struct iovec *iov, size_t n, uint64_t offset);
/* Everything written before is on stable storage when this returns 0. */
int raw_flush(struct raw *raw);
/*
 * Make the disk `size` bytes long; what is new reads as zeros, and has room on the host unless the disk
 * is sparse. -EROFS, -EINVAL when it is shorter than now, -EMEDIUMTYPE for what is not a file, or -errno.
 */
int raw_grow(struct raw *raw, uint64_t size);
/* A hint: 0 also where holes are impossible or not wanted. The range's content is undefined then. */
int raw_discard(struct raw *raw, uint64_t offset, uint64_t length);
/* The range reads as zeros; with `unmap`, by a hole where that is possible and wanted. */
int raw_write_zeroes(struct raw *raw, uint64_t offset, uint64_t length, bool unmap);
