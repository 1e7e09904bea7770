/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The file that says which files a composite disk is made of: the word “composite_disk”, the byte 0x1d,
 * then one protocol buffer message (crosvm's cdisk_spec.proto, version 2): the disk's length, and for
 * each part a path, its place in the disk, its place in its file, and whether it may be written. Read
 * from bytes and checked, without opening or following anything.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    COMPOSITE_PARTS_MAX = 24,
    COMPOSITE_NAME_SIZE = 1024, /* of a part's file, NUL included */
    COMPOSITE_SPEC_BYTES_MAX = 65536,
};

struct composite_part {
    uint64_t offset;      /* in the disk, bytes */
    uint64_t length;      /* never 0; up to the next part, or to the end of the disk */
    uint64_t file_offset; /* where it begins in its file */
    bool writable;
    char path
        [COMPOSITE_NAME_SIZE]; /* without control characters; relative: from the spec's own folder */
};

struct composite_spec {
    uint64_t length;                                 /* of the disk, bytes; at most INT64_MAX */
    size_t n_parts;                                  /* at least 1 */
    struct composite_part part[COMPOSITE_PARTS_MAX]; /* in the order of offsets, without a gap */
};

/* True when the bytes begin as such a file does. */
bool composite_magic(const uint8_t *bytes, size_t size);

/*
 * Read a whole file. 0; -EINVAL for what is damaged, -EOPNOTSUPP for what is not supported; then *ret_why
 * (static text) is a clause about the file: “two of its parts begin at the same place”, and *ret_spec is
 * of no use. Every part ends inside of INT64_MAX, in the disk and in its file.
 */
int composite_spec_read(const uint8_t *bytes, size_t size, struct composite_spec *ret_spec,
                        const char **ret_why);

/*
 * Write such a file; lengths of parts are not written, the next part's offset says them. Returns its
 * size, or 0 when `room` is too little.
 */
size_t composite_spec_write(const struct composite_spec *spec, uint8_t *bytes, size_t room);
