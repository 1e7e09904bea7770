/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The guest's RAM as a back end sees it: a few regions of guest physical addresses, each a shared
 * mapping of a memfd that is sealed against shrinking. The guest writes to it at any time: copy,
 * check the copy, use the copy.
 */

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
/* Unmap everything; pointers handed out before are dead. */
void guest_memory_clear(struct guest_memory *memory);

/* Host pointer to [address, address + length), or NULL unless all of it lies in one region. */
void *guest_memory_range(const struct guest_memory *memory, uint64_t address, uint64_t length);
/* The same for an address of the front end's address space (vring addresses of vhost-user). */
void *guest_memory_user_range(const struct guest_memory *memory, uint64_t address, uint64_t length);
