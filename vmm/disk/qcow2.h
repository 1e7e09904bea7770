/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A qcow2 image of version 2 or 3 in a file that somebody else opened, its backing file opened as
 * another disk by the caller: names in an image are never followed here.
 *
 * What a process that is killed, or a computer that stops, leaves behind is an image without damage:
 * clusters may be counted that nobody uses, never the other way round. Counters are written before what
 * refers to them; tables of the guest's clusters wait in memory for a flush, which first makes stable
 * what they refer to; what was given up is counted down last.
 */

#include "vmm/disk/disk.h"
#include "vmm/disk/qcow2-header.h"

struct qcow2_setup {
    int fd; /* of a regular file; stays the caller's */
    bool read_only;
    bool sparse;          /* freed clusters may be given back to the host */
    struct disk *backing; /* or NULL; the image's when this succeeds, the caller's else */
    uint64_t cache_bytes; /* for tables; 0: 8 MiB */
};

/*
 * 0 and *ret_disk. What qcow2_header_read() says, with *ret_why; -EINVAL too when the image wants a
 * backing file and none was given, or the other way round; -ENOMEM; -EIO.
 */
int qcow2_open(const struct qcow2_setup *setup, struct disk **ret_disk, const char **ret_why);

struct qcow2_new {
    uint64_t size; /* bytes, a multiple of 512 */
    uint32_t cluster_bits;
    const char *backing;        /* name as it shall stand in the image, or NULL */
    const char *backing_format; /* "raw" or "qcow2"; with `backing` */
};

/* Write an empty image (version 3) to an empty file. 0; -EINVAL for sizes out of range; -errno. */
int qcow2_create(int fd, const struct qcow2_new *new_image);
