/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The compressed kernel inside a bzImage: gzip, xz, lzma, bzip2, zstd or lz4 (legacy frames). */

#include <stdint.h>

#include "vmm/loader/source.h"

#define UNPACK_OUTPUT_MAX (UINT64_C(1) << 30) /* LOADER_STORE_MAX */

/*
 * Decompress [offset, offset + length) of `packed`, whose last four bytes tell the unpacked size (the
 * kernel's build appends it where the format has no such field). 0 and *ret_unpacked with memory to
 * be given to unpack_release(); -EOPNOTSUPP for an unknown format, -E2BIG when it claims more than
 * UNPACK_OUTPUT_MAX, -EBADMSG for damaged data, -ENOMEM, or -EIO when the file ends early.
 * With `into_fd`, a memfd of UNPACK_OUTPUT_MAX bytes, that is the memory; -1: memory of our own.
 */
int unpack(const struct source *packed, uint64_t offset, uint64_t length, int into_fd,
           struct source *ret_unpacked);
void unpack_release(struct source *unpacked);
