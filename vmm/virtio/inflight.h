/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a back end notes about the requests that it has taken from a split ring and not given back, in
 * memory that outlives it, so that the one after it takes them again: the layout of the vhost-user
 * specification, "Inflight I/O tracking". Written by the back end alone; the next one does not trust it.
 */

#include <stdint.h>

enum {
    INFLIGHT_VERSION = 1,
    INFLIGHT_ALIGNMENT = 64, /* of each queue's part, for the processor's sake */
};

struct inflight_request {
    uint8_t taken; /* 0 or 1 */
    uint8_t padding[5];
    uint16_t next; /* of a batch; we have none */
    uint64_t counter;
};

struct inflight_queue {
    uint64_t features; /* of the layout; 0 */
    uint16_t version;  /* 0: nothing was noted yet */
    uint16_t n_requests;
    uint16_t last_given; /* head of the request that was given back last, or is about to be */
    uint16_t used_index; /* of the ring, when last_given was given back */
    struct inflight_request requests[];
};

_Static_assert(sizeof(struct inflight_request) == 16, "published layout");
_Static_assert(sizeof(struct inflight_queue) == 16, "published layout");

/* Bytes of one queue's part. */
static inline uint64_t
inflight_queue_size(uint16_t n_requests)
{
    const uint64_t size =
        sizeof(struct inflight_queue) + (uint64_t)n_requests * sizeof(struct inflight_request);

    return (size + INFLIGHT_ALIGNMENT - 1) & ~(uint64_t)(INFLIGHT_ALIGNMENT - 1);
}
