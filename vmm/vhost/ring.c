/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/vhost/ring.h"

#include <errno.h>
#include <linux/virtio_ring.h>
#include <string.h>
#include <unistd.h>

#include "vmm/base/fd.h"
#include "vmm/base/trace.h"

void
ring_init(struct ring *ring, struct loop *loop, unsigned int index, const struct ring_ops *ops,
          void *data)
{
    *ring = (struct ring){
        .loop = loop,
        .ops = ops,
        .data = data,
        .setup.index = index,
        .kick_fd = -1,
        .call_fd = -1,
        .error_fd = -1,
    };
    ring->setup.limit = &ring->limit;
}

static void
drop_kick(struct ring *ring)
{
    loop_remove(take_pointer(ring->kick));
    fd_closep(&ring->kick_fd);
}

void
ring_finish(struct ring *ring)
{
    queue_destroy(take_pointer(ring->queue));
    drop_kick(ring);
    fd_closep(&ring->call_fd);
    fd_closep(&ring->error_fd);
}

int
ring_set_size(struct ring *ring, uint32_t size)
{
    if (ring->queue) {
        return -EBUSY;
    }
    if (size == 0 || size > QUEUE_SIZE_MAX || (size & (size - 1)) != 0) {
        return -EINVAL;
    }
    ring->setup.size = size;
    return 0;
}

int
ring_set_base(struct ring *ring, uint32_t base)
{
    if (ring->queue) {
        return -EBUSY;
    }
    if (base > UINT16_MAX) {
        return -EINVAL;
    }
    ring->setup.next_available = (uint16_t)base;
    return 0;
}

int
ring_set_addresses(struct ring *ring, uint64_t descriptor, uint64_t available, uint64_t used)
{
    if (ring->queue) {
        return -EBUSY;
    }
    ring->setup.descriptor = descriptor;
    ring->setup.available = available;
    ring->setup.used = used;
    ring->has_addresses = true;
    return 0;
}

static void
on_kick(void *data, uint32_t events)
{
    struct ring *ring = data;
    uint64_t count;
    ssize_t n = read(ring->kick_fd, &count, sizeof(count));

    (void)events;
    if (n == (ssize_t)sizeof(count)) {
        trace_kick(ring->setup.index);
        ring_serve(ring);
    } else if (n >= 0 || errno != EAGAIN) {
        log_limited(&ring->limit, LOG_LEVEL_WARNING, "queue %u: the kick descriptor is no eventfd",
                    ring->setup.index);
        loop_remove(take_pointer(ring->kick));
    }
}

int
ring_set_kick(struct ring *ring, int fd)
{
    cleanup_fd int taken = fd;
    int r;

    if (ring->queue) {
        return -EBUSY;
    }
    drop_kick(ring);
    if (taken < 0) {
        return -ENOTSUP; /* polling instead of kicks */
    }
    r = fd_set_nonblocking(taken);
    if (r < 0) {
        return r;
    }
    ring->kick = loop_add(ring->loop, taken, EPOLLIN, on_kick, ring);
    if (!ring->kick) {
        return -errno;
    }
    ring->kick_fd = take_fd(&taken);
    return 0;
}

static int
replace_fd(int *place, int fd)
{
    cleanup_fd int taken = fd;
    int r = taken >= 0 ? fd_set_nonblocking(taken) : 0;

    if (r < 0) {
        return r;
    }
    fd_closep(place);
    *place = take_fd(&taken);
    return 0;
}

int
ring_set_call(struct ring *ring, int fd)
{
    return replace_fd(&ring->call_fd, fd);
}

int
ring_set_error(struct ring *ring, int fd)
{
    return replace_fd(&ring->error_fd, fd);
}

/* Best effort: a full eventfd is signalled already, and a closed one has nobody to tell. */
static void
signal_fd(int fd)
{
    const uint64_t one = 1;

    if (fd >= 0 && write(fd, &one, sizeof(one)) < 0) {
        return;
    }
}

int
ring_start(struct ring *ring, const struct guest_memory *memory, uint64_t features)
{
    int r;

    if (ring->queue || !ring->enabled || !ring->has_addresses || !ring->kick ||
        ring->setup.size == 0) {
        return 0;
    }
    ring->setup.indirect = features & (UINT64_C(1) << VIRTIO_RING_F_INDIRECT_DESC);
    ring->setup.event_index = features & (UINT64_C(1) << VIRTIO_RING_F_EVENT_IDX);
    r = queue_create(memory, &ring->setup, &ring->queue);
    if (r < 0) {
        log_limited(&ring->limit, LOG_LEVEL_WARNING, "queue %u cannot start: %s", ring->setup.index,
                    strerror(-r));
        return r;
    }
    ring->break_reported = false;
    if (queue_was_taken_over(ring->queue)) {
        signal_fd(ring->call_fd);
    }
    return 1;
}

uint16_t
ring_stop(struct ring *ring)
{
    if (ring->queue) {
        ring->ops->stopped(ring->data, ring->setup.index);
        ring->setup.next_available = queue_next_available(ring->queue);
        queue_destroy(take_pointer(ring->queue));
    }
    return ring->setup.next_available;
}

void
ring_reset(struct ring *ring)
{
    ring_stop(ring);
    drop_kick(ring);
    ring->has_addresses = false;
    ring->enabled = false;
    ring->setup.size = 0;
    ring->setup.next_available = 0;
}

void
ring_enable(struct ring *ring, bool on)
{
    ring->enabled = on;
    if (ring->queue) {
        queue_hold(ring->queue, !on);
        if (on) {
            ring_serve_again(ring);
        }
    }
}

void
ring_serve(struct ring *ring)
{
    if (!ring->queue) {
        return;
    }
    ring->ops->kicked(ring->data, ring->setup.index);
    if (ring->queue && queue_is_broken(ring->queue) && !ring->break_reported) {
        ring->break_reported = true;
        signal_fd(ring->error_fd);
    }
}

void
ring_serve_again(struct ring *ring)
{
    signal_fd(ring->kick_fd);
}

void
ring_notify(struct ring *ring)
{
    if (ring->queue && queue_needs_interrupt(ring->queue)) {
        trace_interrupt(ring->setup.index);
        signal_fd(ring->call_fd);
    }
}
