/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/machine/x86/cpuid.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "vmm/base/memory.h"

enum {
    CPUID_ENTRIES = 256,

    FEATURE_VMX = 5,           /* leaf 1 ECX */
    FEATURE_SVM = 2,           /* leaf 0x80000001 ECX */
    FEATURE_CMP_LEGACY = 1,    /* leaf 0x80000001 ECX: hyper-threads, says AMD */
    FEATURE_TSC_DEADLINE = 24, /* leaf 1 ECX */
    FEATURE_HYPERVISOR = 31,   /* leaf 1 ECX */
    FEATURE_HTT = 28,          /* leaf 1 EDX: more than one logical processor */
};

int
cpuid_supported(int kvm_fd, struct kvm_cpuid2 **ret_table)
{
    cleanup_free struct kvm_cpuid2 *table =
        xalloc(sizeof(*table) + CPUID_ENTRIES * sizeof(table->entries[0]));

    table->nent = CPUID_ENTRIES;
    if (ioctl(kvm_fd, KVM_GET_SUPPORTED_CPUID, table) < 0) {
        return -errno;
    }
    *ret_table = take_pointer(table);
    return 0;
}

static unsigned int
bits_for(uint32_t count)
{
    unsigned int bits = 0;

    while ((UINT32_C(1) << bits) < count) {
        bits++;
    }
    return bits;
}

static void
set_bit(uint32_t *word, unsigned int bit, int on)
{
    *word = (*word & ~(UINT32_C(1) << bit)) | ((uint32_t)(on != 0) << bit);
}

/* Leaf 1: processor info and features. */
static void
fix_features(struct kvm_cpuid_entry2 *entry, const struct cpuid_topology *topology)
{
    uint32_t room = UINT32_C(1) << bits_for(topology->n_cpus); /* APIC ids of the package */

    entry->ebx = (entry->ebx & 0x0000ffff) | room << 16 | topology->index << 24;
    set_bit(&entry->ecx, FEATURE_VMX, 0); /* machines in machines: a lot of host kernel to attack */
    set_bit(&entry->ecx, FEATURE_HYPERVISOR, 1);
    set_bit(&entry->ecx, FEATURE_TSC_DEADLINE, topology->tsc_deadline);
    set_bit(&entry->edx, FEATURE_HTT, topology->n_cpus > 1);
}

/* Leaf 4 and AMD's 0x8000001d: bits 14-25 of EAX tell how many APIC ids share a cache, less one. */
static void
fix_cache(struct kvm_cpuid_entry2 *entry, const struct cpuid_topology *topology)
{
    uint32_t last = (UINT32_C(1) << bits_for(topology->n_cpus)) - 1;
    uint32_t level = (entry->eax >> 5) & 7;

    if ((entry->eax & 0x1f) == 0) {
        return; /* no more caches */
    }
    entry->eax &= 0x00003fff;
    entry->eax |= (level >= 3 ? last : 0) << 14;
    if (entry->function == 4) {
        entry->eax |= last << 26;
    }
}

/* Leaves 0xb and 0x1f: level 0 is a thread in its core, level 1 a core in the package. */
static void
fix_levels(struct kvm_cpuid_entry2 *entry, const struct cpuid_topology *topology)
{
    uint32_t type = entry->index == 0 ? 1 : entry->index == 1 ? 2 : 0;

    entry->eax = type == 2 ? bits_for(topology->n_cpus) : 0;
    entry->ebx = type == 1 ? 1 : type == 2 ? topology->n_cpus : 0;
    entry->ecx = entry->index | type << 8;
    entry->edx = topology->index;
}

static void
fix_entry(struct kvm_cpuid_entry2 *entry, const struct cpuid_topology *topology)
{
    switch (entry->function) {
    case 1:
        fix_features(entry, topology);
        break;
    case 4:
    case 0x8000001d:
        fix_cache(entry, topology);
        break;
    case 0xb:
    case 0x1f:
        fix_levels(entry, topology);
        break;
    case 0x80000001:
        set_bit(&entry->ecx, FEATURE_CMP_LEGACY, 0);
        set_bit(&entry->ecx, FEATURE_SVM, 0);
        break;
    case 0x80000008:
        entry->ecx = bits_for(topology->n_cpus) << 12 | (topology->n_cpus - 1);
        break;
    case 0x8000001e:
        entry->eax = topology->index;
        entry->ebx = topology->index; /* core id, one thread each */
        entry->ecx = 0;
        break;
    default:
        break;
    }
}

/* KVM may report only the first level of leaf 0xb; the guest then needs the others from us. */
static void
complete_levels(struct kvm_cpuid2 *table, uint32_t function)
{
    const struct kvm_cpuid_entry2 *first = NULL;
    uint32_t n_levels = 0;

    for (uint32_t i = 0; i < table->nent; i++) {
        if (table->entries[i].function == function) {
            first = first ? first : &table->entries[i];
            n_levels++;
        }
    }
    for (uint32_t index = n_levels; first && index < 3 && table->nent < CPUID_ENTRIES; index++) {
        table->entries[table->nent++] = (struct kvm_cpuid_entry2){
            .function = function,
            .index = index,
            .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
        };
    }
}

void
cpuid_apply_topology(struct kvm_cpuid2 *table, const struct cpuid_topology *topology)
{
    complete_levels(table, 0xb);
    complete_levels(table, 0x1f);
    for (uint32_t i = 0; i < table->nent; i++) {
        fix_entry(&table->entries[i], topology);
    }
}

unsigned int
cpuid_physical_bits(const struct kvm_cpuid2 *table)
{
    for (uint32_t i = 0; i < table->nent; i++) {
        if (table->entries[i].function == 0x80000008) {
            unsigned int bits = table->entries[i].eax & 0xff;

            return bits >= 36 && bits <= 52 ? bits : 36;
        }
    }
    return 36;
}
