/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Device side of a split virtqueue (virtio 1.2 section 2.7): indirect descriptors and event index,
 * no packed ring. Ring contents are the guest's and may change under our hands; every index, address
 * and length is copied once and checked. A broken ring is reported once and the queue stops.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "vmm/base/cleanup.h"
#include "vmm/virtio/guest-memory.h"

enum {
    QUEUE_SIZE_MAX = 1024,
    QUEUE_CHAIN_SEGMENTS_MAX = 4096, /* descriptors of one chain, indirect ones included */
};

struct inflight_queue;
struct queue;
struct log_limit;

/* What the front end says about a ring; checked by queue_create(). */
struct queue_setup {
    unsigned int index;  /* for the log only */
    unsigned int size;   /* a power of two, at most QUEUE_SIZE_MAX */
    uint64_t descriptor; /* ring addresses, of the front end's address space */
    uint64_t available;
    uint64_t used;
    uint16_t next_available; /* index of the first request to take */
    /*
     * Or NULL: where to note what is out, at least `size` requests, valid until the queue is destroyed. If
     * another process noted something there, its requests come again first, and next_available is what
     * follows from them.
     */
    struct inflight_queue *inflight;
    bool indirect;           /* VIRTIO_RING_F_INDIRECT_DESC was negotiated */
    bool event_index;        /* VIRTIO_RING_F_EVENT_IDX was negotiated */
    struct log_limit *limit; /* for the log line of a broken ring; must outlive the queue */
};

/*
 * A queue over rings in `memory`, which must outlive it. 0 and *ret_queue, or -EINVAL when size or
 * alignment is wrong, -EFAULT when a ring does not lie in guest memory.
 */
int queue_create(const struct guest_memory *memory, const struct queue_setup *setup,
                 struct queue **ret_queue);
/* Frees every chain that is still out. NULL is fine. */
void queue_destroy(struct queue *queue);
CLEANUP_DEFINE(struct queue, queue_destroy)
/*
 * The memory table changed: find the rings again. Chains that are out and no longer lie in guest
 * memory become empty (no segments). -EFAULT when a ring is gone: the queue is broken then.
 */
int queue_memory_changed(struct queue *queue);
/* The driver may wait for an interrupt that the process before us owed it. */
bool queue_was_taken_over(const struct queue *queue);
/* Index of the next request in the available ring: what VHOST_USER_GET_VRING_BASE answers. */
uint16_t queue_next_available(const struct queue *queue);

/*
 * One request: guest buffers as iovecs into guest memory, readable ones first. Belongs to the queue
 * until chain_push(). Memory behind the iovecs is guest memory: treat as volatile.
 */
struct chain {
    uint16_t head;
    uint32_t n_out; /* device-readable segments: iov[0 .. n_out) */
    uint32_t n_in;  /* device-writable segments: iov[n_out .. n_out + n_in) */
    struct iovec *iov;
    uint64_t out_size; /* bytes */
    uint64_t in_size;
    uint64_t out_position; /* cursors of chain_read() and chain_write() */
    uint64_t in_position;
    bool again; /* a process before us had it: all, a part or nothing of it was done */
};

/* Copy the next bytes out of the readable part / into the writable part; returns bytes copied. */
size_t chain_read(struct chain *chain, void *data, size_t size);
size_t chain_write(struct chain *chain, const void *data, size_t size);
/* Skip over `size` bytes of the readable (writable) part; returns bytes skipped. */
size_t chain_skip_out(struct chain *chain, size_t size);
size_t chain_skip_in(struct chain *chain, size_t size);
/*
 * Describe the next at most `size` bytes of the readable (writable) part as iovecs for preadv() or
 * pwritev(), advancing the cursor. Returns the number of iovecs; stops early at `max`, so compare
 * *ret_size.
 */
size_t chain_take_out(struct chain *chain, size_t size, struct iovec *iov, size_t max,
                      size_t *ret_size);
size_t chain_take_in(struct chain *chain, size_t size, struct iovec *iov, size_t max,
                     size_t *ret_size);

/*
 * 1 and *ret_chain, 0 when the ring is empty, -EPROTO when the ring is broken (from then on always).
 * Chains may be pushed in any order; at most the ring's size are out at a time.
 */
int queue_pop(struct queue *queue, struct chain **ret_chain);
/* Give a chain back with `written` bytes in its writable part, and free it. */
void queue_push(struct queue *queue, struct chain *chain, uint32_t written);
/*
 * Take back that a chain was popped, the last one that was, and free it: it is the next one in the ring
 * again. Not for one that was out before (chain::again).
 */
void queue_unpop(struct queue *queue, struct chain *chain);
/* Whether the driver wants an interrupt for what was pushed since the last call (event index). */
bool queue_needs_interrupt(struct queue *queue);
/*
 * Ask for (or switch off) kicks; with `true` returns whether more requests came in meanwhile, so
 * that the caller goes on popping.
 */
bool queue_enable_kicks(struct queue *queue, bool on);
/* While it is held, the queue looks empty: what is out may be pushed, nothing more is popped. */
void queue_hold(struct queue *queue, bool on);
bool queue_is_broken(const struct queue *queue);
unsigned int queue_size(const struct queue *queue);
/* Requests that the driver has put in and not got back, as far as it is to be believed: at most the size. */
unsigned int queue_depth(const struct queue *queue);
