/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/tap.h"
#include "vmm/base/bytes.h"
#include "vmm/base/memory.h"
#include "vmm/machine/x86/acpi.h"
#include "vmm/machine/x86/aml.h"
#include "vmm/machine/x86/layout.h"
#include "vmm/machine/x86/rtc.h"

static const struct acpi_machine big_machine = {
    .n_cpus = MACHINE_CPUS_MAX,
    .serial = {true, true, true, true},
    .pci =
        {
            .ecam_start = X86_ECAM_START,
            .ecam_size = X86_ECAM_SIZE,
            .low_start = X86_LOW_MMIO_START,
            .low_size = X86_LOW_MMIO_END - X86_LOW_MMIO_START,
            .high_start = UINT64_C(0x200000000),
            .high_size = UINT64_C(0x4000000000),
            .ports = true,
        },
};

enum {
    SIZE = X86_ACPI_END - X86_ACPI_START
};

static uint8_t
sum(const uint8_t *bytes, size_t size)
{
    uint8_t total = 0;

    for (size_t i = 0; i < size; i++) {
        total = (uint8_t)(total + bytes[i]);
    }
    return total;
}

/* A table by signature, found as a guest does it. */
static const uint8_t *
find(const uint8_t *memory, const char *signature)
{
    const uint8_t *xsdt = memory + (load_le64(memory + 24) - X86_ACPI_START);
    size_t n = (load_le32(xsdt + 4) - 36) / 8;

    for (size_t i = 0; i < n; i++) {
        const uint8_t *table = memory + (load_le64(xsdt + 36 + i * 8) - X86_ACPI_START);

        if (memcmp(table, signature, 4) == 0 && sum(table, load_le32(table + 4)) == 0) {
            return table;
        }
    }
    return NULL;
}

static uint8_t *
build(const struct acpi_machine *machine)
{
    uint8_t *memory = xalloc(SIZE);

    if (acpi_write_tables(machine, X86_ACPI_START, memory, SIZE) < 0) {
        free(memory);
        return NULL;
    }
    return memory;
}

TAP_TEST(tables_are_complete)
{
    cleanup_free uint8_t *memory = build(&big_machine);
    const uint8_t *fadt;
    const uint8_t *dsdt;

    check(memory);
    check(memcmp(memory, "RSD PTR ", 8) == 0);
    check_int(sum(memory, 20), 0);
    check_int(sum(memory, 36), 0);
    check(find(memory, "APIC"));
    check(find(memory, "MCFG"));
    check(find(memory, "WDAT"));
    fadt = find(memory, "FACP");
    check(fadt);
    dsdt = memory + (load_le64(fadt + 140) - X86_ACPI_START);
    check(memcmp(dsdt, "DSDT", 4) == 0);
    check_int(sum(dsdt, load_le32(dsdt + 4)), 0);
    check_int(load_le64(fadt + 140), load_le32(fadt + 40));
    check_int(fadt[106], RTC_DAY_ALARM);
    check_int(fadt[107], RTC_MONTH_ALARM);
    check_int(fadt[108], RTC_CENTURY);
}

TAP_TEST(madt_lists_all_processors)
{
    cleanup_free uint8_t *memory = build(&big_machine);
    const uint8_t *madt;
    unsigned int n_cpus = 0;
    size_t at = 44;

    check(memory);
    madt = find(memory, "APIC");
    check(madt);
    while (at < load_le32(madt + 4)) {
        check(madt[at + 1] >= 6);
        if (madt[at] == 0) {
            check_int(madt[at + 3], n_cpus);
            n_cpus++;
        }
        at += madt[at + 1];
    }
    check_int(at, load_le32(madt + 4));
    check_int(n_cpus, MACHINE_CPUS_MAX);
}

TAP_TEST(small_memory_is_refused)
{
    uint8_t memory[2048];

    for (size_t size = 0; size < sizeof(memory); size += 64) {
        check(acpi_write_tables(&big_machine, X86_ACPI_START, memory, size) < 0);
    }
}

TAP_TEST(aml_lengths)
{
    uint8_t bytes[9000];
    static const uint8_t filler[5000];
    struct aml aml;

    aml_init(&aml, bytes, sizeof(bytes));
    aml_buffer(&aml, filler, 10);
    check_int(aml.used, 1 + 1 + 2 + 10);
    check_int(bytes[1], 1 + 2 + 10);
    aml_init(&aml, bytes, sizeof(bytes));
    aml_buffer(&aml, filler, 100);
    check_int(aml.used, 1 + 2 + 2 + 100);
    check_int((bytes[1] & 0xf) | bytes[2] << 4, 2 + 2 + 100);
    aml_init(&aml, bytes, sizeof(bytes));
    aml_buffer(&aml, filler, 5000);
    check_int((bytes[1] & 0xf) | bytes[2] << 4 | bytes[3] << 12, 3 + 3 + 5000);
    check(!aml.overflow);
    aml_buffer(&aml, filler, 5000);
    check(aml.overflow);
}

static int
disassemble(const char *folder, const char *name, const uint8_t *table)
{
    cleanup_free char *path = xasprintf("%s/%s.dat", folder, name);
    cleanup_free char *command = xasprintf(
        "cd '%s' && iasl -d %s.dat >%s.log 2>&1 && ! grep -iE 'error|invalid|bad|warning' %s.log",
        folder, name, name, name);
    FILE *file = fopen(path, "w");

    if (!file) {
        return -1;
    }
    fwrite(table, 1, load_le32(table + 4), file);
    fclose(file);
    return system(command); // NOLINT(cert-env33-c): a fixed command in a folder of our own
}

/* The disassembler of the ACPI reference implementation reads them, and its compiler the result. */
TAP_TEST(iasl_reads_them)
{
    char folder[] = "/tmp/test-acpi-XXXXXX";
    cleanup_free uint8_t *memory = build(&big_machine);
    cleanup_free char *clean = NULL;
    cleanup_free char *compile = NULL;
    const uint8_t *fadt;
    int status = 0;

    check(memory);
    if (system("command -v iasl >/dev/null") != 0) { // NOLINT(cert-env33-c)
        printf("# iasl is not installed: not checked\n");
        return;
    }
    check(mkdtemp(folder));
    fadt = find(memory, "FACP");
    check(fadt);
    status |= disassemble(folder, "facp", fadt);
    status |= disassemble(folder, "apic", find(memory, "APIC"));
    status |= disassemble(folder, "mcfg", find(memory, "MCFG"));
    status |= disassemble(folder, "wdat", find(memory, "WDAT"));
    status |= disassemble(folder, "dsdt", memory + (load_le64(fadt + 140) - X86_ACPI_START));
    compile = xasprintf("cd '%s' && for r in WordBusNumber DWordMemory QWordMemory IRQNoFlags "
                        "Memory32Fixed; do grep -q $r dsdt.dsl || echo no $r; done | grep . || "
                        " iasl -oa dsdt.dsl >compile.log 2>&1 && grep -q ' 0 Errors' "
                        "compile.log || { cat compile.log; false; }",
                        folder);
    status |= system(compile); // NOLINT(cert-env33-c)
    clean = xasprintf("rm -r '%s'", folder);
    status |= system(clean); // NOLINT(cert-env33-c)
    check_int(status, 0);
}

TAP_MAIN(TAP_CASE(tables_are_complete), TAP_CASE(madt_lists_all_processors),
         TAP_CASE(small_memory_is_refused), TAP_CASE(aml_lengths), TAP_CASE(iasl_reads_them))
