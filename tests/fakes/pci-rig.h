/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A made-up machine with one virtio-pci device in slot 1 in front of a fake back end. */

#include "tests/fakes/fake-backend.h"
#include "tests/fakes/fake-vm.h"
#include "vmm/machine/pci.h"
#include "vmm/machine/virtio-pci.h"

enum {
    RIG_SLOT = 1,
    RIG_QUEUES = 2,
    RIG_QUEUE_SIZE = 64,
    RIG_CONFIG_SIZE = 60,
    RIG_WINDOW_SIZE = 16 << 20,
    RIG_GSI = 17, /* of slot 1 in the fake machine */
};

#define RIG_ECAM UINT64_C(0xf4000000)
#define RIG_LOW  UINT64_C(0xd0000000)
#define RIG_HIGH UINT64_C(0x8000000000)

struct rig {
    struct vm *vm;
    struct pci_root *root;
    struct fake_backend *backend;
    uint64_t bar; /* where the BAR is decoded */
    unsigned int lost;
    bool may_return; /* the device's: set before rig_add() */
};

/* A root without devices, and what the device below would be. */
void rig_init_empty(struct rig *rig);
/* 0 or -errno, like pci_root_add_virtio(). `mood` for `request` from the beginning. */
int rig_add(struct rig *rig, uint32_t request, enum fake_mood mood);
/* Another back end in place of the one that is there: like pci_root_replace_virtio(). */
int rig_replace(struct rig *rig);
/* Root with the device, memory decoding and bus master on. */
void rig_init(struct rig *rig);
/* The same; another back end may take the place of the first. */
void rig_init_returning(struct rig *rig);
void rig_finish(struct rig *rig);

uint32_t rig_config(struct rig *rig, unsigned int slot, uint32_t reg, unsigned int size);
void rig_set_config(struct rig *rig, unsigned int slot, uint32_t reg, unsigned int size,
                    uint32_t value);
uint64_t rig_read(struct rig *rig, uint64_t offset, unsigned int size);
void rig_write(struct rig *rig, uint64_t offset, unsigned int size, uint64_t value);
/* Offset of the first capability with this id (and virtio type, if not 0); 0 when there is none. */
uint32_t rig_capability(struct rig *rig, uint8_t id, uint8_t type);

uint8_t rig_status(struct rig *rig);
void rig_set_status(struct rig *rig, uint8_t status);
/* Accept VERSION_1 and go to FEATURES_OK. */
void rig_negotiate(struct rig *rig);
/* Set up and enable both queues, without DRIVER_OK. */
void rig_set_up_queues(struct rig *rig);
/* All of the above and DRIVER_OK. */
void rig_start(struct rig *rig);
/* Program and unmask a vector. */
void rig_set_vector(struct rig *rig, unsigned int vector, uint64_t address, uint32_t data);
void rig_enable_msix(struct rig *rig, bool enabled, bool masked);
uint64_t rig_now_ms(void);
