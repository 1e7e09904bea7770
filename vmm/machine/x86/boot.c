/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The state in which a kernel is entered: 64-bit protocol of the kernel's
 * Documentation/arch/x86/boot.rst (flat segments at selectors 0x10 and 0x18, memory mapped one to
 * one, boot parameters in RSI, interrupts off).
 */
#include <errno.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>

#include "vmm/base/bytes.h"
#include "vmm/machine/arch.h"
#include "vmm/machine/x86/acpi.h"
#include "vmm/machine/x86/layout.h"
#include "vmm/machine/x86/platform.h"

enum {
    SELECTOR_CODE = 0x10,
    SELECTOR_DATA = 0x18,
    SELECTOR_TSS = 0x20,
    GDT_SIZE = 0x30,

    CR0_PE = 1 << 0,
    CR0_ET = 1 << 4,
    CR4_PAE = 1 << 5,
    EFER_LME = 1 << 8,
    EFER_LMA = 1 << 10,
    PAGE_PRESENT_WRITABLE = 0x3,
    PAGE_LARGE = 1 << 7,
    FLAGS_RESERVED = 0x2,
};

#define CR0_PG UINT64_C(0x80000000)

static const uint64_t boot_gdt[GDT_SIZE / 8] = {
    0,
    0,
    UINT64_C(0x00af9b000000ffff), /* 64-bit code */
    UINT64_C(0x00cf93000000ffff), /* data */
    UINT64_C(0x00008b000000ffff), /* TSS, busy */
    0,
};

static int
write_tables(struct vm *vm)
{
    uint8_t *gdt = vm_ram_pointer(vm, X86_GDT_START, GDT_SIZE);
    uint8_t *pages = vm_ram_pointer(vm, X86_PML4_START, UINT64_C(6) * 4096);
    uint8_t *directories = vm_ram_pointer(vm, X86_PD_START, UINT64_C(4) * 4096);

    if (!gdt || !pages || !directories) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < ARRAY_SIZE(boot_gdt); i++) {
        store_le64(gdt + i * 8, boot_gdt[i]);
    }
    memset(pages, 0, UINT64_C(6) * 4096);
    store_le64(pages, X86_PDPT_START | PAGE_PRESENT_WRITABLE);
    for (uint64_t i = 0; i < 4; i++) {
        store_le64(pages + (X86_PDPT_START - X86_PML4_START) + i * 8,
                   (X86_PD_START + i * 4096) | PAGE_PRESENT_WRITABLE);
    }
    for (uint64_t i = 0; i < UINT64_C(4) * 512; i++) {
        store_le64(directories + i * 8, (i * 2 * MIB) | PAGE_PRESENT_WRITABLE | PAGE_LARGE);
    }
    return 0;
}

static int
set_segments(struct vcpu *vcpu)
{
    struct kvm_segment code = {.limit = 0xffffffff,
                               .selector = SELECTOR_CODE,
                               .type = 11,
                               .present = 1,
                               .s = 1,
                               .l = 1,
                               .g = 1};
    struct kvm_segment data = {.limit = 0xffffffff,
                               .selector = SELECTOR_DATA,
                               .type = 3,
                               .present = 1,
                               .s = 1,
                               .db = 1,
                               .g = 1};
    struct kvm_segment tss = {.limit = 0xffff, .selector = SELECTOR_TSS, .type = 11, .present = 1};
    struct kvm_sregs sregs;

    if (ioctl(vcpu->fd, KVM_GET_SREGS, &sregs) < 0) {
        return -errno;
    }
    sregs.cs = code;
    sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = data;
    sregs.tr = tss;
    sregs.gdt.base = X86_GDT_START;
    sregs.gdt.limit = GDT_SIZE - 1;
    sregs.idt.base = 0;
    sregs.idt.limit = 0;
    sregs.cr0 = CR0_PE | CR0_ET | CR0_PG;
    sregs.cr3 = X86_PML4_START;
    sregs.cr4 = CR4_PAE;
    sregs.efer = EFER_LME | EFER_LMA;
    return ioctl(vcpu->fd, KVM_SET_SREGS, &sregs) < 0 ? -errno : 0;
}

int
arch_boot(struct vm *vm, const struct machine_boot *boot)
{
    struct kvm_regs registers = {
        .rip = boot->entry,
        .rsi = boot->boot_params,
        .rsp = X86_STACK_START,
        .rbp = X86_STACK_START,
        .rflags = FLAGS_RESERVED,
    };
    uint8_t *acpi = vm_ram_pointer(vm, X86_ACPI_START, X86_ACPI_END - X86_ACPI_START);
    struct acpi_machine description;
    int r = write_tables(vm);

    if (r < 0) {
        return r;
    }
    if (!acpi) {
        return -ENOMEM;
    }
    platform_describe(vm, &description);
    r = acpi_write_tables(&description, X86_ACPI_START, acpi, X86_ACPI_END - X86_ACPI_START);
    if (r < 0) {
        return r;
    }
    /* The other processors stay in wait-for-SIPI, KVM's initial state. */
    r = set_segments(&vm->vcpus[0]);
    if (r < 0) {
        return r;
    }
    return ioctl(vm->vcpus[0].fd, KVM_SET_REGS, &registers) < 0 ? -errno : 0;
}
