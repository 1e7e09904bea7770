/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A raw disk image: a regular file or a block device that somebody else opened. */

#include "vmm/disk/disk.h"

struct raw_setup {
    int fd;        /* stays the caller's */
    uint64_t size; /* of the disk; the file must be at least that long */
    bool read_only;
    bool sparse; /* holes may be punched */
};

/*
 * 0 and *ret_disk. -EINVAL for a descriptor that is neither a file nor a block device, or too short;
 * -EACCES when it is not open for reading, or not for writing although the disk is writable. What is new
 * after disk_grow() has room on the host unless the disk is sparse.
 */
int raw_open(const struct raw_setup *setup, struct disk **ret_disk);
