/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What kind of image a disk is, and the files that it names. The kind comes from the user (`format`, or
 * the name's ending), never from the content, which a guest may have written. Files that an image names
 * are opened here, for reading, and only where docs/threat-model.md says.
 */

#include "vmm/config/machine-config.h"
#include "vmm/supervisor/failure.h"
#include "vmm/supervisor/resources.h"

/*
 * disk->fd is open and locked: find its format, its size as the guest sees it, and what lies behind it.
 * `has_path` is false where the file came as a descriptor: an image that names others is refused then.
 * 0, or -1 with *failure set.
 */
int images_complete(const struct block_config *block, bool has_path, struct disk_resource *disk,
                    struct failure *failure);
/* Close all files of a disk. */
void images_close(struct disk_resource *disk);
