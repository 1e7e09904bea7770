/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/vhost/frontend-requests.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"

/* Listen to the back end's own channel no more; `why` if it broke the rules, NULL if it left. */
static void
stop(struct frontend_requests *requests, const char *why)
{
    if (why) {
        log_warning("vhost-user: the back end's requests are ignored from now on: %s", why);
    }
    loop_remove(requests->source);
    requests->source = NULL;
    fd_closep(&requests->fd);
}

static int
serve_shmem(struct frontend_requests *requests)
{
    const struct vhost_header *header = &requests->incoming.header;
    const bool map = header->request == VHOST_BACKEND_SHMEM_MAP;

    if (requests->shmem_size == 0 || header->size != sizeof(requests->incoming.map) ||
        requests->incoming.map.shmem_id != requests->shmem_id ||
        requests->incoming.fds.count != (map ? 1 : 0) || !requests->ops->map) {
        return -EINVAL;
    }
    return map ? requests->ops->map(requests->data, &requests->incoming.map,
                                    requests->incoming.fds.fd[0])
               : requests->ops->unmap(requests->data, &requests->incoming.map);
}

/* 0 when it was done. */
static int
execute(struct frontend_requests *requests)
{
    switch (requests->incoming.header.request) {
    case VHOST_BACKEND_CONFIG_CHANGE:
        return 0;
    case VHOST_BACKEND_SHMEM_MAP:
    case VHOST_BACKEND_SHMEM_UNMAP:
        return serve_shmem(requests);
    default:
        return -EOPNOTSUPP;
    }
}

/* One complete request is in `incoming`, with the beginning of its payload. */
static void
serve(struct frontend_requests *requests)
{
    struct vhost_message reply = {.header = requests->incoming.header, .payload.u64 = 0};
    bool config = requests->incoming.header.request == VHOST_BACKEND_CONFIG_CHANGE;
    int r = execute(requests);

    message_close_fds(&requests->incoming.fds);
    requests->incoming.done = 0;
    if (reply.header.flags & VHOST_FLAG_NEED_REPLY) {
        reply.header.flags = VHOST_VERSION | VHOST_FLAG_REPLY;
        reply.header.size = sizeof(reply.payload.u64);
        reply.payload.u64 = r < 0;
        if (vhost_message_send(requests->fd, &reply, 0) < 0) {
            stop(requests, "it does not read the answers");
        }
    }
    if (config) {
        requests->ops->config_changed(requests->data);
    }
}

/* Read what is there; never wait. Payload of requests that we do not know is skipped. */
static void
ready(void *data, uint32_t events)
{
    struct frontend_requests *requests = data;
    const uint32_t head = sizeof(requests->incoming.header);
    struct message_fds fds;
    uint8_t skipped[256];
    uint8_t *at = skipped;
    size_t want;
    ssize_t n;

    if (requests->incoming.done < head) {
        at = (uint8_t *)&requests->incoming.header + requests->incoming.done;
        want = head - requests->incoming.done;
    } else {
        want = head + requests->incoming.header.size - requests->incoming.done;
        want = MIN_OF(want, sizeof(skipped));
        size_t have = requests->incoming.done - head;
        if (have < sizeof(requests->incoming.map)) {
            at = (uint8_t *)&requests->incoming.map + have;
            want = MIN_OF(want, sizeof(requests->incoming.map) - have);
        }
    }
    n = message_receive_part(requests->fd, at, want, &fds);
    if (n == -EAGAIN) {
        return;
    }
    if (n <= 0) {
        stop(requests, n == 0 ? NULL : strerror((int)-n));
        return;
    }
    if (fds.count > 0) { /* what came before them goes */
        message_close_fds(&requests->incoming.fds);
        requests->incoming.fds = fds;
    }
    requests->incoming.done += (uint32_t)n;
    if (requests->incoming.done >= head && requests->incoming.header.size > VHOST_PAYLOAD_MAX) {
        stop(requests, "a request is too long");
    } else if (requests->incoming.done >= head &&
               requests->incoming.done == head + requests->incoming.header.size) {
        serve(requests);
    }
}

void
frontend_requests_init(struct frontend_requests *requests)
{
    *requests = (struct frontend_requests){.fd = -1};
}

void
frontend_requests_finish(struct frontend_requests *requests)
{
    stop(requests, NULL);
    message_close_fds(&requests->incoming.fds);
}

int
frontend_requests_open(struct frontend_requests *requests, int *ret_fd)
{
    int pair[2];
    const int r = fd_socket_pair(SOCK_STREAM, pair);

    if (r == 0) {
        requests->fd = pair[0];
        *ret_fd = pair[1];
    }
    return r;
}

int
frontend_requests_watch(struct frontend_requests *requests, struct loop *loop,
                        const struct frontend_ops *ops, void *data)
{
    requests->ops = ops;
    requests->data = data;
    if (requests->fd >= 0) {
        requests->source = loop_add(loop, requests->fd, EPOLLIN, ready, requests);
        if (!requests->source) {
            return -errno;
        }
    }
    return 0;
}
