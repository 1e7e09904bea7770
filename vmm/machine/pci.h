/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * PCI Express root with one bus: ECAM in memory space and configuration mechanism 1 at ports
 * 0xcf8/0xcfc (x86), a host bridge at 00:00.0, and our virtio devices from 00:01.0 on. BARs are
 * decoded inside the windows only; what a guest programs elsewhere is not forwarded.
 */

#include <stdbool.h>
#include <stdint.h>

#include "vmm/base/cleanup.h"
#include "vmm/machine/vm.h"
#include "vmm/protocol/machine.h"

struct pci_root;

struct pci_windows {
    uint64_t ecam_start; /* 1 MiB per bus */
    uint64_t ecam_size;
    uint64_t low_start; /* 32-bit memory BARs */
    uint64_t low_size;
    uint64_t high_start; /* 64-bit prefetchable BARs; above RAM, below the guest's physical limit */
    uint64_t high_size;
    bool
        ports; /* also answer at 0xcf8/0xcfc; claims 0xcf8 ... 0xcff, the reset register included */
    bool cam;  /* configuration space has 256 bytes per function (64 KiB per bus), not 4 KiB */
};

/* Claims the configuration ranges of `vm`. NULL with errno set on failure. */
struct pci_root *pci_root_create(struct vm *vm, const struct pci_windows *windows);
void pci_root_destroy(struct pci_root *root);
CLEANUP_DEFINE(struct pci_root, pci_root_destroy)

/*
 * Put the vhost-user device behind `vhost_fd` (taken over, also on failure) at the next free slot as
 * a modern virtio-pci device with MSI-X; BARs get addresses before the guest starts, so that a
 * kernel that does not assign them finds them. Talks to the back end (features, config, queue
 * count): each answer has a limit of 1 s here. On failure *ret_sentence is a sentence for people
 * (static or owned by the root).
 */
int pci_root_add_virtio(struct pci_root *root, const struct machine_add_device *request,
                        int vhost_fd, const char **ret_sentence);
/* virtio_pci_replace() for the device of that name; -ENODEV. */
int pci_root_replace_virtio(struct pci_root *root, const char *name, int vhost_fd,
                            const char **ret_sentence);
/*
 * Tell when the back end of a device that was added went away, on the loop's thread; `name` is the
 * request's, both texts live for the call.
 */
typedef void (*pci_lost_handler)(void *data, const char *name, const char *sentence);
void pci_root_watch(struct pci_root *root, pci_lost_handler handler, void *data);
/* The processors stand still, or go on: so do all queues. */
void pci_root_hold(struct pci_root *root, bool hold);
/* System reset: every device back to its power-on state. vCPUs must be stopped. */
void pci_root_reset(struct pci_root *root);
