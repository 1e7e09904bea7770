/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Bytes to load from: a file or memory, so that an ELF kernel is read the same way from both. */

#include <stdint.h>

struct source {
    const char *name; /* for sentences */
    uint8_t *memory;  /* used when fd is negative */
    uint64_t size;
    int fd;
};

/* A source for the regular file `fd` (stays the caller's). 0, -EISDIR, -EINVAL or -errno. */
int source_open(struct source *source, int fd, const char *name);

/* Copy exactly `size` bytes from `offset`; -EIO when the source ends early. */
int source_read(const struct source *source, uint64_t offset, void *data, uint64_t size);
