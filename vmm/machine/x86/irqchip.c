/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* KVM's PIC pair, I/O APIC, local APICs and PIT. */
#include <errno.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>

#include "vmm/machine/arch.h"
#include "vmm/machine/x86/layout.h"

int
arch_create_irqchip(struct vm *vm)
{
    struct kvm_pit_config pit = {.flags = KVM_PIT_SPEAKER_DUMMY};
    uint64_t identity = X86_IDENTITY_START;

    if (ioctl(vm->fd, KVM_SET_IDENTITY_MAP_ADDR, &identity) < 0 ||
        ioctl(vm->fd, KVM_SET_TSS_ADDR, (unsigned long)X86_TSS_START) < 0 ||
        ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0) < 0 || ioctl(vm->fd, KVM_CREATE_PIT2, &pit) < 0) {
        return -errno;
    }
    return 0;
}

static void
add_pin(struct kvm_irq_routing *table, uint32_t gsi, uint32_t chip, uint32_t pin)
{
    table->entries[table->nr++] = (struct kvm_irq_routing_entry){
        .gsi = gsi,
        .type = KVM_IRQ_ROUTING_IRQCHIP,
        .u.irqchip = {.irqchip = chip, .pin = pin},
    };
}

uint32_t
arch_fixed_routes(struct kvm_irq_routing *table, uint32_t capacity)
{
    table->nr = 0;
    for (uint32_t gsi = 0; gsi < X86_PINS && table->nr + 2 <= capacity; gsi++) {
        if (gsi < 8 && gsi != 2) { /* pin 2 of the first PIC is the second one */
            add_pin(table, gsi, KVM_IRQCHIP_PIC_MASTER, gsi);
        } else if (gsi >= 8 && gsi < 16) {
            add_pin(table, gsi, KVM_IRQCHIP_PIC_SLAVE, gsi - 8);
        }
        if (gsi == 0) {
            add_pin(table, gsi, KVM_IRQCHIP_IOAPIC, X86_PIN_TIMER);
        } else if (gsi != X86_PIN_TIMER) {
            add_pin(table, gsi, KVM_IRQCHIP_IOAPIC, gsi);
        }
    }
    return X86_PINS;
}

uint32_t
vm_pci_line(unsigned int device, unsigned int pin)
{
    return X86_PIN_PCI + (device + pin - 1) % X86_PCI_PINS;
}
