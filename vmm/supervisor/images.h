/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What kind of image a disk is, and the files that it names. The kind comes from the user (`format`, or
 * the name's ending), never from the content, which a guest may have written. Files that an image names
 * are opened here, and only where docs/threat-model.md says.
 */

#include "vmm/config/machine-config.h"
#include "vmm/supervisor/failure.h"
#include "vmm/supervisor/resources.h"

/* The format that the configuration says (enum block_format), or the name does: before it is opened. */
uint32_t images_format(const struct block_config *block, bool has_path);
uint32_t images_format_of_name(const char *path);
/*
 * disk->fd is open and locked: find its format, its size as the guest sees it, and what lies behind it.
 * `has_path` is false where the file came as a descriptor: an image that names others is refused then.
 * 0, or -1 with *failure set.
 */
int images_complete(const struct block_config *block, bool has_path, struct disk_resource *disk,
                    struct failure *failure);
/*
 * sparse=false: every block of a raw disk, and of what may be written of a composite one, gets its place on
 * the host's disk now. A qcow2 image grows all the same. 0, or -1 with *failure set.
 */
int images_fill(const struct block_config *block, const struct disk_resource *disk,
                struct failure *failure);
/* The path of a file that an image names, seen from here; the caller's. */
char *images_path_of(const char *image, const char *name);
/* Open it beneath the image's own folder; links out of it do not count. Descriptor, or -errno. */
int images_open_beneath(const char *image, const char *name, int flags);
/* Close all files of a disk. */
void images_close(struct disk_resource *disk);
