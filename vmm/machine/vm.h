/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The virtual machine as the parts of vmm-machine see it: the KVM descriptor, address ranges with
 * handlers, interrupt lines and messages, kick descriptors. Architecture code implements what the
 * x86 and arm64 maps need; the PCI and virtio code uses only this header.
 *
 * Threads: vCPU threads call range handlers; everything else runs on the control thread (the loop).
 * vm_* calls below are safe from any thread unless told otherwise.
 */

#include <stdbool.h>
#include <stdint.h>

#include "vmm/base/cleanup.h"
#include "vmm/base/loop.h"

struct vm;

/* Guest-physical regions of RAM and their host mapping in this process. */
struct vm_ram {
    uint64_t guest_address;
    uint64_t size;
    uint64_t file_offset;
    void *host;
};

enum vm_space {
    VM_SPACE_MEMORY, /* MMIO */
    VM_SPACE_PORT,   /* x86 port I/O */
};

/* `offset` counts from the start of the range; size 1, 2, 4 or 8; never crosses the range's end. */
struct vm_range_ops {
    uint64_t (*read)(void *data, uint64_t offset, unsigned int size);
    void (*write)(void *data, uint64_t offset, unsigned int size, uint64_t value);
};

/*
 * Claim [start, start + length) of a space. The name is kept as a pointer and used when an overlap
 * is reported. -EEXIST on overlap (logged with both names), -EINVAL when empty or wrapping.
 * Accesses to unclaimed addresses read as all ones and are dropped when written.
 */
int vm_add_range(struct vm *vm, enum vm_space space, uint64_t start, uint64_t length,
                 const char *name, const struct vm_range_ops *ops, void *data);
/*
 * Take a range away, e.g. when a BAR moves; accesses in flight have ended when this returns. So the
 * caller must not hold a lock that the range's own handlers take, and must not be one of them.
 */
int vm_remove_range(struct vm *vm, enum vm_space space, uint64_t start);

/* RAM regions, at most two; constant after set-up. */
unsigned int vm_ram(const struct vm *vm, const struct vm_ram **ret_regions);
int vm_ram_fd(const struct vm *vm);
int vm_kvm_fd(const struct vm *vm); /* the KVM_CREATE_VM descriptor */
struct loop *vm_loop(const struct vm *vm);

/* Drive interrupt line `gsi` (x86: I/O APIC pin), level-triggered. */
int vm_set_line(struct vm *vm, uint32_t gsi, bool level);
/* Send one MSI now. */
int vm_send_msi(struct vm *vm, uint64_t address, uint32_t data);

/*
 * Message-signalled interrupts through KVM's routing table. A route belongs to the caller until
 * vm_free_msi(). vm_attach_msi() connects an eventfd to it (KVM_IRQFD), vm_detach_msi() takes it
 * off; counts that are in the eventfd when it is attached are delivered. -ENOSPC when KVM's table
 * is full.
 */
int vm_allocate_msi(struct vm *vm, uint32_t *ret_gsi);
void vm_free_msi(struct vm *vm, uint32_t gsi);
int vm_route_msi(struct vm *vm, uint32_t gsi, uint64_t address, uint32_t data);
int vm_attach_msi(struct vm *vm, uint32_t gsi, int event_fd);
int vm_detach_msi(struct vm *vm, uint32_t gsi, int event_fd);

/* A write of any size to `address` of the memory space signals `event_fd` without leaving KVM. */
int vm_attach_kick(struct vm *vm, uint64_t address, int event_fd);
int vm_detach_kick(struct vm *vm, uint64_t address, int event_fd);

/* Host memory as guest memory, which the guest reads, writes and runs without leaving KVM. */
struct vm_memory {
    uint64_t guest_address;
    uint64_t size; /* whole pages */
    void *host;    /* must stay mapped until vm_remove_memory() */
    bool writable;
};

int vm_add_memory(struct vm *vm, const struct vm_memory *memory, uint32_t *ret_slot);
void vm_remove_memory(struct vm *vm, uint32_t slot);

/* The machine is over: stops all vCPUs and reports to the supervisor; `reason` enum machine_end. */
void vm_end(struct vm *vm, uint32_t reason, const char *id, const char *sentence);

/* PCI interrupt pin (1 = INTA) of slot `device` on bus 0: its GSI on this machine. */
uint32_t vm_pci_line(unsigned int device, unsigned int pin);
