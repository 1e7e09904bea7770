/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/wayland-guard/relay.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/base/memory.h"
#include "vmm/base/message.h"
#include "vmm/wayland-guard/filter.h"

enum {
    BUFFER_SIZE = 65536,   /* one message is shorter */
    FDS_AT_A_TIME = 28,    /* more than these libwayland does not take */
    FDS_WAITING_MAX = 112, /* of one direction */
};

/* One direction: bytes that passed the filter, then those of a message that is not whole yet. */
struct flow {
    uint8_t data[BUFFER_SIZE];
    size_t passed;
    size_t size;
    int fds[FDS_WAITING_MAX];
    size_t n_fds;
};

struct end {
    struct relay *relay;
    int fd;
    struct loop_source *source;
    struct flow in;
    enum filter_verdict (*filter)(struct filter *filter, const uint8_t *message, size_t size);
};

struct relay {
    struct end guest;
    struct end compositor;
    struct filter filter;
    relay_ended ended;
    void *data;
};

/* Let whole messages pass. False when one must not. */
static bool
flow_filter(struct end *end)
{
    struct flow *flow = &end->in;

    for (;;) {
        uint8_t *message = flow->data + flow->passed;
        size_t left = flow->size - flow->passed;
        int length = filter_message_size(message, left);

        if (length < 0) {
            return false;
        }
        if (length == 0 || (size_t)length > left) {
            return true;
        }
        switch (end->filter(&end->relay->filter, message, (size_t)length)) {
        case FILTER_PASS:
            flow->passed += (size_t)length;
            break;
        case FILTER_DROP:
            memmove(message, message + length, left - (size_t)length);
            flow->size -= (size_t)length;
            break;
        case FILTER_REFUSE:
        default:
            return false;
        }
    }
}

static void
flow_sent(struct flow *flow, size_t bytes, size_t fds)
{
    memmove(flow->data, flow->data + bytes, flow->size - bytes);
    flow->passed -= bytes;
    flow->size -= bytes;
    for (size_t i = 0; i < fds; i++) {
        fd_closep(&flow->fds[i]);
    }
    memmove(flow->fds, flow->fds + fds, (flow->n_fds - fds) * sizeof(flow->fds[0]));
    flow->n_fds -= fds;
}

/* 0, -EAGAIN while something is left, or another -errno. */
static int
flow_send(struct flow *flow, int fd)
{
    while (flow->passed > 0) {
        size_t fds = MIN_OF(flow->n_fds, (size_t)FDS_AT_A_TIME);
        /* Descriptors go early rather than late: some with the first byte alone. */
        size_t bytes = flow->n_fds > fds ? 1 : flow->passed;
        ssize_t n = message_send_part(fd, flow->data, bytes, flow->fds, fds);

        if (n < 0) {
            return (int)n;
        }
        flow_sent(flow, (size_t)n, fds);
    }
    return 0;
}

/* 0, -EAGAIN when there is nothing to read, or another -errno. */
static int
flow_receive(struct flow *flow, int fd)
{
    struct message_fds fds;

    if (flow->n_fds + MESSAGE_FDS_MAX > FDS_WAITING_MAX) {
        return -EPROTO; /* descriptors without messages that use them */
    }
    ssize_t n = message_receive(fd, flow->data + flow->size, BUFFER_SIZE - flow->size, &fds);
    if (n <= 0) {
        return n == 0 ? -EPIPE : (int)n;
    }
    flow->size += (size_t)n;
    for (size_t i = 0; i < fds.count; i++) {
        flow->fds[flow->n_fds++] = message_take_fd(&fds, i);
    }
    return 0;
}

static void
relay_watch(struct relay *relay)
{
    struct end *guest = &relay->guest;
    struct end *compositor = &relay->compositor;
    const bool to_guest = compositor->in.passed > 0;
    const bool to_compositor = guest->in.passed > 0;

    loop_modify(guest->source,
                (to_guest ? (uint32_t)EPOLLOUT : 0) | (to_compositor ? 0 : (uint32_t)EPOLLIN));
    loop_modify(compositor->source,
                (to_compositor ? (uint32_t)EPOLLOUT : 0) | (to_guest ? 0 : (uint32_t)EPOLLIN));
}

/* Read one side and pass it on. 0, or -errno when the connection is over. */
static int
end_read(struct end *from, struct end *to)
{
    int r = flow_receive(&from->in, from->fd);

    if (r < 0) {
        return r == -EAGAIN ? 0 : r;
    }
    if (!flow_filter(from)) {
        log_warning("A guest's Wayland connection is ended: it is broken or asks for what is "
                    "hidden from it");
        return -EACCES;
    }
    r = flow_send(&from->in, to->fd);
    return r == -EAGAIN ? 0 : r;
}

static void
on_ready(void *data, uint32_t events)
{
    struct end *end = data;
    struct relay *relay = end->relay;
    struct end *other = end == &relay->guest ? &relay->compositor : &relay->guest;
    int r = 0;

    if (other->in.passed > 0 && (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))) {
        r = flow_send(&other->in, end->fd);
        r = r == -EAGAIN && !(events & (EPOLLHUP | EPOLLERR)) ? 0 : r;
    }
    if (r == 0 && end->in.passed == 0 && (events & (EPOLLIN | EPOLLHUP | EPOLLERR))) {
        r = end_read(end, other);
    }
    if (r == 0 && end->in.passed > 0 && (events & (EPOLLHUP | EPOLLERR))) {
        r = -EPIPE; /* it is gone, and the other side does not take its last words */
    }
    if (r < 0) {
        relay->ended(relay->data, relay);
        return;
    }
    relay_watch(relay);
}

static void
end_close(struct end *end)
{
    loop_remove(end->source);
    fd_closep(&end->fd);
    for (size_t i = 0; i < end->in.n_fds; i++) {
        fd_closep(&end->in.fds[i]);
    }
}

void
relay_destroy(struct relay *relay)
{
    end_close(&relay->guest);
    end_close(&relay->compositor);
    free(relay);
}

static int
end_open(struct relay *relay, struct end *end, struct loop *loop, int fd)
{
    end->relay = relay;
    end->fd = fd;
    int r = fd_set_nonblocking(fd);
    if (r == 0) {
        end->source = loop_add(loop, fd, EPOLLIN, on_ready, end);
        r = end->source ? 0 : -errno;
    }
    return r;
}

struct relay *
relay_create(struct loop *loop, int guest_fd, int compositor_fd, relay_ended ended, void *data)
{
    struct relay *relay = xalloc(sizeof(*relay));

    relay->ended = ended;
    relay->data = data;
    relay->guest.filter = filter_request;
    relay->compositor.filter = filter_event;
    relay->compositor.fd = compositor_fd;
    int r = end_open(relay, &relay->guest, loop, guest_fd);
    r = r < 0 ? r : end_open(relay, &relay->compositor, loop, compositor_fd);
    if (r < 0) {
        relay_destroy(relay);
        errno = -r;
        return NULL;
    }
    return relay;
}
