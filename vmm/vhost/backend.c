/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/vhost/backend.h"

#include <errno.h>
#include <string.h>

#include "vmm/base/assert.h"
#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/base/memory.h"
#include "vmm/vhost/backend-requests.h"
#include "vmm/vhost/vhost-protocol.h"

/* A message that has begun must be complete within this time, and an answer taken. */
enum {
    MESSAGE_LIMIT_MS = 1000
};

static bool
shape_fits(const struct backend_request *request, const struct vhost_message *message)
{
    return message->header.size >= request->min_size && message->header.size <= request->max_size &&
           message->fds.count >= request->min_fds && message->fds.count <= request->max_fds;
}

/* Start what became complete; the new rings' bits in *ret_started. */
static int
start_rings(struct backend *backend, uint32_t *ret_started)
{
    for (unsigned int i = 0; i < backend->ops->n_queues; i++) {
        int r;

        backend->rings[i].setup.inflight = backend->rings[i].queue
                                               ? backend->rings[i].setup.inflight
                                               : backend_inflight(backend, i);
        r = ring_start(&backend->rings[i], backend->memory, backend->features);
        if (r < 0) {
            backend->rings[i].has_addresses = false; /* ask again only when they were set anew */
            return r;
        }
        *ret_started |= (uint32_t)(r > 0) << i;
    }
    return 0;
}

static int
send_answer(struct backend *backend, struct vhost_message *message)
{
    cleanup_fd int fd = take_fd(&backend->answer_fd);

    message->header.flags = VHOST_VERSION | VHOST_FLAG_REPLY;
    message->fds.fd[0] = fd;
    message->fds.count = fd >= 0;
    return vhost_message_send(backend->fd, message, vhost_deadline(MESSAGE_LIMIT_MS));
}

/* Serve one message; an error ends the connection. */
static int
serve_message(struct backend *backend, struct vhost_message *message, uint32_t *ret_started)
{
    const struct backend_request *request = backend_find_request(backend, message);
    uint32_t number = message->header.request;
    bool wants_ack = (message->header.flags & VHOST_FLAG_NEED_REPLY) &&
                     (backend->protocol_features & (UINT64_C(1) << VHOST_PROTOCOL_REPLY_ACK));
    int r = -EOPNOTSUPP;

    if ((message->header.flags & VHOST_VERSION_MASK) != VHOST_VERSION ||
        (message->header.flags & VHOST_FLAG_REPLY)) {
        r = -EPROTO;
        wants_ack = false;
    } else if (request) {
        r = shape_fits(request, message) ? request->handle(backend, message) : -EPROTO;
        r = r == 0 ? start_rings(backend, ret_started) : r;
    }
    message_close_fds(&message->fds);
    if (r < 0) {
        log_limited(&backend->limit, LOG_LEVEL_WARNING, "vhost-user request %u of %u bytes: %s",
                    number, message->header.size, strerror(-r));
    }
    if (request && request->answers) {
        return r < 0 ? r : send_answer(backend, message);
    }
    if (!wants_ack) {
        return r;
    }
    message->payload.u64 = r < 0;
    message->header.size = sizeof(message->payload.u64);
    return send_answer(backend, message);
}

static void
on_message(void *data, uint32_t events)
{
    struct backend *backend = data;
    struct vhost_message message;
    uint32_t started = 0;
    int r = vhost_message_receive(backend->fd, &message, vhost_deadline(MESSAGE_LIMIT_MS));

    (void)events;
    if (r == -EPIPE) {
        loop_quit(backend->loop, 0);
        return;
    }
    if (r == 0) {
        r = serve_message(backend, &message, &started);
    }
    if (r < 0) {
        log_warning("the vhost-user connection ends: %s", strerror(-r));
        loop_quit(backend->loop, r == -EPIPE ? 0 : 1);
        return;
    }
    for (unsigned int i = 0; started >> i != 0; i++) {
        if (started & (1U << i)) {
            ring_serve(&backend->rings[i]);
        }
    }
}

static void
on_ring_kicked(void *data, unsigned int index)
{
    struct backend *backend = data;

    backend->ops->kicked(backend->device, index);
}

static void
on_ring_stopped(void *data, unsigned int index)
{
    struct backend *backend = data;

    if (backend->ops->queue_stopped) {
        backend->ops->queue_stopped(backend->device, index);
    }
}

static const struct ring_ops ring_ops = {
    .kicked = on_ring_kicked,
    .stopped = on_ring_stopped,
};

struct backend *
backend_create(struct loop *loop, int fd, const struct backend_ops *ops, void *device)
{
    cleanup(backend_destroyp) struct backend *backend = xalloc(sizeof(*backend));

    assert(ops->kicked && ops->n_queues > 0 && ops->n_queues <= BACKEND_QUEUES_MAX);
    assert(ops->config_size <= BACKEND_CONFIG_MAX);
    backend->loop = loop;
    backend->fd = fd;
    backend->ops = ops;
    backend->device = device;
    backend->request_fd = -1;
    backend->answer_fd = -1;
    backend->memory = guest_memory_create();
    for (unsigned int i = 0; i < ops->n_queues; i++) {
        ring_init(&backend->rings[i], loop, i, &ring_ops, backend);
    }
    backend->source = loop_add(loop, fd, EPOLLIN, on_message, backend);
    if (!backend->source) {
        return NULL;
    }
    return take_pointer(backend);
}

void
backend_destroy(struct backend *backend)
{
    if (!backend) {
        return;
    }
    for (unsigned int i = 0; i < backend->ops->n_queues; i++) {
        ring_finish(&backend->rings[i]);
    }
    loop_remove(backend->source);
    fd_closep(&backend->fd);
    fd_closep(&backend->request_fd);
    backend_drop_inflight(backend);
    guest_memory_destroy(backend->memory);
    free(backend);
}

struct queue *
backend_queue(struct backend *backend, unsigned int index)
{
    return index < backend->ops->n_queues ? backend->rings[index].queue : NULL;
}

void
backend_serve_again(struct backend *backend, unsigned int index)
{
    if (index < backend->ops->n_queues) {
        ring_serve_again(&backend->rings[index]);
    }
}

void
backend_notify(struct backend *backend, unsigned int index)
{
    if (index < backend->ops->n_queues) {
        ring_notify(&backend->rings[index]);
    }
}

int
backend_config_changed(struct backend *backend)
{
    struct vhost_message message = {
        .header = {.request = VHOST_BACKEND_CONFIG_CHANGE, .flags = VHOST_VERSION},
    };

    if (backend->request_fd < 0) {
        return -ENOTCONN;
    }
    return vhost_message_send(backend->request_fd, &message, vhost_deadline(0));
}

const struct guest_memory *
backend_memory(struct backend *backend)
{
    return backend->memory;
}

bool
backend_has_shmem(const struct backend *backend)
{
    return backend->request_fd >= 0 && backend->ops->shmem_size > 0 &&
           (backend->protocol_features & (UINT64_C(1) << VHOST_PROTOCOL_SHMEM));
}

/* Send a request about the region and wait for what becomes of it. */
static int
ask_shmem(struct backend *backend, uint32_t request, const struct vhost_mmap *map, int fd)
{
    const uint64_t deadline = vhost_deadline(MESSAGE_LIMIT_MS);
    struct vhost_message message = {.header = {.request = request,
                                               .flags = VHOST_VERSION | VHOST_FLAG_NEED_REPLY,
                                               .size = sizeof(*map)},
                                    .payload.mmap = *map};

    if (!backend_has_shmem(backend)) {
        return -ENOTCONN;
    }
    message.fds.fd[0] = fd;
    message.fds.count = fd >= 0;
    int r = vhost_message_send(backend->request_fd, &message, deadline);
    if (r == 0) {
        r = vhost_message_receive(backend->request_fd, &message, deadline);
    }
    if (r < 0) {
        /* A late answer must not be taken for that of another request. */
        fd_closep(&backend->request_fd);
        return r;
    }
    message_close_fds(&message.fds);
    if (message.header.request != request || !(message.header.flags & VHOST_FLAG_REPLY) ||
        message.header.size != sizeof(message.payload.u64)) {
        fd_closep(&backend->request_fd);
        return -EPROTO;
    }
    return message.payload.u64 == 0 ? 0 : -EREMOTEIO;
}

int
backend_shmem_map(struct backend *backend, int fd, uint64_t offset, uint64_t size)
{
    const struct vhost_mmap map = {.shmem_id = backend->ops->shmem_id,
                                   .shmem_offset = offset,
                                   .size = size,
                                   .flags = VHOST_MMAP_WRITABLE};

    return ask_shmem(backend, VHOST_BACKEND_SHMEM_MAP, &map, fd);
}

int
backend_shmem_unmap(struct backend *backend, uint64_t offset, uint64_t size)
{
    const struct vhost_mmap map = {
        .shmem_id = backend->ops->shmem_id, .shmem_offset = offset, .size = size};

    return ask_shmem(backend, VHOST_BACKEND_SHMEM_UNMAP, &map, -1);
}
