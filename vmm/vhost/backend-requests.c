/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/vhost/backend-requests.h"

#include <errno.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <string.h>
#include <sys/mman.h>

#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/vhost/vhost-protocol.h"
#include "vmm/virtio/inflight.h"

#define BIT(n) (UINT64_C(1) << (n))

static uint64_t
offered_features(const struct backend *backend)
{
    return backend->ops->features | BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_RING_F_INDIRECT_DESC) |
           BIT(VIRTIO_RING_F_EVENT_IDX) | BIT(VHOST_FEATURE_PROTOCOL_FEATURES);
}

static uint64_t
offered_protocol_features(const struct backend *backend)
{
    uint64_t bits = BIT(VHOST_PROTOCOL_MQ) | BIT(VHOST_PROTOCOL_REPLY_ACK) |
                    BIT(VHOST_PROTOCOL_BACKEND_REQ) | BIT(VHOST_PROTOCOL_RESET_DEVICE) |
                    BIT(VHOST_PROTOCOL_CONFIGURE_MEM_SLOTS) | BIT(VHOST_PROTOCOL_STATUS);

    if (backend->ops->shmem_size > 0) {
        bits |= BIT(VHOST_PROTOCOL_SHMEM) | BIT(VHOST_PROTOCOL_BACKEND_SEND_FD);
    }
    bits |= backend->ops->tracks_inflight ? BIT(VHOST_PROTOCOL_INFLIGHT_SHMFD) : 0;
    return backend->ops->config_size > 0 ? bits | BIT(VHOST_PROTOCOL_CONFIG) : bits;
}

static bool
any_ring_runs(const struct backend *backend)
{
    for (unsigned int i = 0; i < backend->ops->n_queues; i++) {
        if (backend->rings[i].queue) {
            return true;
        }
    }
    return false;
}

static int
answer_u64(struct vhost_message *message, uint64_t value)
{
    message->payload.u64 = value;
    message->header.size = sizeof(value);
    return 0;
}

static int
get_features(struct backend *backend, struct vhost_message *message)
{
    return answer_u64(message, offered_features(backend));
}

static int
set_features(struct backend *backend, struct vhost_message *message)
{
    /* Front ends pass on what they offered the driver themselves, as QEMU does for input. */
    uint64_t features = message->payload.u64 & offered_features(backend);

    if (features != backend->features && any_ring_runs(backend)) {
        return -EBUSY;
    }
    backend->features = features;
    if (!(features & BIT(VHOST_FEATURE_PROTOCOL_FEATURES))) {
        for (unsigned int i = 0; i < backend->ops->n_queues; i++) {
            backend->rings[i].enabled = true;
        }
    }
    if (backend->ops->features_set) {
        backend->ops->features_set(backend->device,
                                   features & ~BIT(VHOST_FEATURE_PROTOCOL_FEATURES));
    }
    return 0;
}

static int
get_protocol_features(struct backend *backend, struct vhost_message *message)
{
    return answer_u64(message, offered_protocol_features(backend));
}

static int
set_protocol_features(struct backend *backend, struct vhost_message *message)
{
    if (message->payload.u64 & ~offered_protocol_features(backend)) {
        return -EINVAL;
    }
    backend->protocol_features = message->payload.u64;
    return 0;
}

static int
get_shmem_config(struct backend *backend, struct vhost_message *message)
{
    memset(&message->payload.shmem, 0, sizeof(message->payload.shmem));
    message->payload.shmem.n_regions = 1;
    message->payload.shmem.size[backend->ops->shmem_id] = backend->ops->shmem_size;
    message->header.size = sizeof(message->payload.shmem);
    return 0;
}

static int
accept_silently(struct backend *backend, struct vhost_message *message)
{
    (void)backend;
    (void)message;
    return 0;
}

/* Rings keep running over a change of the table; one whose place is gone stops. */
static void
memory_changed(struct backend *backend)
{
    for (unsigned int i = 0; i < backend->ops->n_queues; i++) {
        struct ring *ring = &backend->rings[i];
        if (ring->queue && queue_memory_changed(ring->queue) < 0) {
            ring_stop(ring);
        }
    }
    if (backend->ops->memory_changed) {
        backend->ops->memory_changed(backend->device);
    }
}

static struct guest_memory_region
to_region(const struct vhost_memory_region *wire)
{
    return (struct guest_memory_region){
        .guest_address = wire->guest_address,
        .user_address = wire->user_address,
        .size = wire->size,
        .file_offset = wire->mmap_offset,
    };
}

static int
set_mem_table(struct backend *backend, struct vhost_message *message)
{
    const struct vhost_memory *memory = &message->payload.memory;
    struct guest_memory_region regions[VHOST_MEMORY_REGIONS_MAX];
    size_t n = memory->n_regions;
    int r;

    if (n > VHOST_MEMORY_REGIONS_MAX || message->fds.count != n ||
        message->header.size !=
            offsetof(struct vhost_memory, region) + n * sizeof(memory->region[0])) {
        return -EINVAL;
    }
    for (size_t i = 0; i < n; i++) {
        regions[i] = to_region(&memory->region[i]);
    }
    r = guest_memory_replace(backend->memory, regions, message->fds.fd, n);
    if (r == 0) {
        memory_changed(backend);
    }
    return r;
}

static int
get_max_mem_slots(struct backend *backend, struct vhost_message *message)
{
    (void)backend;
    return answer_u64(message, GUEST_MEMORY_REGIONS_MAX);
}

static int
add_mem_reg(struct backend *backend, struct vhost_message *message)
{
    struct guest_memory_region region = to_region(&message->payload.memory_single.region);

    return guest_memory_add(backend->memory, &region, message->fds.fd[0]);
}

static int
rem_mem_reg(struct backend *backend, struct vhost_message *message)
{
    struct guest_memory_region region = to_region(&message->payload.memory_single.region);
    int r = guest_memory_remove(backend->memory, &region);

    if (r == 0) {
        memory_changed(backend);
    }
    return r;
}

static struct ring *
ring_at(struct backend *backend, uint32_t index)
{
    return index < backend->ops->n_queues ? &backend->rings[index] : NULL;
}

static int
set_vring_num(struct backend *backend, struct vhost_message *message)
{
    struct ring *ring = ring_at(backend, message->payload.state.index);

    return ring ? ring_set_size(ring, message->payload.state.num) : -EINVAL;
}

static int
set_vring_addr(struct backend *backend, struct vhost_message *message)
{
    const struct vhost_vring_addr *addr = &message->payload.addr;
    struct ring *ring = ring_at(backend, addr->index);

    if (!ring || addr->flags != 0) {
        return -EINVAL; /* flags ask for a dirty log, which is not offered */
    }
    return ring_set_addresses(ring, addr->descriptor, addr->available, addr->used);
}

static int
set_vring_base(struct backend *backend, struct vhost_message *message)
{
    struct ring *ring = ring_at(backend, message->payload.state.index);

    return ring ? ring_set_base(ring, message->payload.state.num) : -EINVAL;
}

static int
get_vring_base(struct backend *backend, struct vhost_message *message)
{
    struct ring *ring = ring_at(backend, message->payload.state.index);

    if (!ring) {
        return -EINVAL;
    }
    message->payload.state.num = ring_stop(ring);
    ring_set_kick(ring, -1); /* the next start brings its own */
    return 0;
}

static int
set_vring_fd(struct backend *backend, struct vhost_message *message,
             int (*set)(struct ring *ring, int fd))
{
    uint64_t value = message->payload.u64;
    bool no_fd = value & VHOST_VRING_NO_FD;
    struct ring *ring = ring_at(backend, value & VHOST_VRING_INDEX_MASK);

    if (!ring || message->fds.count != (no_fd ? 0 : 1)) {
        return -EINVAL;
    }
    return set(ring, message_take_fd(&message->fds, 0));
}

static int
set_vring_kick(struct backend *backend, struct vhost_message *message)
{
    return set_vring_fd(backend, message, ring_set_kick);
}

static int
set_vring_call(struct backend *backend, struct vhost_message *message)
{
    return set_vring_fd(backend, message, ring_set_call);
}

static int
set_vring_err(struct backend *backend, struct vhost_message *message)
{
    return set_vring_fd(backend, message, ring_set_error);
}

static int
set_vring_enable(struct backend *backend, struct vhost_message *message)
{
    struct ring *ring = ring_at(backend, message->payload.state.index);

    if (!ring || message->payload.state.num > 1) {
        return -EINVAL;
    }
    ring_enable(ring, message->payload.state.num == 1);
    return 0;
}

static int
get_queue_num(struct backend *backend, struct vhost_message *message)
{
    return answer_u64(message, backend->ops->n_queues);
}

static int
set_backend_req_fd(struct backend *backend, struct vhost_message *message)
{
    fd_closep(&backend->request_fd);
    backend->request_fd = message_take_fd(&message->fds, 0);
    return 0;
}

struct inflight_queue *
backend_inflight(const struct backend *backend, unsigned int index)
{
    if (!backend->inflight.area || index >= backend->inflight.n_queues ||
        backend->rings[index].setup.size > backend->inflight.queue_size) {
        return NULL;
    }
    return (void *)((uint8_t *)backend->inflight.area +
                    index * inflight_queue_size(backend->inflight.queue_size));
}

void
backend_drop_inflight(struct backend *backend)
{
    if (backend->inflight.area) {
        munmap(backend->inflight.area, backend->inflight.size);
        backend->inflight.area = NULL;
    }
    for (unsigned int i = 0; i < backend->ops->n_queues; i++) {
        backend->rings[i].setup.inflight = NULL;
    }
}

/* Bytes that the queues need, or 0 when there are not so many, or not so large ones. */
static uint64_t
inflight_size(const struct backend *backend, const struct vhost_inflight *inflight)
{
    return inflight->n_queues <= backend->ops->n_queues && inflight->queue_size <= QUEUE_SIZE_MAX
               ? inflight->n_queues * inflight_queue_size(inflight->queue_size)
               : 0;
}

static int
get_inflight_fd(struct backend *backend, struct vhost_message *message)
{
    struct vhost_inflight *inflight = &message->payload.inflight;

    inflight->size = inflight_size(backend, inflight);
    inflight->offset = 0;
    if (inflight->size == 0) {
        return -EINVAL;
    }
    int fd = fd_memory_file("inflight", inflight->size);
    if (fd < 0) {
        return fd;
    }
    fd_closep(&backend->answer_fd);
    backend->answer_fd = fd;
    return 0;
}

static int
set_inflight_fd(struct backend *backend, struct vhost_message *message)
{
    const struct vhost_inflight *inflight = &message->payload.inflight;
    const uint64_t needed = inflight_size(backend, inflight);
    uint64_t end;

    if (any_ring_runs(backend)) {
        return -EBUSY;
    }
    backend_drop_inflight(backend);
    if (needed == 0 || inflight->size < needed || inflight->offset % 4096 != 0 ||
        !add_fits(inflight->offset, needed, &end) ||
        fd_check_memory_file(message->fds.fd[0], end) < 0) {
        return -EINVAL;
    }
    void *area = mmap(NULL, needed, PROT_READ | PROT_WRITE, MAP_SHARED, message->fds.fd[0],
                      (off_t)inflight->offset);
    if (area == MAP_FAILED) {
        return -errno;
    }
    backend->inflight.area = area;
    backend->inflight.size = needed;
    backend->inflight.n_queues = inflight->n_queues;
    backend->inflight.queue_size = inflight->queue_size;
    return 0;
}

/* The header of a config message must fit its data; ranges past the device's config read as zeros. */
static int
check_config(const struct vhost_message *message)
{
    const struct vhost_config *config = &message->payload.config;

    if (message->header.size < offsetof(struct vhost_config, data) ||
        message->header.size != offsetof(struct vhost_config, data) + config->size ||
        !range_inside(config->offset, config->size, VHOST_CONFIG_MAX)) {
        return -EINVAL;
    }
    return 0;
}

static int
get_config(struct backend *backend, struct vhost_message *message)
{
    struct vhost_config *config = &message->payload.config;
    uint32_t size = backend->ops->config_size;

    if (check_config(message) < 0 || config->size == 0) {
        message->header.size = 0; /* the protocol's way to refuse */
        return 0;
    }
    memset(config->data, 0, config->size);
    if (backend->ops->config_read && config->offset < size) {
        backend->ops->config_read(backend->device, config->offset, config->data,
                                  MIN_OF(config->size, size - config->offset));
    }
    return 0;
}

static int
set_config(struct backend *backend, struct vhost_message *message)
{
    const struct vhost_config *config = &message->payload.config;

    if (check_config(message) < 0 || config->flags != VHOST_CONFIG_WRITABLE ||
        !range_inside(config->offset, config->size, backend->ops->config_size)) {
        return -EINVAL;
    }
    if (!backend->ops->config_write) {
        return -EPERM;
    }
    backend->ops->config_write(backend->device, config->offset, config->data, config->size);
    return 0;
}

static int
reset_device(struct backend *backend, struct vhost_message *message)
{
    (void)message;
    for (unsigned int i = 0; i < backend->ops->n_queues; i++) {
        ring_reset(&backend->rings[i]);
    }
    backend->features = 0;
    backend->status = 0;
    backend_drop_inflight(backend);
    if (backend->ops->reset) {
        backend->ops->reset(backend->device);
    }
    return 0;
}

static int
set_status(struct backend *backend, struct vhost_message *message)
{
    if (message->payload.u64 > UINT8_MAX) {
        return -EINVAL;
    }
    backend->status = (uint8_t)message->payload.u64;
    return backend->status == 0 ? reset_device(backend, message) : 0;
}

static int
get_status(struct backend *backend, struct vhost_message *message)
{
    return answer_u64(message, backend->status);
}

#define FIXED(type)    .min_size = sizeof(type), .max_size = sizeof(type)
#define FDS(min, max)  .min_fds = (min), .max_fds = (max)
#define NEEDS(feature) .needs = BIT(VHOST_PROTOCOL_##feature)
#define CONFIG_SIZES   .max_size = sizeof(struct vhost_config)
#define INFLIGHT_SIZES \
    .min_size = VHOST_INFLIGHT_SIZE_MIN, .max_size = sizeof(struct vhost_inflight)
#define TABLE_SIZES .min_size = 8, .max_size = sizeof(struct vhost_memory)

static const struct backend_request requests[] = {
    [VHOST_GET_FEATURES] = {get_features, true},
    [VHOST_SET_FEATURES] = {set_features, FIXED(uint64_t)},
    [VHOST_SET_OWNER] = {accept_silently},
    [VHOST_RESET_OWNER] = {accept_silently},
    [VHOST_SET_MEM_TABLE] = {set_mem_table, TABLE_SIZES, FDS(0, VHOST_MEMORY_REGIONS_MAX)},
    [VHOST_SET_VRING_NUM] = {set_vring_num, FIXED(struct vhost_vring_state)},
    [VHOST_SET_VRING_ADDR] = {set_vring_addr, FIXED(struct vhost_vring_addr)},
    [VHOST_SET_VRING_BASE] = {set_vring_base, FIXED(struct vhost_vring_state)},
    [VHOST_GET_VRING_BASE] = {get_vring_base, true, FIXED(struct vhost_vring_state)},
    [VHOST_SET_VRING_KICK] = {set_vring_kick, FIXED(uint64_t), FDS(0, 1)},
    [VHOST_SET_VRING_CALL] = {set_vring_call, FIXED(uint64_t), FDS(0, 1)},
    [VHOST_SET_VRING_ERR] = {set_vring_err, FIXED(uint64_t), FDS(0, 1)},
    [VHOST_GET_PROTOCOL_FEATURES] = {get_protocol_features, true},
    [VHOST_SET_PROTOCOL_FEATURES] = {set_protocol_features, FIXED(uint64_t)},
    [VHOST_GET_QUEUE_NUM] = {get_queue_num, true, NEEDS(MQ)},
    [VHOST_SET_VRING_ENABLE] = {set_vring_enable, FIXED(struct vhost_vring_state)},
    [VHOST_SET_BACKEND_REQ_FD] = {set_backend_req_fd, FDS(1, 1), NEEDS(BACKEND_REQ)},
    [VHOST_GET_CONFIG] = {get_config, true, CONFIG_SIZES, NEEDS(CONFIG)},
    [VHOST_SET_CONFIG] = {set_config, CONFIG_SIZES, NEEDS(CONFIG)},
    [VHOST_GET_INFLIGHT_FD] = {get_inflight_fd, true, INFLIGHT_SIZES, NEEDS(INFLIGHT_SHMFD)},
    [VHOST_SET_INFLIGHT_FD] = {set_inflight_fd, INFLIGHT_SIZES, FDS(1, 1), NEEDS(INFLIGHT_SHMFD)},
    [VHOST_RESET_DEVICE] = {reset_device, NEEDS(RESET_DEVICE)},
    [VHOST_GET_MAX_MEM_SLOTS] = {get_max_mem_slots, true, NEEDS(CONFIGURE_MEM_SLOTS)},
    [VHOST_ADD_MEM_REG] = {add_mem_reg, FIXED(struct vhost_memory_single), FDS(1, 1),
                           NEEDS(CONFIGURE_MEM_SLOTS)},
    [VHOST_REM_MEM_REG] = {rem_mem_reg, FIXED(struct vhost_memory_single), FDS(0, 1),
                           NEEDS(CONFIGURE_MEM_SLOTS)},
    [VHOST_SET_STATUS] = {set_status, FIXED(uint64_t), NEEDS(STATUS)},
    [VHOST_GET_STATUS] = {get_status, true, NEEDS(STATUS)},
    [VHOST_GET_SHMEM_CONFIG] = {get_shmem_config, true, NEEDS(SHMEM)},
};

const struct backend_request *
backend_find_request(const struct backend *backend, const struct vhost_message *message)
{
    const struct backend_request *request;

    if (message->header.request >= ARRAY_SIZE(requests)) {
        return NULL;
    }
    request = &requests[message->header.request];
    return request->handle && (request->needs & ~backend->protocol_features) == 0 ? request : NULL;
}
