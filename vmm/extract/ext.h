/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* libext2fs on a part of a disk of ours, for reading. */

#include <ext2fs/ext2fs.h>

#include "vmm/extract/partitions.h"

/* The file system in it, for ext2fs_free(); NULL when there is none that can be read. Both must outlive it. */
ext2_filsys ext_open(struct disk *disk, const struct partition *partition);
