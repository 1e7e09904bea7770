/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/machine/virtio-device.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>

#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/base/memory.h"
#include "vmm/machine/blob-window.h"
#include "vmm/vhost/frontend.h"

#define BIT(n) (UINT64_C(1) << (n))

/*
 * Device features of every type, and the ring features that need nothing from the transport. Packed
 * rings, notification data, ring reset, SR-IOV and platform access stay out.
 */
#define FEATURES                                                               \
    ((BIT(VIRTIO_FEATURE_DEVICE_LOW_END) - 1) | BIT(VIRTIO_FEATURE_INDIRECT) | \
     BIT(VIRTIO_FEATURE_EVENT_IDX) | BIT(VIRTIO_FEATURE_VERSION_1) |           \
     BIT(VIRTIO_FEATURE_IN_ORDER) | BIT(VIRTIO_FEATURE_ORDER_PLATFORM) |       \
     ~(BIT(VIRTIO_FEATURE_DEVICE_HIGH) - 1))

enum {
    QUEUE_SIZE_DEFAULT = 256
};

struct virtio_device {
    struct vm *vm;
    char name[START_NAME_SIZE];
    struct frontend *frontend;
    unsigned int n_queues;
    uint16_t queue_max[MACHINE_QUEUES_MAX];
    int kick_fd[MACHINE_QUEUES_MAX];
    struct frontend_vring vrings[MACHINE_QUEUES_MAX]; /* that were started */
    unsigned int n_vrings;
    uint64_t driver_features; /* with n_vrings */
    bool start_due;           /* the driver started it while no back end was there */
    struct frontend_inflight inflight;
    _Atomic bool may_return; /* another back end comes when this one has ended */

    struct blob_window *window; /* or NULL */
    uint8_t window_id;

    uint8_t config[VHOST_CONFIG_MAX];
    uint32_t config_size;
    bool config_valid;
    _Atomic bool config_stale; /* the back end said so after `config` was read */
    _Atomic uint8_t generation;

    const struct virtio_device_ops *ops;
    void *ops_data;
};

static bool
is_queue_size(uint32_t size)
{
    return size > 0 && size <= VIRTIO_QUEUE_SIZE_MAX && (size & (size - 1)) == 0;
}

/* How many queues, and how large. 0 or -EINVAL. */
static int
plan_queues(struct virtio_device *device, const struct machine_add_device *request)
{
    uint32_t n = frontend_queue_count(device->frontend);

    if (n == 0) {
        n = request->n_queues;
    }
    device->n_queues = (unsigned int)MIN_OF(n, (uint32_t)MACHINE_QUEUES_MAX);
    for (unsigned int i = 0; i < device->n_queues; i++) {
        uint16_t size = request->queue_size[i] ? request->queue_size[i] : request->queue_size[0];

        device->queue_max[i] = size ? size : QUEUE_SIZE_DEFAULT;
        if (!is_queue_size(device->queue_max[i])) {
            return -EINVAL;
        }
    }
    return device->n_queues > 0 ? 0 : -EINVAL;
}

static int
make_kicks(struct virtio_device *device)
{
    for (unsigned int i = 0; i < device->n_queues; i++) {
        device->kick_fd[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (device->kick_fd[i] < 0) {
            return -errno;
        }
    }
    return 0;
}

/* A region of an impossible size is left out: the device goes without. */
static void
make_window(struct virtio_device *device)
{
    uint64_t size = frontend_shmem(device->frontend, &device->window_id);

    if (size > 0) {
        device->window = blob_window_create(device->vm, device->name, size);
        if (!device->window) {
            log_warning("%s: no shared memory region: %s", device->name, strerror(errno));
        }
    }
}

/* Everything that needs the back end; *ret_sentence says which step failed. */
static int
introduce(struct virtio_device *device, const struct machine_add_device *request,
          const char **ret_sentence)
{
    int r;

    if (device->may_return) {
        frontend_want_inflight(device->frontend);
    }
    r = frontend_negotiate(device->frontend);
    if (r < 0) {
        *ret_sentence = "The device process does not speak vhost-user, or did not answer in time.";
        return r;
    }
    if (!(frontend_features(device->frontend) & BIT(VIRTIO_FEATURE_VERSION_1))) {
        *ret_sentence = "The device process offers no virtio 1 device.";
        return -ENOTSUP;
    }
    r = frontend_probe_config(device->frontend, VHOST_CONFIG_MAX, &device->config_size);
    if (r < 0) {
        *ret_sentence = "The device process did not describe its device in time.";
        return r;
    }
    r = plan_queues(device, request);
    if (r < 0) {
        *ret_sentence = "The device has no queues, or queues of an impossible size.";
        return r;
    }
    make_window(device);
    r = make_kicks(device);
    if (r < 0) {
        *ret_sentence = "The machine has no descriptors left for another device.";
    }
    return r;
}

int
virtio_device_create(struct vm *vm, const struct machine_add_device *request, int vhost_fd,
                     struct virtio_device **ret_device, const char **ret_sentence)
{
    cleanup(virtio_device_destroyp) struct virtio_device *device = xalloc(sizeof(*device));
    int r;

    device->vm = vm;
    memcpy(device->name, request->name, sizeof(device->name));
    device->name[sizeof(device->name) - 1] = '\0';
    for (unsigned int i = 0; i < MACHINE_QUEUES_MAX; i++) {
        device->kick_fd[i] = -1;
    }
    device->inflight.fd = -1;
    device->may_return = request->may_return != 0;
    device->frontend = frontend_create(vhost_fd);
    r = introduce(device, request, ret_sentence);
    if (r < 0) {
        return r;
    }
    *ret_device = take_pointer(device);
    return 0;
}

void
virtio_device_destroy(struct virtio_device *device)
{
    if (!device) {
        return;
    }
    frontend_destroy(device->frontend);
    blob_window_destroy(device->window);
    fd_closep(&device->inflight.fd);
    for (unsigned int i = 0; i < MACHINE_QUEUES_MAX; i++) {
        fd_closep(&device->kick_fd[i]);
    }
    free(device);
}

static void
on_config_changed(void *data)
{
    struct virtio_device *device = data;

    atomic_store(&device->config_stale, true);
    atomic_fetch_add(&device->generation, 1);
    device->ops->config_changed(device->ops_data);
}

static void
on_lost(void *data)
{
    struct virtio_device *device = data;

    if (device->window) {
        blob_window_clear(device->window);
    }
    if (!atomic_load(&device->may_return)) {
        device->ops->lost(device->ops_data);
    }
}

static int
on_map(void *data, const struct vhost_mmap *map, int fd)
{
    struct virtio_device *device = data;

    return device->window ? blob_window_map(device->window, map, fd) : -EINVAL;
}

static int
on_unmap(void *data, const struct vhost_mmap *map)
{
    struct virtio_device *device = data;

    return device->window ? blob_window_unmap(device->window, map) : -EINVAL;
}

static const struct frontend_ops frontend_ops = {
    .config_changed = on_config_changed, .lost = on_lost, .map = on_map, .unmap = on_unmap};

int
virtio_device_watch(struct virtio_device *device, const struct virtio_device_ops *ops, void *data)
{
    device->ops = ops;
    device->ops_data = data;
    return frontend_watch(device->frontend, vm_loop(device->vm), &frontend_ops, device);
}

struct blob_window *
virtio_device_window(const struct virtio_device *device, uint8_t *ret_id)
{
    *ret_id = device->window_id;
    return device->window;
}

const char *
virtio_device_name(const struct virtio_device *device)
{
    return device->name;
}

uint64_t
virtio_device_features(const struct virtio_device *device)
{
    return frontend_features(device->frontend) & FEATURES;
}

unsigned int
virtio_device_queue_count(const struct virtio_device *device)
{
    return device->n_queues;
}

uint16_t
virtio_device_queue_max(const struct virtio_device *device, unsigned int index)
{
    return device->queue_max[index];
}

uint32_t
virtio_device_config_size(const struct virtio_device *device)
{
    return device->config_size;
}

int
virtio_device_kick_fd(const struct virtio_device *device, unsigned int index)
{
    return device->kick_fd[index];
}

/* Only one that has ended is followed by another; one that is silent or lies may stay for ever. */
static bool
is_awaited(const struct virtio_device *device)
{
    return atomic_load(&device->may_return) && !frontend_gave_up(device->frontend);
}

bool
virtio_device_failed(const struct virtio_device *device)
{
    return frontend_failed(device->frontend) && !is_awaited(device);
}

void
virtio_device_give_up(struct virtio_device *device)
{
    atomic_store(&device->may_return, false);
}

/* The guest knows what the one before offered. */
static const char *
find_lack(const struct virtio_device *device, struct frontend *next)
{
    uint32_t config_size = 0;
    uint8_t id;
    const uint64_t shmem = frontend_shmem(next, &id);

    if (frontend_features(device->frontend) & ~frontend_features(next)) {
        return "The new device process lacks features of the one before.";
    }
    if (frontend_has(next, VHOST_PROTOCOL_INFLIGHT_SHMFD) !=
        frontend_has(device->frontend, VHOST_PROTOCOL_INFLIGHT_SHMFD)) {
        return "The new device process does not know which requests are open.";
    }
    if (frontend_probe_config(next, VHOST_CONFIG_MAX, &config_size) < 0 ||
        config_size != device->config_size) {
        return "The new device process describes another device.";
    }
    if (shmem != 0 && device->window &&
        (shmem != blob_window_size(device->window) || id != device->window_id)) {
        return "The new device process has another window of memory.";
    }
    return frontend_queue_count(next) < frontend_queue_count(device->frontend)
               ? "The new device process has fewer queues."
               : NULL;
}

struct frontend *
virtio_device_meet(struct virtio_device *device, int vhost_fd, const char **ret_sentence)
{
    cleanup(frontend_destroyp) struct frontend *next = frontend_create(vhost_fd);

    frontend_want_inflight(next);
    *ret_sentence = "The new device process does not speak vhost-user, or did not answer in time.";
    if (frontend_negotiate(next) < 0) {
        return NULL;
    }
    *ret_sentence = find_lack(device, next);
    return *ret_sentence ? NULL : take_pointer(next);
}

/* Our address of [address, address + size) of guest RAM; -EFAULT, or -EINVAL when misaligned. */
static int
translate(const struct virtio_device *device, uint64_t address, uint64_t size, uint64_t alignment,
          uint64_t *ret_user)
{
    const struct vm_ram *ram;
    unsigned int n = vm_ram(device->vm, &ram);

    if (address % alignment != 0) {
        return -EINVAL;
    }
    for (unsigned int i = 0; i < n; i++) {
        if (address >= ram[i].guest_address &&
            range_inside(address - ram[i].guest_address, size, ram[i].size)) {
            *ret_user = (uintptr_t)ram[i].host + (address - ram[i].guest_address);
            return 0;
        }
    }
    return -EFAULT;
}

/* virtio 1.2 section 2.7: sizes and alignment of the three parts of a split ring. */
static int
fill_vring(const struct virtio_device *device, const struct virtio_queue *queue,
           struct frontend_vring *vring)
{
    uint64_t n = queue->size;
    int r;

    if (!is_queue_size(queue->size) || queue->size > queue->size_max) {
        return -EINVAL;
    }
    vring->size = queue->size;
    r = translate(device, queue->descriptor, 16 * n, 16, &vring->descriptor);
    if (r == 0) {
        r = translate(device, queue->driver, 6 + 2 * n, 2, &vring->available);
    }
    if (r == 0) {
        r = translate(device, queue->device, 6 + 8 * n, 4, &vring->used);
    }
    return r;
}

static unsigned int
fill_regions(const struct virtio_device *device,
             struct frontend_region regions[VHOST_MEMORY_REGIONS_MAX])
{
    const struct vm_ram *ram;
    unsigned int n = vm_ram(device->vm, &ram);

    for (unsigned int i = 0; i < n; i++) {
        regions[i] = (struct frontend_region){.region = {.guest_address = ram[i].guest_address,
                                                         .size = ram[i].size,
                                                         .user_address = (uintptr_t)ram[i].host,
                                                         .mmap_offset = ram[i].file_offset},
                                              .fd = vm_ram_fd(device->vm)};
    }
    return n;
}

/* Hand over what the driver set up: to a new back end with what the one before had open. */
static int
start_rings(struct virtio_device *device)
{
    struct frontend_region regions[VHOST_MEMORY_REGIONS_MAX];
    const struct frontend_start start = {.features = device->driver_features,
                                         .regions = regions,
                                         .n_regions = fill_regions(device, regions),
                                         .vrings = device->vrings,
                                         .n_vrings = device->n_vrings,
                                         .inflight = &device->inflight};

    return frontend_start(device->frontend, &start);
}

int
virtio_device_replace(struct virtio_device *device, struct frontend *frontend)
{
    const bool fresh = device->n_vrings == 0 || device->start_due;
    int r;

    frontend_destroy(device->frontend);
    device->frontend = frontend;
    if (device->window) {
        blob_window_clear(device->window);
    }
    r = frontend_watch(frontend, vm_loop(device->vm), &frontend_ops, device);
    if (r == 0 && fresh) { /* it knows nothing of what was before */
        r = frontend_stop(frontend, NULL, 0);
        fd_closep(&device->inflight.fd);
    }
    if (r == 0 && device->n_vrings > 0) {
        r = start_rings(device);
    }
    device->start_due = false;
    atomic_store(&device->config_stale, true);
    atomic_fetch_add(&device->generation, 1);
    return r;
}

int
virtio_device_start(struct virtio_device *device, uint64_t features,
                    const struct virtio_queue *queues, const int *call_fds)
{
    int r;

    device->n_vrings = 0;
    device->driver_features = features;
    for (unsigned int i = 0; i < device->n_queues; i++) {
        struct frontend_vring *vring = &device->vrings[device->n_vrings];
        eventfd_t ignored;

        if (!queues[i].enabled) {
            continue;
        }
        *vring = (struct frontend_vring){
            .index = i, .kick_fd = device->kick_fd[i], .call_fd = call_fds[i]};
        r = fill_vring(device, &queues[i], vring);
        if (r < 0) {
            device->n_vrings = 0;
            return r;
        }
        /* What the driver kicked before it was ready does not count. */
        (void)eventfd_read(device->kick_fd[i], &ignored);
        device->n_vrings++;
    }
    fd_closep(&device->inflight.fd);
    r = start_rings(device);
    if (r < 0 && atomic_load(&device->may_return) && frontend_failed(device->frontend)) {
        device->start_due = true;
        r = is_awaited(device) ? 0 : r;
    }
    return r;
}

int
virtio_device_stop(struct virtio_device *device)
{
    int r = frontend_stop(device->frontend, device->vrings, device->n_vrings);

    device->n_vrings = 0;
    device->start_due = false;
    device->config_valid = false;
    if (device->window) {
        blob_window_clear(device->window);
    }
    return r;
}

int
virtio_device_hold(struct virtio_device *device, bool hold)
{
    return frontend_hold(device->frontend, device->vrings, device->n_vrings, hold);
}

static void
load_config(struct virtio_device *device)
{
    if (atomic_exchange(&device->config_stale, false)) {
        device->config_valid = false;
    }
    if (device->config_valid) {
        return;
    }
    memset(device->config, 0, sizeof(device->config));
    device->config_valid =
        device->config_size > 0 &&
        frontend_get_config(device->frontend, device->config, device->config_size) == 0;
}

void
virtio_device_config_read(struct virtio_device *device, uint32_t offset, void *data, uint32_t size)
{
    memset(data, 0, size);
    if (range_inside(offset, size, device->config_size)) {
        load_config(device);
        memcpy(data, device->config + offset, size);
    }
}

void
virtio_device_config_write(struct virtio_device *device, uint32_t offset, const void *data,
                           uint32_t size)
{
    if (range_inside(offset, size, device->config_size)) {
        device->config_valid = false;
        (void)frontend_set_config(device->frontend, offset, data, size);
    }
}

uint8_t
virtio_device_config_generation(const struct virtio_device *device)
{
    return atomic_load(&device->generation);
}
