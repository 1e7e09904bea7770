/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The partitions of a disk: GPT (UEFI specification 2.10, chapter 5), else the four of an MBR. */

#include "vmm/disk/disk.h"

enum {
    PARTITIONS_MAX = 128,
    PARTITION_ROOT_SIZE = 64,
};

/* A part of the disk that lies inside it. */
struct partition {
    uint64_t offset; /* bytes */
    uint64_t length;
    char root[PARTITION_ROOT_SIZE]; /* what the kernel calls it after “root=” */
};

/* In the table's order; a disk without a table is one, the whole. 0 when it cannot be read. */
size_t partitions_read(struct disk *disk, struct partition partition[PARTITIONS_MAX]);

/* `size` bytes at `offset`, all of them. 0 or -errno. */
int disk_read_all(struct disk *disk, void *to, size_t size, uint64_t offset);
