/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A disk as its user sees it, whatever keeps its bytes: a table of functions. Offsets and lengths are
 * bytes; callers keep them inside the disk (-EINVAL otherwise). A disk is for one thread. System calls
 * used after it was opened: preadv, pwritev, fdatasync, fallocate, ftruncate, and those of malloc().
 */

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#include "vmm/base/cleanup.h"

struct disk;

/*
 * Errno of a disk whose host took bytes and found no room for them later (ENOSPC, EDQUOT), as network file
 * systems and some others do. They are gone, and with them perhaps those of requests before: no second try
 * mends it, the next flush would succeed without them.
 */
enum {
    DISK_BYTES_LOST = EREMOTEIO
};

struct disk_ops {
    ssize_t (*read)(struct disk *disk, const struct iovec *iov, size_t n, uint64_t offset);
    ssize_t (*write)(struct disk *disk, const struct iovec *iov, size_t n, uint64_t offset);
    int (*flush)(struct disk *disk);
    int (*grow)(struct disk *disk, uint64_t size);
    int (*discard)(struct disk *disk, uint64_t offset, uint64_t length);
    int (*write_zeroes)(struct disk *disk, uint64_t offset, uint64_t length, bool unmap);
    void (*close)(struct disk *disk);
};

/* The beginning of every kind's own structure. */
struct disk {
    const struct disk_ops *ops;
    uint64_t size; /* bytes */
};

/* Bytes that were moved, at least one, perhaps fewer than asked (0 only for none asked); or -errno. */
static inline ssize_t
disk_read(struct disk *disk, const struct iovec *iov, size_t n, uint64_t offset)
{
    return disk->ops->read(disk, iov, n, offset);
}

static inline ssize_t
disk_write(struct disk *disk, const struct iovec *iov, size_t n, uint64_t offset)
{
    return disk->ops->write(disk, iov, n, offset);
}

/*
 * Everything written before is on stable storage when this returns 0. -ENOSPC or -EDQUOT only where a
 * second try can mend it, -DISK_BYTES_LOST where it cannot.
 */
static inline int
disk_flush(struct disk *disk)
{
    return disk->ops->flush(disk);
}

/* For kinds of disks. When a flush fails the kernel has dropped bytes, and the next one would succeed. */
static inline int
disk_sync_fd(int fd)
{
    int error = fdatasync(fd) < 0 ? errno : 0;

    return error == ENOSPC || error == EDQUOT ? -DISK_BYTES_LOST : -error;
}

/*
 * Make the disk `size` bytes long; what is new reads as zeros. -EROFS, -EINVAL when it is shorter than
 * now, -EMEDIUMTYPE for what cannot grow, or -errno.
 */
static inline int
disk_grow(struct disk *disk, uint64_t size)
{
    return disk->ops->grow(disk, size);
}

/* A hint: 0 also where nothing can be given back. The range's content is undefined then. */
static inline int
disk_discard(struct disk *disk, uint64_t offset, uint64_t length)
{
    return disk->ops->discard(disk, offset, length);
}

/* The range reads as zeros; with `unmap`, without room on the host where that is possible and wanted. */
static inline int
disk_write_zeroes(struct disk *disk, uint64_t offset, uint64_t length, bool unmap)
{
    return disk->ops->write_zeroes(disk, offset, length, unmap);
}

/* What was written is kept as far as it can be without a flush; the descriptors stay the caller's. */
static inline void
disk_close(struct disk *disk)
{
    if (disk) {
        disk->ops->close(disk);
    }
}
CLEANUP_DEFINE(struct disk, disk_close)
