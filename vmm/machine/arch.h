/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What an architecture provides to vmm-machine. One of x86/ and arm64/ is compiled in; code outside
 * these folders knows only this header.
 */

#include <linux/kvm.h>

#include "vmm/machine/pci.h"
#include "vmm/machine/vcpu.h"
#include "vmm/machine/vm-private.h"

/* Where `size` bytes of RAM are, in up to VM_RAM_REGIONS regions (host pointers stay NULL). */
unsigned int arch_ram_regions(uint64_t size, struct vm_ram ret_regions[VM_RAM_REGIONS]);

/* Called after KVM_CREATE_VM, before vCPUs exist: in-kernel interrupt controllers and timers. */
int arch_create_irqchip(struct vm *vm);
/* Routing entries of the interrupt controller's pins, GSI ascending; the first free GSI after them. */
uint32_t arch_fixed_routes(struct kvm_irq_routing *table, uint32_t capacity);
/* Everything of one vCPU that does not depend on the kernel to boot. */
int arch_init_vcpu(struct vcpu *vcpu);
/* After the vCPUs: platform devices (serial ports, clock, power). Sets vm->arch. */
int arch_create_platform(struct vm *vm, const struct machine_setup *setup);
void arch_destroy_platform(struct vm *vm);

/* Address windows for PCI on this machine. */
void arch_pci_windows(const struct vm *vm, struct pci_windows *ret_windows);

/* Write the boot tables into guest RAM and set the registers of the boot processor. */
int arch_boot(struct vm *vm, const struct machine_boot *boot);

/* An exit that only this architecture has. False: not ours. */
bool arch_handle_exit(struct vcpu *vcpu, struct kvm_run *run);

/* The processors have stopped for a while, or go on: clocks that must not run meanwhile. */
void arch_pause(struct vm *vm);
void arch_resume(struct vm *vm);

void arch_power_button(struct vm *vm);
void arch_sleep_button(struct vm *vm);
/* The machine has ended: push out what the serial ports still hold, without waiting long. */
void arch_flush(struct vm *vm);

/* -- for debug.c; all while the processor does not run, but for arch_debug_exit() -- */

struct debug_points;
struct debug_registers;

enum {
    ARCH_BREAKPOINT = 0xcc, /* x86: int3 */
};

/* Before the jail: whether interrupts can wait while one instruction is stepped over. */
bool arch_debug_can_block_interrupts(const struct vm *vm);
/* Where a virtual address lies; -EFAULT: nowhere. */
int arch_debug_translate(struct vcpu *vcpu, uint64_t address, uint64_t *ret_physical);
/* The processor stops at these points from now on, and with `step` after one instruction. */
int arch_debug_apply(struct vcpu *vcpu, const struct debug_points *points, bool step);
/* On its thread, KVM_EXIT_DEBUG: why it stops. False: it is for the guest, which got it. */
bool arch_debug_exit(struct vcpu *vcpu, const struct debug_points *points,
                     struct debug_stop *ret_stop);
int arch_debug_get(struct vcpu *vcpu, struct debug_registers *ret_registers);
int arch_debug_set(struct vcpu *vcpu, const struct debug_registers *registers);

/*
 * A guest for probe.c: it runs step by step through what a stock kernel needs and writes the number
 * of each step that worked, from 1, to one byte at `report_address`.
 */
struct arch_probe {
    const uint8_t *code; /* copied to load_address, entered as arch_boot() enters a kernel */
    size_t size;
    uint64_t load_address;
    enum vm_space report_space;
    uint64_t report_address;
    const char *const *steps; /* what each is about, for a sentence */
    uint64_t n_steps;
};

void arch_probe_guest(struct arch_probe *ret_probe);
