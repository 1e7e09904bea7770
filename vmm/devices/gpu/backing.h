/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The guest pages behind a resource, in order: (guest address, length) pairs that the guest named.
 * They are looked up in guest memory at each use, so that a changed memory table cannot hurt.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "vmm/base/cleanup.h"
#include "vmm/virtio/guest-memory.h"
#include "vmm/virtio/queue.h"

enum {
    BACKING_ENTRIES_MAX = 1 << 20
};

struct backing;

/*
 * Read `n_entries` of struct virtio_gpu_mem_entry from the chain. -EINVAL when there are too many,
 * too few in the chain, or one is not guest memory; -ENOMEM.
 */
int backing_read(struct chain *chain, uint32_t n_entries, const struct guest_memory *memory,
                 struct backing **ret_backing);
/* A stretch of guest memory. */
struct backing_piece {
    uint64_t address;
    uint64_t length;
};

/* The same of pieces that the caller has, at most BACKING_ENTRIES_MAX. Errors as above. */
int backing_make(const struct backing_piece *pieces, uint32_t n_pieces,
                 const struct guest_memory *memory, struct backing **ret_backing);
/* What it consists of: as few pieces as there can be. */
uint32_t backing_count(const struct backing *backing);
struct backing_piece backing_piece_at(const struct backing *backing, uint32_t index);
void backing_destroy(struct backing *backing);
CLEANUP_DEFINE(struct backing, backing_destroy)

uint64_t backing_size(const struct backing *backing);
/* Host bytes that the list itself takes. */
uint64_t backing_cost(const struct backing *backing);

/* Copy out of guest memory. False when the range is not inside, or the memory is gone. */
bool backing_copy(const struct backing *backing, const struct guest_memory *memory, uint64_t offset,
                  void *data, uint64_t size);

/*
 * Host addresses of the pages, in order: a malloc'ed array for the caller, valid until the memory
 * table changes. -EFAULT when a page is no guest memory any more, -ENOMEM.
 */
int backing_pages(const struct backing *backing, const struct guest_memory *memory,
                  struct iovec **ret_pages, uint32_t *ret_n);

/* Copy into guest memory. False as backing_copy(); then part of it may be written. */
bool backing_store(const struct backing *backing, const struct guest_memory *memory,
                   uint64_t offset, const void *data, uint64_t size);

/* What backing_update() changes, and which part of it differed (empty when first equals end). */
struct backing_target {
    uint8_t *data;
    uint64_t size;
    uint64_t first;
    uint64_t end;
};

/* Make the target equal to guest memory, writing only what differs. False as backing_copy(). */
bool backing_update(const struct backing *backing, const struct guest_memory *memory,
                    uint64_t offset, struct backing_target *target);
