/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One request of virtio-blk: from the chain's header to its status byte. */

#include "vmm/base/log.h"
#include "vmm/disk/disk.h"
#include "vmm/virtio/queue.h"

/* Limits that config space tells the driver. Zeroes may have to be written, so they are fewer. */
enum {
    REQUEST_SECTOR_SIZE = 512,
    REQUEST_DISCARD_SECTORS_MAX = 1 << 21,
    REQUEST_DISCARD_SEGMENTS_MAX = 64,
    REQUEST_ZEROES_SECTORS_MAX = 1 << 15,
};

struct request_disk {
    struct disk *disk;
    uint64_t n_sectors;
    bool read_only;
    bool write_through;  /* each write is flushed before it is done */
    bool waits_for_room; /* without room on the host a request is not done, nor failed */
    char serial[20];
    uint64_t features; /* offered; what is not among them is unsupported */
    bool full_reported;
    bool lost; /* set when a request ended with -DISK_BYTES_LOST; the caller takes it back */
    struct log_limit limit;
};

/*
 * Do the request and write its status. 0, with the bytes written for queue_push(); or -ENOSPC or -EDQUOT
 * for one that waits for room on the host: it has no status, and comes again as if it were new. What of
 * it was done already is then done once more, with the same outcome.
 */
int request_serve(struct request_disk *disk, struct chain *chain, uint32_t *ret_written);
