/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/fakes/fake-backend.h"

#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "vmm/base/assert.h"
#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/base/memory.h"
#include "vmm/vhost/socket.h"

enum {
    RINGS = 16,
    REQUESTS = 64,
};

struct ring {
    uint32_t num;
    struct vhost_vring_addr addr;
    int kick_fd;
    int call_fd;
    bool enabled;
};

struct fake_backend {
    int fd;
    pthread_t thread;
    struct fake_backend_options options;
    pthread_mutex_t lock;
    uint32_t bad_request;
    enum fake_mood mood;
    unsigned int counts[REQUESTS];
    struct ring rings[RINGS];
    int request_fd;
    uint64_t protocol_features;
    uint8_t config[VHOST_CONFIG_MAX];
};

static void
reply(struct fake_backend *be, struct vhost_message *message, uint32_t size)
{
    bool bad = message->header.request == be->bad_request;
    enum fake_mood mood = bad ? be->mood : FAKE_POLITE;

    message->header.flags = VHOST_VERSION | VHOST_FLAG_REPLY;
    message->header.size = size;
    message->fds.count = 0;
    switch (mood) {
    case FAKE_SILENT:
        return;
    case FAKE_WRONG_SIZE:
        message->header.size = size > 4 ? size - 4 : size + 4;
        break;
    case FAKE_WRONG_TYPE:
        message->header.request = message->header.request + 1;
        break;
    case FAKE_NO_REPLY_FLAG:
        message->header.flags = VHOST_VERSION;
        break;
    case FAKE_REFUSE:
        message->payload.u64 = 1;
        break;
    case FAKE_HALF:
        (void)!send(be->fd, &message->header, 6, MSG_NOSIGNAL);
        return;
    case FAKE_GIANT:
        message->header.size = UINT32_MAX;
        (void)!send(be->fd, &message->header, sizeof(message->header), MSG_NOSIGNAL);
        return;
    case FAKE_CLOSE:
        shutdown(be->fd, SHUT_RDWR);
        return;
    case FAKE_FDS:
        message->fds.fd[0] = 0;
        message->fds.fd[1] = 0;
        message->fds.count = 2;
        break;
    case FAKE_POLITE:
    default:
        break;
    }
    vhost_message_send(be->fd, message, VHOST_NO_DEADLINE);
}

static void
replace_fd(int *fd, struct vhost_message *message)
{
    fd_closep(fd);
    *fd = message_take_fd(&message->fds, 0);
}

/* Requests that have an answer of their own: true. */
static bool
answer(struct fake_backend *be, struct vhost_message *message)
{
    struct vhost_config *config = &message->payload.config;

    switch (message->header.request) {
    case VHOST_GET_FEATURES:
        message->payload.u64 = be->options.features | UINT64_C(1) << 30;
        break;
    case VHOST_GET_PROTOCOL_FEATURES:
        message->payload.u64 = be->options.protocol_features;
        break;
    case VHOST_GET_QUEUE_NUM:
        message->payload.u64 = be->options.n_queues;
        break;
    case VHOST_GET_VRING_BASE:
        be->rings[message->payload.state.index].enabled = false;
        reply(be, message, sizeof(message->payload.state));
        return true;
    case VHOST_GET_CONFIG:
        if (!range_inside(config->offset, config->size, be->options.config_size)) {
            reply(be, message, 0);
            return true;
        }
        memcpy(config->data, be->config + config->offset, config->size);
        reply(be, message, message->header.size);
        return true;
    case VHOST_GET_SHMEM_CONFIG:
        memset(&message->payload.shmem, 0, sizeof(message->payload.shmem));
        message->payload.shmem.n_regions = 1;
        message->payload.shmem.size[1] = be->options.shmem_size;
        reply(be, message, sizeof(message->payload.shmem));
        return true;
    default:
        return false;
    }
    reply(be, message, sizeof(uint64_t));
    return true;
}

static void
take(struct fake_backend *be, struct vhost_message *message)
{
    struct ring *ring = &be->rings[message->payload.state.index % RINGS];

    switch (message->header.request) {
    case VHOST_SET_PROTOCOL_FEATURES:
        be->protocol_features = message->payload.u64;
        break;
    case VHOST_SET_VRING_NUM:
        ring->num = message->payload.state.num;
        break;
    case VHOST_SET_VRING_ADDR:
        ring->addr = message->payload.addr;
        break;
    case VHOST_SET_VRING_KICK:
        replace_fd(&ring->kick_fd, message);
        break;
    case VHOST_SET_VRING_CALL:
        replace_fd(&ring->call_fd, message);
        break;
    case VHOST_SET_VRING_ENABLE:
        ring->enabled = message->payload.state.num != 0;
        break;
    case VHOST_SET_BACKEND_REQ_FD:
        replace_fd(&be->request_fd, message);
        break;
    case VHOST_SET_CONFIG:
        memcpy(be->config + message->payload.config.offset, message->payload.config.data,
               message->payload.config.size);
        break;
    default:
        break;
    }
}

static void *
serve(void *data)
{
    struct fake_backend *be = data;
    struct vhost_message message;

    while (vhost_message_receive(be->fd, &message, VHOST_NO_DEADLINE) == 0) {
        bool need_reply = (message.header.flags & VHOST_FLAG_NEED_REPLY) != 0;

        pthread_mutex_lock(&be->lock);
        be->counts[message.header.request % REQUESTS]++;
        if (!answer(be, &message)) {
            take(be, &message);
            message_close_fds(&message.fds);
            if (need_reply) {
                message.payload.u64 = 0;
                reply(be, &message, sizeof(uint64_t));
            } else if (message.header.request == be->bad_request && be->mood == FAKE_CLOSE) {
                shutdown(be->fd, SHUT_RDWR);
            }
        }
        pthread_mutex_unlock(&be->lock);
    }
    return NULL;
}

struct fake_backend *
fake_backend_create(const struct fake_backend_options *options, int *ret_fd)
{
    struct fake_backend *be = xalloc(sizeof(*be));
    int pair[2];

    assert(fd_socket_pair(SOCK_STREAM, pair) == 0);
    be->fd = pair[0];
    be->options = *options;
    be->request_fd = -1;
    for (unsigned int i = 0; i < RINGS; i++) {
        be->rings[i].kick_fd = -1;
        be->rings[i].call_fd = -1;
    }
    for (unsigned int i = 0; i < VHOST_CONFIG_MAX; i++) {
        be->config[i] = (uint8_t)i;
    }
    pthread_mutex_init(&be->lock, NULL);
    assert(pthread_create(&be->thread, NULL, serve, be) == 0);
    *ret_fd = pair[1];
    return be;
}

void
fake_backend_destroy(struct fake_backend *be)
{
    shutdown(be->fd, SHUT_RDWR);
    pthread_join(be->thread, NULL);
    for (unsigned int i = 0; i < RINGS; i++) {
        fd_closep(&be->rings[i].kick_fd);
        fd_closep(&be->rings[i].call_fd);
    }
    fd_closep(&be->request_fd);
    fd_closep(&be->fd);
    pthread_mutex_destroy(&be->lock);
    free(be);
}

void
fake_backend_misbehave(struct fake_backend *be, uint32_t request, enum fake_mood mood)
{
    pthread_mutex_lock(&be->lock);
    be->bad_request = request;
    be->mood = mood;
    pthread_mutex_unlock(&be->lock);
}

unsigned int
fake_backend_count(struct fake_backend *be, uint32_t request)
{
    unsigned int count;

    pthread_mutex_lock(&be->lock);
    count = be->counts[request];
    pthread_mutex_unlock(&be->lock);
    return count;
}

bool
fake_backend_call(struct fake_backend *be, unsigned int index)
{
    bool ok;

    pthread_mutex_lock(&be->lock);
    ok = eventfd_write(be->rings[index].call_fd, 1) == 0;
    pthread_mutex_unlock(&be->lock);
    return ok;
}

int
fake_backend_kicks(struct fake_backend *be, unsigned int index)
{
    eventfd_t count = 0;

    if (be->rings[index].kick_fd < 0) {
        return -1;
    }
    return eventfd_read(be->rings[index].kick_fd, &count) == 0 ? (int)count : 0;
}

bool
fake_backend_enabled(struct fake_backend *be, unsigned int index)
{
    return be->rings[index].enabled;
}

struct vhost_vring_addr
fake_backend_addr(struct fake_backend *be, unsigned int index)
{
    return be->rings[index].addr;
}

uint32_t
fake_backend_num(struct fake_backend *be, unsigned int index)
{
    return be->rings[index].num;
}

void
fake_backend_set_config(struct fake_backend *be, uint32_t offset, uint8_t value)
{
    pthread_mutex_lock(&be->lock);
    be->config[offset] = value;
    pthread_mutex_unlock(&be->lock);
}

void
fake_backend_request(struct fake_backend *be, const void *data, size_t size)
{
    const struct vhost_header header = {VHOST_BACKEND_CONFIG_CHANGE, VHOST_VERSION, 0};

    if (!data) {
        data = &header;
        size = sizeof(header);
    }
    pthread_mutex_lock(&be->lock);
    (void)!send(be->request_fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    pthread_mutex_unlock(&be->lock);
}

int
fake_backend_shmem(struct fake_backend *be, const struct vhost_mmap *map, int fd)
{
    struct vhost_message message = {
        .header = {.request = fd >= 0 ? VHOST_BACKEND_SHMEM_MAP : VHOST_BACKEND_SHMEM_UNMAP,
                   .flags = VHOST_VERSION | VHOST_FLAG_NEED_REPLY,
                   .size = sizeof(*map)},
        .payload.mmap = *map,
        .fds = {.fd = {fd}, .count = fd >= 0}};
    uint32_t request = message.header.request;

    if (vhost_message_send(be->request_fd, &message, vhost_deadline(1000)) < 0 ||
        vhost_message_receive(be->request_fd, &message, vhost_deadline(1000)) < 0) {
        return -1;
    }
    return message.header.request == request && message.header.size == sizeof(uint64_t)
               ? (int)message.payload.u64
               : -1;
}
