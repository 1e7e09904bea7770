/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The vhost-user side of a virtio device, without any transport: features, queues as ring memory,
 * configuration space, start and stop. Calls are serialised by the caller (the transport's device
 * lock), except where told; each ends within FRONTEND_LIMIT_MS.
 */

#include <stdbool.h>
#include <stdint.h>

#include "vmm/base/cleanup.h"
#include "vmm/machine/vm.h"
#include "vmm/protocol/machine.h"

enum {
    VIRTIO_FEATURE_INDIRECT = 28,
    VIRTIO_FEATURE_EVENT_IDX = 29,
    VIRTIO_FEATURE_VERSION_1 = 32,
    VIRTIO_FEATURE_IN_ORDER = 35,
    VIRTIO_FEATURE_ORDER_PLATFORM = 36,
    VIRTIO_FEATURE_DEVICE_LOW_END = 24, /* device features are below this ... */
    VIRTIO_FEATURE_DEVICE_HIGH = 50,    /* ... and from here on */
    VIRTIO_QUEUE_SIZE_MAX = 1024,
};

/* What the driver said about a queue. */
struct virtio_queue {
    uint16_t size_max;
    uint16_t size;
    bool enabled;
    uint64_t descriptor; /* guest physical addresses */
    uint64_t driver;
    uint64_t device;
};

/* On the loop's thread, without the caller's lock. */
struct virtio_device_ops {
    void (*config_changed)(void *data);
    void (*lost)(void *data); /* the back end is gone */
};

struct blob_window;
struct frontend;
struct virtio_device;

/* Takes over `vhost_fd`. 0 or -errno with a static sentence. */
int virtio_device_create(struct vm *vm, const struct machine_add_device *request, int vhost_fd,
                         struct virtio_device **ret_device, const char **ret_sentence);
void virtio_device_destroy(struct virtio_device *device);
CLEANUP_DEFINE(struct virtio_device, virtio_device_destroy)
/* Begin to hear the back end. */
int virtio_device_watch(struct virtio_device *device, const struct virtio_device_ops *ops,
                        void *data);

/*
 * Another back end takes over. Off the caller's lock: talk with it; takes over `vhost_fd`. It must be
 * able to do all that the one before offered. NULL with *ret_sentence when not.
 */
struct frontend *virtio_device_meet(struct virtio_device *device, int vhost_fd,
                                    const char **ret_sentence);
/*
 * With the lock held, on the loop's thread: it serves the device from here on, and what was started
 * goes on where it stood. `frontend` is taken over. 0 or -errno with the back end failed.
 */
int virtio_device_replace(struct virtio_device *device, struct frontend *frontend);
/* None will: virtio_device_failed() says so from here on. Any thread. */
void virtio_device_give_up(struct virtio_device *device);

/* Its shared memory region, or NULL; *ret_id is the virtio shared memory id. */
struct blob_window *virtio_device_window(const struct virtio_device *device, uint8_t *ret_id);

const char *virtio_device_name(const struct virtio_device *device);
uint64_t virtio_device_features(const struct virtio_device *device); /* what the driver may take */
unsigned int virtio_device_queue_count(const struct virtio_device *device);
uint16_t virtio_device_queue_max(const struct virtio_device *device, unsigned int index);
uint32_t virtio_device_config_size(const struct virtio_device *device);
int virtio_device_kick_fd(const struct virtio_device *device, unsigned int index);
/*
 * The connection is of no use any more, and no other is sure to come: none may, or the back end is there,
 * and does not answer as it should. From any thread.
 */
bool virtio_device_failed(const struct virtio_device *device);

/*
 * Hand the enabled queues of `queues` and their call eventfds to the back end. -EFAULT when a ring is
 * not in RAM, -EINVAL when one is misaligned or has no size.
 */
int virtio_device_start(struct virtio_device *device, uint64_t features,
                        const struct virtio_queue *queues, const int *call_fds);
/* Stop what virtio_device_start() started, whether that succeeded or not. */
int virtio_device_stop(struct virtio_device *device);

/* Let the started queues wait, or go on. */
int virtio_device_hold(struct virtio_device *device, bool hold);

/* Zeros where the back end does not answer or has nothing. Then virtio_device_failed() may be true. */
void virtio_device_config_read(struct virtio_device *device, uint32_t offset, void *data,
                               uint32_t size);
void virtio_device_config_write(struct virtio_device *device, uint32_t offset, const void *data,
                                uint32_t size);
/* Changes whenever the contents may have. */
uint8_t virtio_device_config_generation(const struct virtio_device *device);
