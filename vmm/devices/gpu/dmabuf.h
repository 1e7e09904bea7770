/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The pages of a memory file as a dmabuf, which a compositor shows without a copy of its own
 * (udmabuf, include/uapi/linux/udmabuf.h). They stay in memory as long as anybody holds it.
 */

#include <stdint.h>

enum {
    DMABUF_ROW = 256,  /* bytes: graphics cards want linear rows to be multiples of this */
    DMABUF_PAGE = 4096 /* whole ones, of files that hold the last one wholly too */
};

/*
 * `device` is /dev/udmabuf, or -1: -ENODEV. The first `size` bytes of `memory`, a memfd sealed against
 * shrinking, rounded up to whole pages. A descriptor for the caller, or -errno: there is none then,
 * which is no failure (the host has limits: 64 MiB each by default).
 */
int dmabuf_create(int device, int memory, uint64_t size);
