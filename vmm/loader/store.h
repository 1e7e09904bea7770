/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * An unpacked kernel that is kept for the next boot: the ELF file and struct loader_store_end behind
 * it (vmm/protocol/loader.h). Whether it is still what was put there is checked here; whose it is, and
 * where it lies, is the supervisor's.
 */

#include <stdbool.h>

#include "vmm/loader/source.h"

struct store {
    int stored_fd; /* from an earlier boot, or -1 */
    int fill_fd;   /* a memfd of UNPACK_OUTPUT_MAX bytes to unpack into, or -1 */
    bool is_bad;   /* what is at stored_fd cannot be used */
    uint64_t size; /* of the kernel at fill_fd, when there is one */
    uint32_t sum;
};

/* The kernel at stored_fd as a source; -ENOENT without one, -EBADMSG and is_bad when it is damaged. */
int store_open(struct store *store, const char *name, struct source *ret_elf);
/* Note what was unpacked into fill_fd. */
void store_keep(struct store *store, const struct source *elf);
