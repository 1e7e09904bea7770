/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/machine/virtio-common.h"

#include <errno.h>
#include <string.h>

#include "vmm/base/bytes.h"
#include "vmm/machine/virtio-pci.h"

enum {
    /* The bits that a driver may set. */
    STATUS_OF_DRIVER = VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER | VIRTIO_STATUS_DRIVER_OK |
                       VIRTIO_STATUS_FEATURES_OK | VIRTIO_STATUS_FAILED,
};

void
virtio_common_init(struct virtio_common *common, struct virtio_device *device, struct msix *msix)
{
    *common = (struct virtio_common){
        .device = device, .msix = msix, .n_queues = virtio_device_queue_count(device)};
    for (unsigned int i = 0; i < common->n_queues; i++) {
        common->queues[i].size_max = virtio_device_queue_max(device, i);
        common->queues[i].size = common->queues[i].size_max;
    }
}

bool
virtio_common_is_started(const struct virtio_common *common)
{
    return (common->status & VIRTIO_STATUS_DRIVER_OK) != 0;
}

void
virtio_common_set_broken(struct virtio_common *common)
{
    atomic_store(&common->needs_reset, true);
    virtio_common_signal_config(common);
}

void
virtio_common_signal_config(struct virtio_common *common)
{
    if (virtio_common_is_started(common)) {
        msix_signal(common->msix, common->n_queues);
    }
}

static uint8_t
read_status(const struct virtio_common *common)
{
    uint8_t status = common->status;
    bool broken = status != 0 && atomic_load(&common->needs_reset);

    return (uint8_t)(status | (broken ? VIRTIO_STATUS_NEEDS_RESET : 0));
}

static uint32_t
feature_word(uint64_t features, uint32_t select)
{
    return select < 2 ? (uint32_t)(features >> (32 * select)) : 0;
}

uint64_t
virtio_common_read(struct virtio_common *common, uint64_t offset, unsigned int size)
{
    static const struct virtio_queue none = {0};
    bool exists = common->queue_select < common->n_queues;
    const struct virtio_queue *queue = exists ? &common->queues[common->queue_select] : &none;
    uint8_t image[VIRTIO_COMMON_SIZE] = {0};
    uint64_t value = 0;

    if (!range_inside(offset, size, sizeof(image))) {
        return 0;
    }
    store_le32(image + VIRTIO_COMMON_DEVICE_FEATURE_SELECT, common->device_feature_select);
    store_le32(image + VIRTIO_COMMON_DEVICE_FEATURE,
               feature_word(virtio_device_features(common->device), common->device_feature_select));
    store_le32(image + VIRTIO_COMMON_DRIVER_FEATURE_SELECT, common->driver_feature_select);
    store_le32(image + VIRTIO_COMMON_DRIVER_FEATURE,
               feature_word(common->driver_features, common->driver_feature_select));
    store_le16(image + VIRTIO_COMMON_CONFIG_VECTOR, msix_vector(common->msix, common->n_queues));
    store_le16(image + VIRTIO_COMMON_N_QUEUES, (uint16_t)common->n_queues);
    image[VIRTIO_COMMON_STATUS] = read_status(common);
    image[VIRTIO_COMMON_GENERATION] = virtio_device_config_generation(common->device);
    store_le16(image + VIRTIO_COMMON_QUEUE_SELECT, common->queue_select);
    store_le16(image + VIRTIO_COMMON_QUEUE_SIZE, queue->size);
    store_le16(image + VIRTIO_COMMON_QUEUE_VECTOR,
               exists ? msix_vector(common->msix, common->queue_select) : MSIX_NO_VECTOR);
    store_le16(image + VIRTIO_COMMON_QUEUE_ENABLE, queue->enabled);
    store_le16(image + VIRTIO_COMMON_QUEUE_NOTIFY_OFF, exists ? common->queue_select : 0);
    store_le64(image + VIRTIO_COMMON_QUEUE_DESCRIPTOR, queue->descriptor);
    store_le64(image + VIRTIO_COMMON_QUEUE_DRIVER, queue->driver);
    store_le64(image + VIRTIO_COMMON_QUEUE_DEVICE, queue->device);
    memcpy(&value, image + offset, size);
    return le64toh(value);
}

/* Every feature was offered, and it is a modern driver. */
static bool
are_features_good(const struct virtio_common *common)
{
    uint64_t offered = virtio_device_features(common->device);

    return (common->driver_features & ~offered) == 0 &&
           (common->driver_features >> VIRTIO_FEATURE_VERSION_1 & 1) &&
           !virtio_device_failed(common->device);
}

static void
start(struct virtio_common *common)
{
    int call_fds[MACHINE_QUEUES_MAX];
    int r;

    for (unsigned int i = 0; i < common->n_queues; i++) {
        call_fds[i] = msix_event_fd(common->msix, i);
    }
    r = virtio_device_start(common->device, common->driver_features, common->queues, call_fds);
    if (r < 0) {
        log_limited(&common->limit, LOG_LEVEL_WARNING, "%s: cannot start: %s",
                    virtio_device_name(common->device), strerror(-r));
        virtio_common_set_broken(common);
    }
}

void
virtio_common_reset(struct virtio_common *common)
{
    if (virtio_common_is_started(common)) {
        int r = virtio_device_stop(common->device);

        if (r < 0 && r != -ENOTCONN) { /* that was told before */
            log_limited(&common->limit, LOG_LEVEL_WARNING, "%s: reset: %s",
                        virtio_device_name(common->device), strerror(-r));
        }
    }
    common->status = 0; /* no interrupts from here on */
    msix_reset_vectors(common->msix);
    common->device_feature_select = 0;
    common->driver_feature_select = 0;
    common->driver_features = 0;
    common->queue_select = 0;
    atomic_store(&common->needs_reset, false);
    for (unsigned int i = 0; i < common->n_queues; i++) {
        uint16_t size_max = common->queues[i].size_max;

        common->queues[i] = (struct virtio_queue){.size_max = size_max, .size = size_max};
    }
}

static enum virtio_common_event
write_status(struct virtio_common *common, uint8_t value)
{
    uint8_t added = (uint8_t)(value & ~common->status & STATUS_OF_DRIVER);

    if (value == 0) {
        virtio_common_reset(common);
        return VIRTIO_COMMON_RESET;
    }
    if ((added & VIRTIO_STATUS_FEATURES_OK) && !are_features_good(common)) {
        added &= (uint8_t)~VIRTIO_STATUS_FEATURES_OK;
    }
    if ((added & VIRTIO_STATUS_DRIVER_OK) &&
        !((common->status | added) & VIRTIO_STATUS_FEATURES_OK)) {
        added &= (uint8_t)~VIRTIO_STATUS_DRIVER_OK;
    }
    /* Bits are never taken away but by a reset. */
    common->status |= added;
    if (added & VIRTIO_STATUS_DRIVER_OK) {
        start(common);
        return VIRTIO_COMMON_STARTED;
    }
    return VIRTIO_COMMON_NOTHING;
}

static void
write_driver_feature(struct virtio_common *common, uint32_t value)
{
    unsigned int shift = 32 * common->driver_feature_select;

    if (common->driver_feature_select > 1 || (common->status & VIRTIO_STATUS_FEATURES_OK)) {
        return;
    }
    common->driver_features &= ~(UINT64_C(0xffffffff) << shift);
    common->driver_features |= (uint64_t)value << shift;
}

/* The selected queue, if the driver may still change it. */
static struct virtio_queue *
open_queue(struct virtio_common *common)
{
    struct virtio_queue *queue;

    if (common->queue_select >= common->n_queues || virtio_common_is_started(common)) {
        return NULL;
    }
    queue = &common->queues[common->queue_select];
    return queue->enabled ? NULL : queue;
}

static void
write_queue_size(struct virtio_common *common, uint16_t value)
{
    struct virtio_queue *queue = open_queue(common);

    if (queue && value != 0 && value <= queue->size_max && (value & (value - 1)) == 0) {
        queue->size = value;
    }
}

static void
write_queue_enable(struct virtio_common *common, uint16_t value)
{
    struct virtio_queue *queue = open_queue(common);

    if (queue && value == 1) {
        queue->enabled = true;
    }
}

static void
write_queue_vector(struct virtio_common *common, uint16_t value)
{
    if (common->queue_select < common->n_queues) {
        msix_set_vector(common->msix, common->queue_select, value);
    }
}

/* A whole 64-bit address, or one half of it. */
static void
write_queue_address(struct virtio_common *common, uint64_t offset, unsigned int size,
                    uint64_t value)
{
    struct virtio_queue *queue = open_queue(common);
    uint64_t *address;

    if (!queue || size < 4) {
        return;
    }
    address = offset < VIRTIO_COMMON_QUEUE_DRIVER   ? &queue->descriptor
              : offset < VIRTIO_COMMON_QUEUE_DEVICE ? &queue->driver
                                                    : &queue->device;
    if (size == 8) {
        *address = value;
    } else if (offset % 8 == 0) {
        *address = (*address & ~UINT64_C(0xffffffff)) | (value & 0xffffffff);
    } else {
        *address = (*address & 0xffffffff) | value << 32;
    }
}

static void
write_word16(struct virtio_common *common, uint64_t offset, uint16_t value)
{
    switch (offset) {
    case VIRTIO_COMMON_CONFIG_VECTOR:
        msix_set_vector(common->msix, common->n_queues, value);
        break;
    case VIRTIO_COMMON_QUEUE_SELECT:
        common->queue_select = value;
        break;
    case VIRTIO_COMMON_QUEUE_SIZE:
        write_queue_size(common, value);
        break;
    case VIRTIO_COMMON_QUEUE_VECTOR:
        write_queue_vector(common, value);
        break;
    case VIRTIO_COMMON_QUEUE_ENABLE:
        write_queue_enable(common, value);
        break;
    default:
        break;
    }
}

static void
write_word32(struct virtio_common *common, uint64_t offset, uint32_t value)
{
    switch (offset) {
    case VIRTIO_COMMON_DEVICE_FEATURE_SELECT:
        common->device_feature_select = value;
        break;
    case VIRTIO_COMMON_DRIVER_FEATURE_SELECT:
        common->driver_feature_select = value;
        break;
    case VIRTIO_COMMON_DRIVER_FEATURE:
        write_driver_feature(common, value);
        break;
    default:
        break;
    }
}

enum virtio_common_event
virtio_common_write(struct virtio_common *common, uint64_t offset, unsigned int size,
                    uint64_t value)
{
    if (!range_inside(offset, size, VIRTIO_COMMON_SIZE) || offset % size != 0) {
        return VIRTIO_COMMON_NOTHING;
    }
    if (offset >= VIRTIO_COMMON_QUEUE_DESCRIPTOR) {
        write_queue_address(common, offset, size, value);
    } else if (size == 1 && offset == VIRTIO_COMMON_STATUS) {
        return write_status(common, (uint8_t)value);
    } else if (size == 2) {
        write_word16(common, offset, (uint16_t)value);
    } else if (size == 4) {
        write_word32(common, offset, (uint32_t)value);
    }
    return VIRTIO_COMMON_NOTHING;
}
