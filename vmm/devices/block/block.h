/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * virtio-blk (virtio 1.2 section 5.2), one queue: read, write, flush, discard, write-zeroes and
 * get-id on a disk (vmm/disk). Requests are done one after the other, data goes between the file and the
 * guest's buffers without a copy. A driver without VIRTIO_BLK_F_FLUSH gets a write-through disk.
 */

#include "vmm/base/loop.h"
#include "vmm/protocol/device.h"

struct block;

/*
 * Serve the front end on setup->device.vhost_fd (taken over) with setup->disk_fd (stays the
 * caller's). 0 and *ret_block, or -errno: what images_open() says about the disk.
 */
int block_create(struct loop *loop, const struct block_setup *setup, struct block **ret_block);
/*
 * Make the disk longer, and tell the driver. 0; -EINVAL when `size` (bytes) is less than now or not whole
 * blocks; or what disk_grow() says.
 */
int block_resize(struct block *block, uint64_t size);
void block_destroy(struct block *block);
CLEANUP_DEFINE(struct block, block_destroy)
