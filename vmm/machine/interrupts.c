/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Interrupt lines, messages and kicks. KVM's routing table is replaced as a whole at each change: the
 * pins of the interrupt controllers stay, message entries come and go.
 */
#include <errno.h>
#include <linux/kvm.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "vmm/base/bytes.h"
#include "vmm/base/memory.h"
#include "vmm/base/trace.h"
#include "vmm/machine/arch.h"
#include "vmm/machine/vm-private.h"

static int
push_table(struct vm *vm)
{
    return ioctl(vm->fd, KVM_SET_GSI_ROUTING, vm->interrupts.table) < 0 ? -errno : 0;
}

int
interrupts_init(struct vm *vm)
{
    struct interrupts *interrupts = &vm->interrupts;

    interrupts->table =
        xalloc(sizeof(*interrupts->table) + VM_ROUTES_MAX * sizeof(interrupts->table->entries[0]));
    interrupts->first_message = arch_fixed_routes(interrupts->table, VM_ROUTES_MAX);
    return push_table(vm);
}

void
interrupts_finish(struct vm *vm)
{
    free(vm->interrupts.table);
    vm->interrupts.table = NULL;
}

static bool
gsi_is_used(const struct interrupts *interrupts, uint32_t gsi)
{
    return gsi < VM_ROUTES_MAX && ((interrupts->used[gsi / 64] >> (gsi % 64)) & 1) != 0;
}

/* The message entry of a GSI, or NULL while it has no route. */
static struct kvm_irq_routing_entry *
entry_of(struct interrupts *interrupts, uint32_t gsi)
{
    for (uint32_t i = 0; i < interrupts->table->nr; i++) {
        struct kvm_irq_routing_entry *entry = &interrupts->table->entries[i];

        if (entry->gsi == gsi && entry->type == KVM_IRQ_ROUTING_MSI) {
            return entry;
        }
    }
    return NULL;
}

int
vm_allocate_msi(struct vm *vm, uint32_t *ret_gsi)
{
    struct interrupts *interrupts = &vm->interrupts;
    int r = -ENOSPC;

    pthread_mutex_lock(&interrupts->lock);
    for (uint32_t gsi = interrupts->first_message; gsi < VM_ROUTES_MAX; gsi++) {
        if (!gsi_is_used(interrupts, gsi)) {
            interrupts->used[gsi / 64] |= UINT64_C(1) << (gsi % 64);
            *ret_gsi = gsi;
            r = 0;
            break;
        }
    }
    pthread_mutex_unlock(&interrupts->lock);
    return r;
}

void
vm_free_msi(struct vm *vm, uint32_t gsi)
{
    struct interrupts *interrupts = &vm->interrupts;
    struct kvm_irq_routing_entry *entry;

    pthread_mutex_lock(&interrupts->lock);
    if (gsi_is_used(interrupts, gsi)) {
        interrupts->used[gsi / 64] &= ~(UINT64_C(1) << (gsi % 64));
        entry = entry_of(interrupts, gsi);
        if (entry) {
            *entry = interrupts->table->entries[--interrupts->table->nr];
            push_table(vm);
        }
    }
    pthread_mutex_unlock(&interrupts->lock);
}

int
vm_route_msi(struct vm *vm, uint32_t gsi, uint64_t address, uint32_t data)
{
    struct interrupts *interrupts = &vm->interrupts;
    struct kvm_irq_routing_entry *entry;
    int r;

    pthread_mutex_lock(&interrupts->lock);
    if (!gsi_is_used(interrupts, gsi)) {
        pthread_mutex_unlock(&interrupts->lock);
        return -EINVAL;
    }
    entry = entry_of(interrupts, gsi);
    if (!entry && interrupts->table->nr == VM_ROUTES_MAX) {
        pthread_mutex_unlock(&interrupts->lock);
        return -ENOSPC;
    }
    if (!entry) {
        entry = &interrupts->table->entries[interrupts->table->nr++];
    }
    *entry = (struct kvm_irq_routing_entry){
        .gsi = gsi,
        .type = KVM_IRQ_ROUTING_MSI,
        .u.msi = {.address_lo = (uint32_t)address,
                  .address_hi = (uint32_t)(address >> 32),
                  .data = data},
    };
    r = push_table(vm);
    pthread_mutex_unlock(&interrupts->lock);
    return r;
}

static int
set_irqfd(struct vm *vm, uint32_t gsi, int event_fd, uint32_t flags)
{
    struct kvm_irqfd irqfd = {.fd = (uint32_t)event_fd, .gsi = gsi, .flags = flags};

    return ioctl(vm->fd, KVM_IRQFD, &irqfd) < 0 ? -errno : 0;
}

int
vm_attach_msi(struct vm *vm, uint32_t gsi, int event_fd)
{
    return set_irqfd(vm, gsi, event_fd, 0);
}

int
vm_detach_msi(struct vm *vm, uint32_t gsi, int event_fd)
{
    return set_irqfd(vm, gsi, event_fd, KVM_IRQFD_FLAG_DEASSIGN);
}

int
vm_set_line(struct vm *vm, uint32_t gsi, bool level)
{
    struct kvm_irq_level line = {.irq = gsi, .level = level};

    trace_line(gsi, level);
    return ioctl(vm->fd, KVM_IRQ_LINE, &line) < 0 ? -errno : 0;
}

int
vm_send_msi(struct vm *vm, uint64_t address, uint32_t data)
{
    struct kvm_msi msi = {
        .address_lo = (uint32_t)address,
        .address_hi = (uint32_t)(address >> 32),
        .data = data,
    };

    trace_message(address, data);
    return ioctl(vm->fd, KVM_SIGNAL_MSI, &msi) < 0 ? -errno : 0;
}

static int
set_ioeventfd(struct vm *vm, uint64_t address, int event_fd, uint32_t flags)
{
    /* Length 0: any size, no look at the data. */
    struct kvm_ioeventfd kick = {.addr = address, .len = 0, .fd = event_fd, .flags = flags};

    return ioctl(vm->fd, KVM_IOEVENTFD, &kick) < 0 ? -errno : 0;
}

int
vm_attach_kick(struct vm *vm, uint64_t address, int event_fd)
{
    return set_ioeventfd(vm, address, event_fd, 0);
}

int
vm_detach_kick(struct vm *vm, uint64_t address, int event_fd)
{
    return set_ioeventfd(vm, address, event_fd, KVM_IOEVENTFD_FLAG_DEASSIGN);
}
