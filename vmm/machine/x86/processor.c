/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Power-on state of a virtual processor beyond what KVM sets. */
#include <errno.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>

#include "vmm/base/bytes.h"
#include "vmm/base/log.h"
#include "vmm/machine/arch.h"
#include "vmm/machine/x86/cpuid.h"

enum {
    MSR_MISC_ENABLE = 0x1a0,
    MSR_MTRR_DEFAULT = 0x2ff,
    MISC_ENABLE_FAST_STRING = 1,
    MTRR_ENABLED_WRITE_BACK = 0x806, /* E, default type 6; without it Linux switches PAT off */

    LAPIC_LVT_LINT0 = 0x350,
    LAPIC_LVT_LINT1 = 0x360,
    LAPIC_MODE_NMI = 4 << 8,
    LAPIC_MODE_EXTINT = 7 << 8,
};

static int
set_cpuid(struct vcpu *vcpu)
{
    cleanup_free struct kvm_cpuid2 *table = NULL;
    int r = cpuid_supported(vcpu->vm->kvm_fd, &table);

    if (r < 0) {
        return r;
    }
    cpuid_apply_topology(table, &(struct cpuid_topology){
                                    .index = vcpu->index,
                                    .n_cpus = vcpu->vm->n_vcpus,
                                    .tsc_deadline = ioctl(vcpu->vm->kvm_fd, KVM_CHECK_EXTENSION,
                                                          KVM_CAP_TSC_DEADLINE_TIMER) > 0,
                                });
    return ioctl(vcpu->fd, KVM_SET_CPUID2, table) < 0 ? -errno : 0;
}

static void
set_msr(struct vcpu *vcpu, uint32_t index, uint64_t value)
{
    struct {
        struct kvm_msrs header;
        struct kvm_msr_entry entry;
    } msrs = {.header.nmsrs = 1, .entry = {.index = index, .data = value}};

    if (ioctl(vcpu->fd, KVM_SET_MSRS, &msrs) != 1) {
        log_debug("KVM does not let us set MSR 0x%x", index);
    }
}

/* The PIC's line at LINT0 of the boot processor, NMI at LINT1 of all, as ACPI tells the guest. */
static int
set_local_apic(struct vcpu *vcpu)
{
    struct kvm_lapic_state state;
    uint8_t *registers = (uint8_t *)state.regs;

    if (ioctl(vcpu->fd, KVM_GET_LAPIC, &state) < 0) {
        return -errno;
    }
    if (vcpu->index == 0) {
        store_le32(registers + LAPIC_LVT_LINT0, LAPIC_MODE_EXTINT);
    }
    store_le32(registers + LAPIC_LVT_LINT1, LAPIC_MODE_NMI);
    return ioctl(vcpu->fd, KVM_SET_LAPIC, &state) < 0 ? -errno : 0;
}

int
arch_init_vcpu(struct vcpu *vcpu)
{
    int r = set_cpuid(vcpu);

    if (r < 0) {
        return r;
    }
    set_msr(vcpu, MSR_MISC_ENABLE, MISC_ENABLE_FAST_STRING);
    set_msr(vcpu, MSR_MTRR_DEFAULT, MTRR_ENABLED_WRITE_BACK);
    return set_local_apic(vcpu);
}
