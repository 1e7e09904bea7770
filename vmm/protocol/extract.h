/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * vmm-extract: takes the kernel and the initrd out of a disk image. Started for one image with 0, 1
 * and 2 /dev/null, 3 a control socket on which it says one thing, its answer, and the descriptors below.
 */

#include <stdint.h>

enum {
    EXTRACT_FD_IMAGE = 4,  /* read-only */
    EXTRACT_FD_KERNEL = 5, /* empty files, to be written */
    EXTRACT_FD_INITRD = 6,
    EXTRACT_FD_COUNT = 7,

    EXTRACT_NAME_SIZE = 128, /* texts, NUL included */
    EXTRACT_ROOT_SIZE = 64,
};

enum extract_status {
    EXTRACT_DONE,
    EXTRACT_NO_JAIL,
    EXTRACT_BAD_IMAGE,  /* it cannot be read as what it is said to be */
    EXTRACT_NO_SYSTEM,  /* no ext2, ext3 or ext4 file system that can be read */
    EXTRACT_NO_KERNEL,  /* none of those has a kernel in its top folder or in /boot */
    EXTRACT_BAD_FILE,   /* the kernel or initrd cannot be read, or is too long */
    EXTRACT_NOT_WRITTEN /* no room */
};

struct extract_result {
    uint32_t status; /* enum extract_status */
    uint32_t has_initrd;
    char kernel[EXTRACT_NAME_SIZE]; /* its name there: “vmlinuz-6.1.0-26-amd64” */
    char root[EXTRACT_ROOT_SIZE]; /* for root=: “PARTUUID=…”, “/dev/vda”; empty: not found */
};
