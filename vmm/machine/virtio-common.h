/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The common configuration structure of a virtio-pci device: the registers and the state machine of
 * the device status (virtio 1.2 sections 2.1, 3.1, 4.1.4.3). From DRIVER_OK to reset queue size,
 * addresses and enable are frozen. Serialised by the caller.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "vmm/base/log.h"
#include "vmm/machine/msix.h"
#include "vmm/machine/virtio-device.h"

struct virtio_common {
    struct virtio_device *device;
    struct msix *msix; /* source i: queue i; the last one: configuration changes */
    unsigned int n_queues;
    uint32_t device_feature_select;
    uint32_t driver_feature_select;
    uint64_t driver_features;
    _Atomic uint8_t status;   /* also read by the control thread */
    _Atomic bool needs_reset; /* also set by the control thread */
    uint16_t queue_select;
    struct virtio_queue queues[MACHINE_QUEUES_MAX];
    struct log_limit limit;
};

enum virtio_common_event {
    VIRTIO_COMMON_NOTHING,
    VIRTIO_COMMON_STARTED, /* the driver set DRIVER_OK; the back end may have refused */
    VIRTIO_COMMON_RESET,   /* the driver wrote status 0 */
};

void virtio_common_init(struct virtio_common *common, struct virtio_device *device,
                        struct msix *msix);
/* Bytes [offset, offset + size) of the structure; zeros beyond it. */
uint64_t virtio_common_read(struct virtio_common *common, uint64_t offset, unsigned int size);
/* Only whole fields, or halves of 64-bit ones, are written; anything else is dropped. */
enum virtio_common_event virtio_common_write(struct virtio_common *common, uint64_t offset,
                                             unsigned int size, uint64_t value);
/* What status 0 does. */
void virtio_common_reset(struct virtio_common *common);
bool virtio_common_is_started(const struct virtio_common *common);
/* The device cannot go on: NEEDS_RESET and an interrupt. Any thread. */
void virtio_common_set_broken(struct virtio_common *common);
/* Configuration change interrupt, if the driver is ready for one. Any thread. */
void virtio_common_signal_config(struct virtio_common *common);
