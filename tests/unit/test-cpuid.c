/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/tap.h"
#include "vmm/base/memory.h"
#include "vmm/machine/x86/cpuid.h"

/* A table with room for what is added; what an Intel host with hyper-threads might report. */
static struct kvm_cpuid2 *
host_table(void)
{
    static const struct kvm_cpuid_entry2 entries[] = {
        {.function = 1, .ebx = 0x05100800, .ecx = 0xffffffff, .edx = 0x1fffffff},
        {.function = 4, .index = 0, .eax = 0x1c004121},
        {.function = 4, .index = 1, .eax = 0x1c03c163},
        {.function = 0xb, .index = 0, .eax = 1, .ebx = 2, .ecx = 0x100, .edx = 7},
        {.function = 0x40000000, .eax = 0x40000001, .ebx = 0x4b4d564b},
        {.function = 0x80000001, .ecx = 0xffffffff},
        {.function = 0x80000008, .eax = 0x302e, .ecx = 0x7007},
    };
    struct kvm_cpuid2 *table = xalloc(sizeof(*table) + 256 * sizeof(entries[0]));

    memcpy(table->entries, entries, sizeof(entries));
    table->nent = sizeof(entries) / sizeof(entries[0]);
    return table;
}

static const struct kvm_cpuid_entry2 *
find(const struct kvm_cpuid2 *table, uint32_t function, uint32_t index)
{
    for (uint32_t i = 0; i < table->nent; i++) {
        if (table->entries[i].function == function && table->entries[i].index == index) {
            return &table->entries[i];
        }
    }
    return NULL;
}

static bool
has(const struct kvm_cpuid2 *table, uint32_t function, unsigned int bit_of_ecx)
{
    const struct kvm_cpuid_entry2 *entry = find(table, function, 0);

    return entry && ((entry->ecx >> bit_of_ecx) & 1);
}

static uint32_t
ebx_of(const struct kvm_cpuid2 *table, uint32_t function)
{
    const struct kvm_cpuid_entry2 *entry = find(table, function, 0);

    return entry ? entry->ebx : 0;
}

TAP_TEST(one_package_of_cores)
{
    cleanup_free struct kvm_cpuid2 *table = host_table();
    const struct kvm_cpuid_entry2 *entry;

    cpuid_apply_topology(table, &(struct cpuid_topology){.index = 2, .n_cpus = 3});
    entry = find(table, 1, 0);
    check(entry);
    check_int(entry->ebx, 0x02040800); /* APIC id 2, room for 4 */
    check(entry->edx & 1 << 28);
    entry = find(table, 4, 0);
    check(entry);
    check_int(entry->eax >> 26, 3);
    check_int((entry->eax >> 14) & 0xfff, 0); /* the first level is not shared */
    entry = find(table, 4, 1);
    check(entry && ((entry->eax >> 14) & 0xfff) == 3);
    entry = find(table, 0xb, 0);
    check(entry && entry->eax == 0 && entry->ebx == 1 && entry->ecx == 0x100 && entry->edx == 2);
    entry = find(table, 0xb, 1);
    check(entry && entry->eax == 2 && entry->ebx == 3 && entry->ecx == 0x201 && entry->edx == 2);
    entry = find(table, 0xb, 2);
    check(entry && entry->ebx == 0 && entry->ecx == 2);
    check(!find(table, 0x1f, 0)); /* the host has none */
    entry = find(table, 0x80000008, 0);
    check(entry && entry->ecx == 0x2002);
}

TAP_TEST(features)
{
    cleanup_free struct kvm_cpuid2 *table = host_table();

    cpuid_apply_topology(table,
                         &(struct cpuid_topology){.index = 0, .n_cpus = 1, .tsc_deadline = 0});
    check(has(table, 1, 31));          /* a hypervisor */
    check(!has(table, 1, 24));         /* no deadline timer */
    check(!has(table, 1, 5));          /* no VMX */
    check(!has(table, 0x80000001, 2)); /* no SVM */
    check(has(table, 0x80000001, 5));
    check_int(ebx_of(table, 0x40000000), 0x4b4d564b);
    check_int(cpuid_physical_bits(table), 46);
}

TAP_MAIN(TAP_CASE(one_package_of_cores), TAP_CASE(features))
