/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The guest's RAM as a back end sees it: a few regions of guest physical addresses, each a shared
 * mapping of a memfd that is sealed against shrinking. The guest writes to it at any time: copy,
 * check the copy, use the copy.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm/base/cleanup.h"

enum {
    GUEST_MEMORY_REGIONS_MAX = 8
};

struct guest_memory;

struct guest_memory *guest_memory_create(void);
void guest_memory_destroy(struct guest_memory *memory);
CLEANUP_DEFINE(struct guest_memory, guest_memory_destroy)

struct guest_memory_region {
    uint64_t guest_address; /* guest physical */
    uint64_t user_address;  /* the vhost-user front end's address of the same byte */
    uint64_t size;
    uint64_t file_offset;
};

/*
 * Map `fd` (stays the caller's) for `region`. -EINVAL for empty, overlapping, wrapping or short
 * ones, -ENOSPC when the table is full.
 */
int guest_memory_add(struct guest_memory *memory, const struct guest_memory_region *region, int fd);
/* Unmap the region with these addresses and this size; -ENOENT when there is none. */
int guest_memory_remove(struct guest_memory *memory, const struct guest_memory_region *region);
/*
 * Put `count` regions in place of all present ones; region i lies in fds[i] (stay the caller's). A
 * region that was there before, of the same file, keeps its mapping, so that pointers into it live
 * on. On failure (as guest_memory_add()) the old table stays.
 */
int guest_memory_replace(struct guest_memory *memory, const struct guest_memory_region *regions,
                         const int *fds, size_t count);
/* Unmap everything; pointers handed out before are dead. */
void guest_memory_clear(struct guest_memory *memory);

/* Host pointer to [address, address + length), or NULL unless all of it lies in one region. */
void *guest_memory_range(const struct guest_memory *memory, uint64_t address, uint64_t length);
/* The same for an address of the front end's address space (vring addresses of vhost-user). */
void *guest_memory_user_range(const struct guest_memory *memory, uint64_t address, uint64_t length);
/* Whether [pointer, pointer + length) is mapped: for pointers from before a change of the table. */
bool guest_memory_is_mapped(const struct guest_memory *memory, const void *pointer,
                            uint64_t length);
