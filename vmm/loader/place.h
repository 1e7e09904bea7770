/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Bytes into guest memory. New memory is all zeros: pages of zeros, almost half of a kernel, are left as they are
 * and take no memory of the host's; the others are written through the memory's file, whose pages the kernel does
 * not clear when all of them is written.
 */

#include <stdbool.h>
#include <stdint.h>

#include "vmm/loader/loader.h"
#include "vmm/loader/source.h"

struct place {
    const struct loader_ram *ram;
    uint8_t *to; /* as loader_ram_range() gave it for all that is placed there */
    bool fresh;  /* nothing was placed there before */
};

/* `size` bytes of the source from `offset`. 0, -EIO when the source ends early or cannot be read, or -errno. */
int place_bytes(const struct place *place, const struct source *source, uint64_t offset,
                uint64_t size);

/* `size` zeros, `after` bytes later. */
void place_zeros(const struct place *place, uint64_t after, uint64_t size);
