/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * virtio-blk (virtio 1.2 section 5.2), one queue: read, write, flush, discard, write-zeroes and
 * get-id on a disk (vmm/disk). Requests are done one after the other, data goes between the file and the
 * guest's buffers without a copy. A driver without VIRTIO_BLK_F_FLUSH gets a write-through disk.
 *
 * With BLOCK_WAITS_FOR_ROOM a request for which the host has no room is kept, and so is all that comes
 * behind it, in the guest's ring, until block_retry(). As requests are done one after the other there is
 * one at most. A reset of the device, or of the queue, forgets it.
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
/*
 * Called once when a request begins to wait for room, with -ENOSPC or -EDQUOT; or with -DISK_BYTES_LOST when
 * one has failed, for want of room, that no second try can mend, and all behind it waits. Not again
 * before block_retry().
 */
typedef void (*block_full_fn)(void *data, int error);
void block_on_full(struct block *block, block_full_fn full, void *data);
/*
 * Do the request that waits, and go on. 0, also when none does; -ENOSPC or -EDQUOT: it waits on;
 * -DISK_BYTES_LOST: it has failed, and all behind it waits on.
 */
int block_retry(struct block *block);
void block_destroy(struct block *block);
CLEANUP_DEFINE(struct block, block_destroy)
