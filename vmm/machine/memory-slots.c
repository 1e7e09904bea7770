/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* KVM's memory slots beyond RAM. */

#include <errno.h>
#include <sys/ioctl.h>

#include "vmm/machine/vm-private.h"

static int
set_slot(const struct vm *vm, uint32_t slot, const struct vm_memory *memory)
{
    struct kvm_userspace_memory_region region = {
        .slot = slot,
        .flags = memory && !memory->writable ? KVM_MEM_READONLY : 0,
        .guest_phys_addr = memory ? memory->guest_address : 0,
        .memory_size = memory ? memory->size : 0,
        .userspace_addr = memory ? (uintptr_t)memory->host : 0,
    };

    return ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &region) < 0 ? -errno : 0;
}

int
vm_add_memory(struct vm *vm, const struct vm_memory *memory, uint32_t *ret_slot)
{
    uint32_t i = 0;
    int r = -ENOSPC;

    pthread_mutex_lock(&vm->slots_lock);
    while (i < VM_SLOTS_MAX && vm->slot_used[i]) {
        i++;
    }
    if (i < VM_SLOTS_MAX) {
        r = set_slot(vm, VM_RAM_REGIONS + i, memory);
    }
    if (r == 0) {
        vm->slot_used[i] = true;
        *ret_slot = i;
    }
    pthread_mutex_unlock(&vm->slots_lock);
    return r;
}

void
vm_remove_memory(struct vm *vm, uint32_t slot)
{
    pthread_mutex_lock(&vm->slots_lock);
    if (slot < VM_SLOTS_MAX && vm->slot_used[slot] &&
        set_slot(vm, VM_RAM_REGIONS + slot, NULL) == 0) {
        vm->slot_used[slot] = false;
    }
    pthread_mutex_unlock(&vm->slots_lock);
}
