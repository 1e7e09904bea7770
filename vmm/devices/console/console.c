/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/devices/console/console.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "vmm/base/bytes.h"
#include "vmm/base/log.h"
#include "vmm/base/memory.h"
#include "vmm/vhost/backend.h"

enum {
    RECEIVE_QUEUE = 0,
    TRANSMIT_QUEUE = 1,
    QUEUES = 2,

    SEGMENTS_MAX = 16,     /* of one sendmsg() or recvmsg() */
    TRANSFER_MAX = 65536,  /* bytes of one */
    ROUND_CHAINS_MAX = 64, /* then other descriptors of the loop get their turn */
};

struct console {
    struct backend *backend;
    int stream_fd; /* -1 when it has ended */
    struct loop_source *stream;
    struct chain *receiving;    /* popped, nothing written yet */
    struct chain *transmitting; /* popped, sent up to its cursor */
    bool guest_has_room;        /* false: wait for a kick before reading the stream */
};

static void
watch_stream(struct console *console)
{
    if (console->stream) {
        uint32_t in = console->guest_has_room ? EPOLLIN : 0;
        uint32_t out = console->transmitting ? EPOLLOUT : 0;

        loop_modify(console->stream, in | out);
    }
}

static void
stream_ended(struct console *console)
{
    if (console->stream) {
        log_info("nobody listens to the console any more");
        loop_remove(take_pointer(console->stream));
        console->stream_fd = -1;
    }
}

/* Send what is left of the chain. True when all of it is gone, or there is nobody to send it to. */
static bool
send_chain(struct console *console, struct chain *chain)
{
    while (console->stream_fd >= 0 && chain->out_position < chain->out_size) {
        struct iovec iov[SEGMENTS_MAX];
        uint64_t before = chain->out_position;
        size_t size;
        struct msghdr message = {.msg_iov = iov};
        ssize_t n;

        message.msg_iovlen = chain_take_out(chain, TRANSFER_MAX, iov, SEGMENTS_MAX, &size);
        n = sendmsg(console->stream_fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        chain->out_position = before + (n > 0 ? (uint64_t)n : 0);
        if (n < 0 && errno == EAGAIN) {
            return false;
        }
        if (n < 0 && errno != EINTR) {
            stream_ended(console);
        }
    }
    return true;
}

/* The chain that was held back, or the next one. */
static struct chain *
next_chain(struct queue *queue, struct chain **held)
{
    struct chain *chain = take_pointer(*held);

    if (!chain && queue_pop(queue, &chain) <= 0) {
        return NULL;
    }
    return chain;
}

static void
transmit(struct console *console)
{
    struct queue *queue = backend_queue(console->backend, TRANSMIT_QUEUE);
    unsigned int left = ROUND_CHAINS_MAX;
    bool more = queue;

    while (more && left > 0) {
        struct chain *chain = next_chain(queue, &console->transmitting);

        if (!chain) {
            more = queue_enable_kicks(queue, true);
        } else if (send_chain(console, chain)) {
            queue_push(queue, chain, 0);
            left--;
        } else {
            console->transmitting = chain; /* until the socket takes more */
            more = false;
        }
    }
    if (more) {
        backend_serve_again(console->backend, TRANSMIT_QUEUE);
    }
    backend_notify(console->backend, TRANSMIT_QUEUE);
}

/* Fill the chain from the stream. Bytes, 0 at the stream's end, -EAGAIN when there is nothing. */
static ssize_t
receive_chain(const struct console *console, struct chain *chain)
{
    struct iovec iov[SEGMENTS_MAX];
    struct msghdr message = {.msg_iov = iov};
    size_t size;
    ssize_t n;

    message.msg_iovlen = chain_take_in(chain, TRANSFER_MAX, iov, SEGMENTS_MAX, &size);
    chain->in_position = 0; /* one receive fills a chain: nothing is taken twice */
    do {
        n = recvmsg(console->stream_fd, &message, MSG_DONTWAIT);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

/* One chain from the stream to the guest. False when this round is over. */
static bool
receive_one(struct console *console, struct queue *queue)
{
    struct chain *chain = next_chain(queue, &console->receiving);
    ssize_t n = 0;

    if (!chain) {
        console->guest_has_room = queue_enable_kicks(queue, true);
        return console->guest_has_room;
    }
    if (chain->in_size > 0) {
        n = receive_chain(console, chain);
        if (n <= 0) {
            console->receiving = chain;
        }
        if (n == 0 || (n < 0 && n != -EAGAIN)) {
            stream_ended(console);
        }
        if (n <= 0) {
            return false;
        }
    }
    queue_push(queue, chain, (uint32_t)n);
    return true;
}

static void
receive(struct console *console)
{
    struct queue *queue = backend_queue(console->backend, RECEIVE_QUEUE);

    console->guest_has_room = queue;
    for (unsigned int i = 0; queue && console->stream && i < ROUND_CHAINS_MAX; i++) {
        if (!receive_one(console, queue)) {
            break;
        }
    }
    backend_notify(console->backend, RECEIVE_QUEUE);
}

static void
on_stream(void *data, uint32_t events)
{
    struct console *console = data;

    if (events & EPOLLOUT) {
        transmit(console);
    }
    if (events & EPOLLIN) {
        receive(console);
    } else if (events & (EPOLLHUP | EPOLLERR)) {
        stream_ended(console); /* what the guest had no room for is lost */
        transmit(console);
    }
    watch_stream(console);
}

static void
console_kicked(void *device, unsigned int index)
{
    struct console *console = device;

    if (index == TRANSMIT_QUEUE) {
        transmit(console);
    } else {
        receive(console);
    }
    watch_stream(console);
}

static void
console_queue_stopped(void *device, unsigned int index)
{
    struct console *console = device;

    if (index == TRANSMIT_QUEUE) {
        console->transmitting = NULL;
    } else {
        console->receiving = NULL;
        console->guest_has_room = false;
    }
    watch_stream(console);
}

static const struct backend_ops console_ops = {
    .n_queues = QUEUES,
    .kicked = console_kicked,
    .queue_stopped = console_queue_stopped,
};

struct console *
console_create(struct loop *loop, int vhost_fd, int stream_fd)
{
    cleanup(console_destroyp) struct console *console = xalloc(sizeof(*console));

    console->stream_fd = stream_fd;
    console->stream = loop_add(loop, stream_fd, 0, on_stream, console);
    if (!console->stream) {
        return NULL;
    }
    console->backend = backend_create(loop, vhost_fd, &console_ops, console);
    if (!console->backend) {
        return NULL;
    }
    return take_pointer(console);
}

void
console_destroy(struct console *console)
{
    if (console) {
        loop_remove(console->stream);
        backend_destroy(console->backend);
        free(console);
    }
}
