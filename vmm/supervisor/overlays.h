/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Files without a name that take what the guest of a disposable machine writes to its disks: an overlay
 * for each writable disk, gone with the last process that holds it, however that ends.
 */

#include <stddef.h>
#include <sys/types.h>

#include "vmm/config/machine-config.h"
#include "vmm/supervisor/failure.h"
#include "vmm/supervisor/resources.h"

struct overlay {
    int fd; /* -1: none yet */
    /* The disk that it is for. */
    dev_t device;
    ino_t inode;
};

/* Of all boots of one `vmm run`: a guest that reboots finds its disks as it left them. */
struct overlays {
    struct overlay of[CONFIG_BLOCKS_MAX];
};

void overlays_init(struct overlays *overlays);
void overlays_close(struct overlays *overlays);
/* Where they are made: $TMPDIR, else /var/tmp. */
const char *overlays_folder(void);
/*
 * *disk is complete and open for reading only: put the overlay of disk `index` before it, a new one or
 * that of the boot before. 0, or -1 with *failure set.
 */
int overlays_put(struct overlays *overlays, size_t index, const struct block_config *block,
                 struct disk_resource *disk, struct failure *failure);
