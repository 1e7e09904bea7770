/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Bytes to load from: a file or memory, so that an ELF kernel is read the same way from both. */

#include <stddef.h>
#include <stdint.h>

enum {
    SOURCE_VIEW_MAX = 4 << 20,
};

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

/* Some of a source where it lies: nothing is copied. */
struct source_view {
    const uint8_t *data;
    void *mapping; /* of a file; or NULL */
    size_t mapped;
};

/*
 * `size` bytes (at most SOURCE_VIEW_MAX) from `offset`, until source_view_end(). -EIO when the source ends early or
 * cannot be read, or -errno. A file that somebody cuts in between ends this process (SIGBUS).
 */
int source_view(const struct source *source, uint64_t offset, uint64_t size,
                struct source_view *ret_view);
void source_view_end(struct source_view *view);
