/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/vhost/frontend.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>

#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/base/memory.h"
#include "vmm/vhost/frontend-requests.h"
#include "vmm/vhost/socket.h"

#define BIT(n) (UINT64_C(1) << (n))

/* What we use when the back end offers it. */
#define PROTOCOL_FEATURES                                                                  \
    (BIT(VHOST_PROTOCOL_MQ) | BIT(VHOST_PROTOCOL_REPLY_ACK) | BIT(VHOST_PROTOCOL_CONFIG) | \
     BIT(VHOST_PROTOCOL_BACKEND_REQ) | BIT(VHOST_PROTOCOL_BACKEND_SEND_FD) |               \
     BIT(VHOST_PROTOCOL_RESET_DEVICE) | BIT(VHOST_PROTOCOL_STATUS) | BIT(VHOST_PROTOCOL_SHMEM))

enum {
    STATUS_ACKNOWLEDGE = 1,
    STATUS_DRIVER = 2,
    STATUS_DRIVER_OK = 4,
    STATUS_FEATURES_OK = 8,
};

struct frontend {
    int fd;
    _Atomic bool failed;
    _Atomic bool given_up; /* failed, and it was us who closed */
    uint64_t deadline_ns;  /* of the operation that runs */
    uint64_t features;
    uint64_t protocol_features;
    uint64_t more_protocol_features; /* wanted besides PROTOCOL_FEATURES */
    uint32_t n_queues;
    struct frontend_requests requests;

    /* Touched by the loop's thread only. */
    const struct frontend_ops *ops;
    void *ops_data;
    struct loop_source *hangup;
};

struct frontend *
frontend_create(int fd)
{
    struct frontend *fe = xalloc(sizeof(*fe));

    fe->fd = fd;
    frontend_requests_init(&fe->requests);
    return fe;
}

void
frontend_destroy(struct frontend *fe)
{
    if (!fe) {
        return;
    }
    loop_remove(fe->hangup);
    frontend_requests_finish(&fe->requests);
    fd_closep(&fe->fd);
    free(fe);
}

void
frontend_want_inflight(struct frontend *fe)
{
    fe->more_protocol_features |= BIT(VHOST_PROTOCOL_INFLIGHT_SHMFD);
}

uint64_t
frontend_features(const struct frontend *fe)
{
    return fe->features & ~BIT(VHOST_FEATURE_PROTOCOL_FEATURES);
}

bool
frontend_has(const struct frontend *fe, enum vhost_protocol_feature feature)
{
    return (fe->protocol_features & BIT(feature)) != 0;
}

uint32_t
frontend_queue_count(const struct frontend *fe)
{
    return fe->n_queues;
}

uint64_t
frontend_shmem(const struct frontend *fe, uint8_t *ret_id)
{
    *ret_id = fe->requests.shmem_id;
    return fe->requests.shmem_size;
}

bool
frontend_failed(const struct frontend *fe)
{
    return atomic_load(&fe->failed);
}

bool
frontend_gave_up(const struct frontend *fe)
{
    return atomic_load(&fe->given_up);
}

/* The connection is of no use any more; keeps `error`. */
static int
fail(struct frontend *fe, uint32_t request, int error)
{
    if (!atomic_exchange(&fe->failed, true)) {
        log_warning("vhost-user: request %u: %s", request, strerror(-error));
        if (error != -EPIPE) {
            /* A late answer must not be taken for that of another request. */
            atomic_store(&fe->given_up, true);
            shutdown(fe->fd, SHUT_RDWR);
        }
    }
    return error;
}

static void
begin(struct frontend *fe)
{
    fe->deadline_ns = vhost_deadline(FRONTEND_LIMIT_MS);
}

/* Before the guest runs nobody waits but us: a host under load may take longer. */
static void
begin_setup(struct frontend *fe)
{
    fe->deadline_ns = vhost_deadline(FRONTEND_SETUP_LIMIT_MS);
}

static int
send_request(struct frontend *fe, struct vhost_message *message)
{
    int r;

    if (frontend_failed(fe)) {
        return -ENOTCONN;
    }
    message->header.flags = VHOST_VERSION | (message->header.flags & VHOST_FLAG_NEED_REPLY);
    r = vhost_message_send(fe->fd, message, fe->deadline_ns);
    return r < 0 ? fail(fe, message->header.request, r) : 0;
}

/* The answer to `request`: -EPROTO, and the end, for anything but that. Its descriptors too. */
static int
receive_reply_and_fds(struct frontend *fe, uint32_t request, struct vhost_message *ret_reply)
{
    int r = vhost_message_receive(fe->fd, ret_reply, fe->deadline_ns);

    if (r < 0) {
        return fail(fe, request, r);
    }
    if (ret_reply->header.request != request ||
        (ret_reply->header.flags & VHOST_VERSION_MASK) != VHOST_VERSION ||
        !(ret_reply->header.flags & VHOST_FLAG_REPLY)) {
        message_close_fds(&ret_reply->fds);
        return fail(fe, request, -EPROTO);
    }
    return 0;
}

static int
receive_reply(struct frontend *fe, uint32_t request, struct vhost_message *ret_reply)
{
    int r = receive_reply_and_fds(fe, request, ret_reply);

    if (r == 0) {
        message_close_fds(&ret_reply->fds);
    }
    return r;
}

static int
check_size(struct frontend *fe, const struct vhost_message *reply, uint32_t size)
{
    return reply->header.size == size ? 0 : fail(fe, reply->header.request, -EPROTO);
}

/* Send a request that has no answer of its own; wait for REPLY_ACK's where that was negotiated. */
static int
tell(struct frontend *fe, struct vhost_message *message)
{
    uint32_t request = message->header.request;
    struct vhost_message reply;
    bool ack = frontend_has(fe, VHOST_PROTOCOL_REPLY_ACK);
    int r;

    message->header.flags = ack ? VHOST_FLAG_NEED_REPLY : 0;
    r = send_request(fe, message);
    if (r < 0 || !ack) {
        return r;
    }
    r = receive_reply(fe, request, &reply);
    if (r == 0) {
        r = check_size(fe, &reply, sizeof(reply.payload.u64));
    }
    if (r < 0) {
        return r;
    }
    if (reply.payload.u64 != 0) {
        log_warning("vhost-user: the back end refused request %u", request);
        return -EREMOTEIO;
    }
    return 0;
}

static int
tell_u64(struct frontend *fe, enum vhost_request request, uint64_t value)
{
    struct vhost_message message = {.header = {.request = request, .size = sizeof(value)},
                                    .payload.u64 = value};

    return tell(fe, &message);
}

static int
tell_state(struct frontend *fe, enum vhost_request request, uint32_t index, uint32_t num)
{
    struct vhost_message message = {
        .header = {.request = request, .size = sizeof(message.payload.state)},
        .payload.state = {.index = index, .num = num}};

    return tell(fe, &message);
}

static int
tell_fd(struct frontend *fe, enum vhost_request request, uint32_t index, int fd)
{
    struct vhost_message message = {.header = {.request = request, .size = sizeof(uint64_t)},
                                    .payload.u64 = index,
                                    .fds = {.fd = {fd}, .count = 1}};

    return tell(fe, &message);
}

/* A request without payload and descriptors that is answered by a u64. */
static int
ask_u64(struct frontend *fe, enum vhost_request request, uint64_t *ret_value)
{
    struct vhost_message message = {.header = {.request = request}};
    int r = send_request(fe, &message);

    if (r == 0) {
        r = receive_reply(fe, request, &message);
    }
    if (r == 0) {
        r = check_size(fe, &message, sizeof(uint64_t));
    }
    if (r == 0) {
        *ret_value = message.payload.u64;
    }
    return r;
}

/* Give the back end a socket for its own requests. */
static int
open_request_channel(struct frontend *fe)
{
    struct vhost_message message = {.header = {.request = VHOST_SET_BACKEND_REQ_FD}};
    cleanup_fd int theirs = -1;
    int r = frontend_requests_open(&fe->requests, &theirs);

    if (r < 0) {
        return r;
    }
    message.fds.fd[0] = theirs;
    message.fds.count = 1;
    return tell(fe, &message);
}

/* The first region counts; nobody has two. */
static int
ask_shmem(struct frontend *fe)
{
    struct vhost_message message = {.header = {.request = VHOST_GET_SHMEM_CONFIG}};
    struct frontend_requests *requests = &fe->requests;
    int r = send_request(fe, &message);

    if (r == 0) {
        r = receive_reply(fe, VHOST_GET_SHMEM_CONFIG, &message);
    }
    if (r == 0) {
        r = check_size(fe, &message, sizeof(message.payload.shmem));
    }
    for (unsigned int i = 0; r == 0 && requests->shmem_size == 0 && i < VHOST_SHMEM_REGIONS_MAX;
         i++) {
        requests->shmem_id = (uint8_t)i;
        requests->shmem_size = message.payload.shmem.size[i];
    }
    return r;
}

static int
negotiate_protocol(struct frontend *fe)
{
    uint64_t offered = 0;
    uint64_t wanted;
    uint64_t queues = 0;
    int r = ask_u64(fe, VHOST_GET_PROTOCOL_FEATURES, &offered);

    if (r < 0) {
        return r;
    }
    wanted = offered & (PROTOCOL_FEATURES | fe->more_protocol_features);
    if (!(offered & BIT(VHOST_PROTOCOL_BACKEND_REQ))) {
        wanted &= ~BIT(VHOST_PROTOCOL_BACKEND_SEND_FD);
    }
    if (!(wanted & BIT(VHOST_PROTOCOL_BACKEND_SEND_FD)) ||
        !(wanted & BIT(VHOST_PROTOCOL_REPLY_ACK))) {
        wanted &= ~BIT(VHOST_PROTOCOL_SHMEM);
    }
    r = tell_u64(fe, VHOST_SET_PROTOCOL_FEATURES, wanted);
    if (r < 0) {
        return r;
    }
    fe->protocol_features = wanted;
    if (frontend_has(fe, VHOST_PROTOCOL_MQ)) {
        r = ask_u64(fe, VHOST_GET_QUEUE_NUM, &queues);
        if (r < 0) {
            return r;
        }
        fe->n_queues = (uint32_t)MIN_OF(queues, UINT64_C(0xffff));
    }
    if (frontend_has(fe, VHOST_PROTOCOL_SHMEM)) {
        r = ask_shmem(fe);
        if (r < 0) {
            return r;
        }
    }
    return frontend_has(fe, VHOST_PROTOCOL_BACKEND_REQ) ? open_request_channel(fe) : 0;
}

int
frontend_negotiate(struct frontend *fe)
{
    struct vhost_message message = {.header = {.request = VHOST_SET_OWNER}};
    int r;

    begin_setup(fe);
    r = ask_u64(fe, VHOST_GET_FEATURES, &fe->features);
    if (r == 0 && (fe->features & BIT(VHOST_FEATURE_PROTOCOL_FEATURES))) {
        r = negotiate_protocol(fe);
    }
    return r < 0 ? r : tell(fe, &message);
}

/* -EREMOTEIO: the back end says that it does not have so much. */
static int
get_config(struct frontend *fe, void *data, uint32_t size)
{
    const uint32_t head = offsetof(struct vhost_config, data);
    struct vhost_message message = {.header = {.request = VHOST_GET_CONFIG, .size = head + size},
                                    .payload.config = {.size = size}};
    int r = send_request(fe, &message);

    if (r == 0) {
        r = receive_reply(fe, VHOST_GET_CONFIG, &message);
    }
    if (r < 0) {
        return r;
    }
    if (message.header.size == 0 ||
        (message.header.size >= head && message.payload.config.size == 0)) {
        return -EREMOTEIO;
    }
    r = check_size(fe, &message, head + size);
    if (r == 0 && message.payload.config.size != size) {
        r = fail(fe, VHOST_GET_CONFIG, -EPROTO);
    }
    if (r == 0) {
        memcpy(data, message.payload.config.data, size);
    }
    return r;
}

int
frontend_probe_config(struct frontend *fe, uint32_t most, uint32_t *ret_size)
{
    uint8_t data[VHOST_CONFIG_MAX];
    uint32_t low = 0;                                             /* served */
    uint32_t high = MIN_OF(most, (uint32_t)VHOST_CONFIG_MAX) + 1; /* refused */
    uint32_t ask = high - 1;

    begin_setup(fe);
    while (frontend_has(fe, VHOST_PROTOCOL_CONFIG) && high - low > 1) {
        int r = get_config(fe, data, ask);

        if (r == -EREMOTEIO) {
            high = ask;
        } else if (r < 0) {
            return r;
        } else {
            low = ask;
        }
        ask = low + (high - low) / 2;
    }
    *ret_size = low;
    return 0;
}

int
frontend_get_config(struct frontend *fe, void *data, uint32_t size)
{
    if (size == 0 || size > VHOST_CONFIG_MAX || !frontend_has(fe, VHOST_PROTOCOL_CONFIG)) {
        return -EINVAL;
    }
    begin(fe);
    return get_config(fe, data, size);
}

int
frontend_set_config(struct frontend *fe, uint32_t offset, const void *data, uint32_t size)
{
    struct vhost_message message = {
        .header = {.request = VHOST_SET_CONFIG,
                   .size = (uint32_t)offsetof(struct vhost_config, data) + size},
        .payload.config = {.offset = offset, .size = size, .flags = VHOST_CONFIG_WRITABLE}};

    if (!range_inside(offset, size, VHOST_CONFIG_MAX) || !frontend_has(fe, VHOST_PROTOCOL_CONFIG)) {
        return -EINVAL;
    }
    memcpy(message.payload.config.data, data, size);
    begin(fe);
    return tell(fe, &message);
}

static int
set_memory(struct frontend *fe, const struct frontend_start *start)
{
    struct vhost_message message = {.header = {.request = VHOST_SET_MEM_TABLE}};
    struct vhost_memory *memory = &message.payload.memory;

    if (start->n_regions > VHOST_MEMORY_REGIONS_MAX) {
        return -EINVAL;
    }
    memory->n_regions = start->n_regions;
    for (unsigned int i = 0; i < start->n_regions; i++) {
        memory->region[i] = start->regions[i].region;
        message.fds.fd[message.fds.count++] = start->regions[i].fd;
    }
    message.header.size = (uint32_t)(offsetof(struct vhost_memory, region) +
                                     start->n_regions * sizeof(memory->region[0]));
    return tell(fe, &message);
}

static int
set_vring(struct frontend *fe, const struct frontend_vring *vring)
{
    struct vhost_message addr = {
        .header = {.request = VHOST_SET_VRING_ADDR, .size = sizeof(addr.payload.addr)},
        .payload.addr = {.index = vring->index,
                         .descriptor = vring->descriptor,
                         .used = vring->used,
                         .available = vring->available}};
    int r = tell_state(fe, VHOST_SET_VRING_NUM, vring->index, vring->size);

    if (r == 0) {
        r = tell_state(fe, VHOST_SET_VRING_BASE, vring->index, 0);
    }
    if (r == 0) {
        r = tell(fe, &addr);
    }
    if (r == 0) {
        r = tell_fd(fe, VHOST_SET_VRING_KICK, vring->index, vring->kick_fd);
    }
    return r < 0 ? r : tell_fd(fe, VHOST_SET_VRING_CALL, vring->index, vring->call_fd);
}

/* Have the back end make the area: it may have to lie in memory of its own kind. */
static int
get_inflight(struct frontend *fe, const struct frontend_start *start)
{
    struct vhost_message message = {
        .header = {.request = VHOST_GET_INFLIGHT_FD, .size = sizeof(message.payload.inflight)}};
    struct vhost_inflight *wanted = &message.payload.inflight;
    int r;

    for (unsigned int i = 0; i < start->n_vrings; i++) {
        wanted->n_queues = (uint16_t)MAX_OF((uint32_t)wanted->n_queues, start->vrings[i].index + 1);
        wanted->queue_size = (uint16_t)MAX_OF((uint32_t)wanted->queue_size, start->vrings[i].size);
    }
    r = send_request(fe, &message);
    if (r == 0) {
        r = receive_reply_and_fds(fe, VHOST_GET_INFLIGHT_FD, &message);
    }
    if (r < 0) {
        return r;
    }
    start->inflight->fd = message_take_fd(&message.fds, 0);
    start->inflight->area = message.payload.inflight;
    message_close_fds(&message.fds);
    r = check_size(fe, &message, sizeof(message.payload.inflight));
    if (r == 0 && (start->inflight->fd < 0 || message.payload.inflight.size == 0)) {
        r = fail(fe, VHOST_GET_INFLIGHT_FD, -EPROTO);
    }
    return r;
}

static int
set_inflight(struct frontend *fe, const struct frontend_start *start)
{
    struct vhost_message message = {
        .header = {.request = VHOST_SET_INFLIGHT_FD, .size = sizeof(message.payload.inflight)}};
    int r = 0;

    if (!start->inflight || start->n_vrings == 0 ||
        !frontend_has(fe, VHOST_PROTOCOL_INFLIGHT_SHMFD)) {
        return 0;
    }
    if (start->inflight->fd < 0) {
        r = get_inflight(fe, start);
    }
    message.payload.inflight = start->inflight->area;
    message.fds.fd[0] = start->inflight->fd;
    message.fds.count = 1;
    return r < 0 ? r : tell(fe, &message);
}

int
frontend_start(struct frontend *fe, const struct frontend_start *start)
{
    /* Rings start disabled exactly when this bit is acknowledged. */
    uint64_t own = fe->features & BIT(VHOST_FEATURE_PROTOCOL_FEATURES);
    int r;

    begin(fe);
    r = tell_u64(fe, VHOST_SET_FEATURES, start->features | own);
    if (r == 0) {
        r = set_memory(fe, start);
    }
    if (r == 0) {
        r = set_inflight(fe, start);
    }
    for (unsigned int i = 0; r == 0 && i < start->n_vrings; i++) {
        r = set_vring(fe, &start->vrings[i]);
    }
    for (unsigned int i = 0; r == 0 && own && i < start->n_vrings; i++) {
        r = tell_state(fe, VHOST_SET_VRING_ENABLE, start->vrings[i].index, 1);
    }
    if (r == 0 && frontend_has(fe, VHOST_PROTOCOL_STATUS)) {
        r = tell_u64(fe, VHOST_SET_STATUS,
                     STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK | STATUS_DRIVER_OK);
    }
    return r;
}

int
frontend_hold(struct frontend *fe, const struct frontend_vring *vrings, unsigned int n_vrings,
              bool hold)
{
    int r = 0;

    begin(fe);
    for (unsigned int i = 0;
         r == 0 && i < n_vrings && (fe->features & BIT(VHOST_FEATURE_PROTOCOL_FEATURES)); i++) {
        r = tell_state(fe, VHOST_SET_VRING_ENABLE, vrings[i].index, !hold);
    }
    return r;
}

static int
stop_vring(struct frontend *fe, uint32_t index)
{
    struct vhost_message message = {
        .header = {.request = VHOST_GET_VRING_BASE, .size = sizeof(message.payload.state)},
        .payload.state = {.index = index}};
    int r = send_request(fe, &message);

    if (r == 0) {
        r = receive_reply(fe, VHOST_GET_VRING_BASE, &message);
    }
    if (r == 0) {
        r = check_size(fe, &message, sizeof(message.payload.state));
    }
    if (r == 0 && message.payload.state.index != index) {
        r = fail(fe, VHOST_GET_VRING_BASE, -EPROTO);
    }
    return r;
}

int
frontend_stop(struct frontend *fe, const struct frontend_vring *vrings, unsigned int n_vrings)
{
    int r = 0;

    begin(fe);
    for (unsigned int i = 0; r == 0 && i < n_vrings; i++) {
        r = stop_vring(fe, vrings[i].index);
    }
    if (r == 0 && frontend_has(fe, VHOST_PROTOCOL_RESET_DEVICE)) {
        struct vhost_message message = {.header = {.request = VHOST_RESET_DEVICE}};

        r = tell(fe, &message);
    }
    if (r == 0 && frontend_has(fe, VHOST_PROTOCOL_STATUS)) {
        r = tell_u64(fe, VHOST_SET_STATUS, 0);
    }
    return r;
}

static void
connection_lost(void *data, uint32_t events)
{
    struct frontend *fe = data;

    loop_remove(fe->hangup);
    fe->hangup = NULL;
    atomic_store(&fe->failed, true);
    if (!atomic_load(&fe->given_up)) {
        fe->ops->lost(fe->ops_data);
    }
}

int
frontend_watch(struct frontend *fe, struct loop *loop, const struct frontend_ops *ops, void *data)
{
    fe->ops = ops;
    fe->ops_data = data;
    /* Not EPOLLIN: answers are read by the thread that asked. */
    fe->hangup = loop_add(loop, fe->fd, EPOLLRDHUP, connection_lost, fe);
    if (!fe->hangup) {
        return -errno;
    }
    return frontend_requests_watch(&fe->requests, loop, ops, data);
}
