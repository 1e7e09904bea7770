/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/machine/bus.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/base/assert.h"
#include "vmm/base/bytes.h"
#include "vmm/base/log.h"
#include "vmm/base/memory.h"

struct bus_range {
    struct bus_claim claim;
    unsigned int in_flight; /* atomic */
    uint64_t accesses;      /* atomic */
};

void
bus_init(struct bus *bus, const char *name)
{
    pthread_rwlockattr_t attributes;

    *bus = (struct bus){.name = name};
    pthread_rwlockattr_init(&attributes);
    /* So that a guest's busy processors cannot keep a BAR from moving; handlers run without it. */
    pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(&bus->lock, &attributes);
    pthread_rwlockattr_destroy(&attributes);
    pthread_mutex_init(&bus->idle_lock, NULL);
    pthread_cond_init(&bus->idle, NULL);
}

void
bus_finish(struct bus *bus)
{
    for (size_t i = 0; i < bus->n_ranges; i++) {
        free(bus->ranges[i]);
    }
    free(bus->ranges);
    bus->ranges = NULL;
    bus->n_ranges = 0;
    pthread_cond_destroy(&bus->idle);
    pthread_mutex_destroy(&bus->idle_lock);
    pthread_rwlock_destroy(&bus->lock);
}

/* Index of the first range that ends after `address`. */
static size_t
position_of(const struct bus *bus, uint64_t address)
{
    size_t low = 0;
    size_t high = bus->n_ranges;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct bus_claim *range = &bus->ranges[middle]->claim;

        if (address >= range->start && address - range->start >= range->length) {
            low = middle + 1;
        } else if (address < range->start) {
            high = middle;
        } else {
            return middle;
        }
    }
    return low;
}

int
bus_add(struct bus *bus, const struct bus_claim *claim)
{
    struct bus_range *range;
    uint64_t last;
    size_t at;

    assert(claim->ops && claim->ops->read && claim->ops->write);
    if (claim->length == 0 || !add_fits(claim->start, claim->length - 1, &last)) {
        return -EINVAL;
    }
    range = xalloc(sizeof(*range));
    range->claim = *claim;

    pthread_rwlock_wrlock(&bus->lock);
    at = position_of(bus, claim->start);
    if (at < bus->n_ranges && bus->ranges[at]->claim.start <= last) {
        log_warning("%s range %s at 0x%" PRIx64 " overlaps %s at 0x%" PRIx64, bus->name,
                    claim->name, claim->start, bus->ranges[at]->claim.name,
                    bus->ranges[at]->claim.start);
        pthread_rwlock_unlock(&bus->lock);
        free(range);
        return -EEXIST;
    }
    bus->ranges = xrealloc_array(bus->ranges, bus->n_ranges + 1, sizeof(struct bus_range *));
    memmove(&bus->ranges[at + 1], &bus->ranges[at],
            (bus->n_ranges - at) * sizeof(struct bus_range *));
    bus->ranges[at] = range;
    bus->n_ranges++;
    pthread_rwlock_unlock(&bus->lock);
    return 0;
}

int
bus_remove(struct bus *bus, uint64_t start)
{
    struct bus_range *range = NULL;
    size_t at;

    pthread_rwlock_wrlock(&bus->lock);
    at = position_of(bus, start);
    if (at < bus->n_ranges && bus->ranges[at]->claim.start == start) {
        range = bus->ranges[at];
        bus->n_ranges--;
        memmove(&bus->ranges[at], &bus->ranges[at + 1],
                (bus->n_ranges - at) * sizeof(struct bus_range *));
    }
    pthread_rwlock_unlock(&bus->lock);
    if (!range) {
        return -ENOENT;
    }
    pthread_mutex_lock(&bus->idle_lock);
    __atomic_add_fetch(&bus->waiters, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&range->in_flight, __ATOMIC_SEQ_CST) > 0) {
        pthread_cond_wait(&bus->idle, &bus->idle_lock);
    }
    __atomic_sub_fetch(&bus->waiters, 1, __ATOMIC_SEQ_CST);
    pthread_mutex_unlock(&bus->idle_lock);
    free(range);
    return 0;
}

static struct bus_range *
bus_acquire(struct bus *bus, uint64_t address, unsigned int size)
{
    struct bus_range *range = NULL;
    size_t at;

    pthread_rwlock_rdlock(&bus->lock);
    at = position_of(bus, address);
    if (at < bus->n_ranges && address >= bus->ranges[at]->claim.start &&
        range_inside(address - bus->ranges[at]->claim.start, size, bus->ranges[at]->claim.length)) {
        range = bus->ranges[at];
        __atomic_add_fetch(&range->in_flight, 1, __ATOMIC_ACQUIRE);
        __atomic_add_fetch(&range->accesses, 1, __ATOMIC_RELAXED);
    } else {
        __atomic_add_fetch(&bus->unclaimed, 1, __ATOMIC_RELAXED);
    }
    pthread_rwlock_unlock(&bus->lock);
    return range;
}

/* Once the count is zero the range may be gone: only the bus is touched after that. */
static void
bus_release(struct bus *bus, struct bus_range *range)
{
    __atomic_sub_fetch(&range->in_flight, 1, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&bus->waiters, __ATOMIC_SEQ_CST) > 0) {
        pthread_mutex_lock(&bus->idle_lock);
        pthread_cond_broadcast(&bus->idle);
        pthread_mutex_unlock(&bus->idle_lock);
    }
}

static uint64_t
mask_of(unsigned int size)
{
    return size >= 8 ? UINT64_MAX : (UINT64_C(1) << (size * 8)) - 1;
}

uint64_t
bus_read(struct bus *bus, uint64_t address, unsigned int size)
{
    struct bus_range *range = bus_acquire(bus, address, size);
    uint64_t value = UINT64_MAX;

    if (range) {
        value = range->claim.ops->read(range->claim.data, address - range->claim.start, size);
        bus_release(bus, range);
    }
    return value & mask_of(size);
}

void
bus_write(struct bus *bus, uint64_t address, unsigned int size, uint64_t value)
{
    struct bus_range *range = bus_acquire(bus, address, size);

    if (range) {
        range->claim.ops->write(range->claim.data, address - range->claim.start, size,
                                value & mask_of(size));
        bus_release(bus, range);
    }
}

void
bus_log_statistics(struct bus *bus)
{
    pthread_rwlock_rdlock(&bus->lock);
    for (size_t i = 0; i < bus->n_ranges; i++) {
        const struct bus_range *range = bus->ranges[i];

        log_debug("%s range %s: %" PRIu64 " accesses", bus->name, range->claim.name,
                  __atomic_load_n(&range->accesses, __ATOMIC_RELAXED));
    }
    log_debug("%s without a range: %" PRIu64 " accesses", bus->name,
              __atomic_load_n(&bus->unclaimed, __ATOMIC_RELAXED));
    pthread_rwlock_unlock(&bus->lock);
}
