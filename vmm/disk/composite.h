/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A disk that is made of other disks, one behind the other. A part that is read-only refuses what is
 * written to it, with -EROFS, and keeps its content where it is discarded. It cannot grow.
 */

#include "vmm/disk/disk.h"

enum {
    COMPOSITE_DISKS_MAX = 24
};

/* The next part of the disk: `length` bytes of another disk, from its byte `from` on. */
struct composite_slice {
    struct disk *disk;
    uint64_t from;
    uint64_t length; /* not 0 */
    bool read_only;
};

/*
 * 0 and *ret_disk, which owns the disks of all slices then; they stay the caller's else. -EINVAL when
 * there are none or too many, or one is not inside of its disk; -ENOMEM.
 */
int composite_open(const struct composite_slice *slices, size_t n, struct disk **ret_disk);
