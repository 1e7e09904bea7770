/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One vring of a vhost-user back end: what the front end said about it, and the queue while it runs.
 * It runs when size, addresses and a kick descriptor are there and it is enabled; from then until it
 * stops its size, addresses and base are frozen (-EBUSY).
 */

#include <stdbool.h>
#include <stdint.h>

#include "vmm/base/log.h"
#include "vmm/base/loop.h"
#include "vmm/virtio/queue.h"

/* Both are called on the loop's thread. */
struct ring_ops {
    void (*kicked)(void *data, unsigned int index);
    void (*stopped)(void *data, unsigned int index); /* the queue is freed when this returns */
};

struct ring {
    struct loop *loop;
    const struct ring_ops *ops;
    void *data;
    struct queue_setup setup;
    bool has_addresses;
    bool enabled;
    int kick_fd; /* all three owned, -1 while absent */
    int call_fd;
    int error_fd;
    struct loop_source *kick;
    struct queue *queue; /* NULL while the ring is stopped */
    bool break_reported;
    struct log_limit limit;
};

void ring_init(struct ring *ring, struct loop *loop, unsigned int index, const struct ring_ops *ops,
               void *data);
void ring_finish(struct ring *ring);

int ring_set_size(struct ring *ring, uint32_t size);
int ring_set_base(struct ring *ring, uint32_t base);
int ring_set_addresses(struct ring *ring, uint64_t descriptor, uint64_t available, uint64_t used);
/* Take the descriptor over; -1 for none. A kick descriptor must be there while the ring runs. */
int ring_set_kick(struct ring *ring, int fd);
int ring_set_call(struct ring *ring, int fd);
int ring_set_error(struct ring *ring, int fd);

/*
 * Start the ring if it is complete and does not run yet. `features` are the negotiated ones.
 * 1 when it was started (the caller sees to its first requests), 0, or an error of queue_create().
 */
int ring_start(struct ring *ring, const struct guest_memory *memory, uint64_t features);
/* Stop it if it runs, keeping the kick descriptor; returns the next available index. */
uint16_t ring_stop(struct ring *ring);
/* Stop it and forget all but the call and error descriptors. */
void ring_reset(struct ring *ring);
/* While a ring that runs is not enabled, its requests wait and those that the device has stay its. */
void ring_enable(struct ring *ring, bool on);
/* Let the device serve the ring, if it runs. */
void ring_serve(struct ring *ring);
/* Serve it in the next round of the loop, as if it was kicked. */
void ring_serve_again(struct ring *ring);
/* Interrupt the driver if it asked for that. */
void ring_notify(struct ring *ring);
