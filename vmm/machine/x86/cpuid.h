/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What CPUID tells a guest (Intel SDM volume 2A "CPUID"; AMD APM volume 3 appendix E): what KVM can do on this host,
 * with the topology of one package of single-threaded cores. KVM's own leaves from 0x40000000 on and
 * the hypervisor bit stay: without kvm-clock stock kernels calibrate their clock against the PIT.
 */

#include <linux/kvm.h>
#include <stdint.h>

#include "vmm/base/cleanup.h"

/* What KVM supports here; allocated. -errno on failure. */
int cpuid_supported(int kvm_fd, struct kvm_cpuid2 **ret_table);

struct cpuid_topology {
    uint32_t index;   /* this processor; also its APIC id */
    uint32_t n_cpus;  /* in the machine */
    int tsc_deadline; /* the local APIC has the deadline timer */
};

/* Change `table` into what processor `topology->index` reports. */
void cpuid_apply_topology(struct kvm_cpuid2 *table, const struct cpuid_topology *topology);

/* Bits of a guest-physical address. */
unsigned int cpuid_physical_bits(const struct kvm_cpuid2 *table);
