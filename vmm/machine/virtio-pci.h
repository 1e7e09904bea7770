/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A modern virtio-pci function (virtio 1.2 section 4.1) in front of a virtio_device: one 32-bit BAR
 * with common configuration, ISR, device configuration, notification, MSI-X table and pending bits;
 * and a 64-bit one for shared memory (vmm/machine/blob-window.h), where the device has some.
 */

#include <stdint.h>

#include "vmm/base/cleanup.h"
#include "vmm/machine/pci-function.h"
#include "vmm/protocol/machine.h"

enum {
    VIRTIO_PCI_BAR = 0,
    VIRTIO_PCI_WINDOW_BAR = 2, /* and 3: shared memory, where the device has some */
    VIRTIO_PCI_COMMON = 0x0000,
    VIRTIO_PCI_ISR = 0x1000,
    VIRTIO_PCI_DEVICE = 0x2000,
    VIRTIO_PCI_NOTIFY = 0x3000,
    VIRTIO_PCI_MSIX_TABLE = 0x4000,
    VIRTIO_PCI_MSIX_PENDING = 0x5000,
    VIRTIO_PCI_BAR_SIZE = 0x8000,
    VIRTIO_PCI_NOTIFY_MULTIPLIER = 4,
};

/* Common configuration structure, virtio 1.2 section 4.1.4.3. */
enum {
    VIRTIO_COMMON_DEVICE_FEATURE_SELECT = 0,
    VIRTIO_COMMON_DEVICE_FEATURE = 4,
    VIRTIO_COMMON_DRIVER_FEATURE_SELECT = 8,
    VIRTIO_COMMON_DRIVER_FEATURE = 12,
    VIRTIO_COMMON_CONFIG_VECTOR = 16,
    VIRTIO_COMMON_N_QUEUES = 18,
    VIRTIO_COMMON_STATUS = 20,
    VIRTIO_COMMON_GENERATION = 21,
    VIRTIO_COMMON_QUEUE_SELECT = 22,
    VIRTIO_COMMON_QUEUE_SIZE = 24,
    VIRTIO_COMMON_QUEUE_VECTOR = 26,
    VIRTIO_COMMON_QUEUE_ENABLE = 28,
    VIRTIO_COMMON_QUEUE_NOTIFY_OFF = 30,
    VIRTIO_COMMON_QUEUE_DESCRIPTOR = 32,
    VIRTIO_COMMON_QUEUE_DRIVER = 40,
    VIRTIO_COMMON_QUEUE_DEVICE = 48,
    VIRTIO_COMMON_SIZE = 56,
};

/* Device status bits, virtio 1.2 section 2.1. */
enum {
    VIRTIO_STATUS_ACKNOWLEDGE = 1,
    VIRTIO_STATUS_DRIVER = 2,
    VIRTIO_STATUS_DRIVER_OK = 4,
    VIRTIO_STATUS_FEATURES_OK = 8,
    VIRTIO_STATUS_NEEDS_RESET = 64,
    VIRTIO_STATUS_FAILED = 128,
};

/* Capability types of the vendor capability. */
enum {
    VIRTIO_CAP_COMMON = 1,
    VIRTIO_CAP_NOTIFY = 2,
    VIRTIO_CAP_ISR = 3,
    VIRTIO_CAP_DEVICE = 4,
    VIRTIO_CAP_PCI = 5,
    VIRTIO_CAP_SHARED_MEMORY = 8,
};

struct virtio_pci;

struct virtio_pci_place {
    struct pci_root *root;
    unsigned int slot;
    uint64_t bar_home; /* address of the BAR at power-on */
};

/* Takes over `vhost_fd`. 0 or -errno with a static sentence. */
int virtio_pci_create(const struct virtio_pci_place *place,
                      const struct machine_add_device *request, int vhost_fd,
                      struct virtio_pci **ret_device, const char **ret_sentence);
void virtio_pci_destroy(struct virtio_pci *vp);
CLEANUP_DEFINE(struct virtio_pci, virtio_pci_destroy)
struct pci_function *virtio_pci_function(struct virtio_pci *vp);
const char *virtio_pci_name(const struct virtio_pci *vp);
/*
 * Another process takes the device over (`vhost_fd`, taken over also on failure), or -1: none will,
 * and the device is broken. On the loop's thread. 0 or -errno with a static sentence; then it may be
 * tried again with another one.
 */
int virtio_pci_replace(struct virtio_pci *vp, int vhost_fd, const char **ret_sentence);
/* The processors stand still, or go on: so do the queues. */
void virtio_pci_hold(struct virtio_pci *vp, bool hold);
/* Power-on state, the PCI function's registers excepted. */
void virtio_pci_reset(struct virtio_pci *vp);
