/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The kernel that an image would start with: the newest in /boot, or at the top of a file system of its own. */

#include "vmm/disk/disk.h"
#include "vmm/protocol/extract.h"

/* Writes both files to the descriptors; fills in the whole result. */
void boot_extract(struct disk *disk, int kernel_fd, int initrd_fd, struct extract_result *result);
