/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * An address space of ranges with handlers. Look-ups come from vCPU threads, changes from any
 * thread, a handler included: no lock is held while a handler runs, each range counts the accesses
 * that are in flight instead.
 */

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm/machine/vm.h"

struct bus_range;

struct bus {
    const char *name; /* for the log */
    pthread_rwlock_t lock;
    struct bus_range **ranges; /* sorted by start */
    size_t n_ranges;
    pthread_mutex_t idle_lock; /* for bus_remove() to wait until a range is not in use */
    pthread_cond_t idle;
    unsigned int waiters; /* atomic */
    uint64_t unclaimed;   /* accesses that met no range */
};

void bus_init(struct bus *bus, const char *name);
void bus_finish(struct bus *bus);

struct bus_claim {
    uint64_t start;
    uint64_t length;
    const char *name; /* kept as a pointer */
    const struct vm_range_ops *ops;
    void *data;
};

/* As vm_add_range(). */
int bus_add(struct bus *bus, const struct bus_claim *claim);
/*
 * As vm_remove_range(); -ENOENT when no range begins at `start`. Waits until accesses of other threads to the range have ended, so the caller must not hold a lock
 * that the range's handlers take; a handler must not remove its own range.
 */
int bus_remove(struct bus *bus, uint64_t start);

/*
 * `size` is 1, 2, 4 or 8. An access that meets no range, or crosses the end of one, reads as all
 * ones (of `size` bytes) and is dropped when written.
 */
uint64_t bus_read(struct bus *bus, uint64_t address, unsigned int size);
void bus_write(struct bus *bus, uint64_t address, unsigned int size, uint64_t value);

/* How often each range was used, as debug log lines. */
void bus_log_statistics(struct bus *bus);
