/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The files that a composite disk is made of: opened here, by the rules of docs/threat-model.md. */

#include "vmm/config/machine-config.h"
#include "vmm/supervisor/failure.h"
#include "vmm/supervisor/resources.h"

/*
 * disk->fd is the open file that names them: open and lock each, and find the disk's size. Parts that the
 * guest may write are opened so unless the disk is read-only. 0, or -1 with *failure set; what was opened
 * is in *disk then too.
 */
int composite_open_parts(const struct block_config *block, struct disk_resource *disk,
                         struct failure *failure);
