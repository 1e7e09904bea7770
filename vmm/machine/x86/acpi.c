/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/machine/x86/acpi.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "vmm/base/bytes.h"
#include "vmm/machine/x86/aml.h"
#include "vmm/machine/x86/layout.h"
#include "vmm/machine/x86/platform.h"
#include "vmm/machine/x86/power.h"
#include "vmm/machine/x86/rtc.h"
#include "vmm/machine/x86/watchdog.h"

enum {
    HEADER_SIZE = 36,
    RSDP_SIZE = 36,
    FADT_SIZE = 276,
    FACS_SIZE = 64,
    TABLE_ALIGN = 64,

    FADT_WBINVD = 1 << 0,
    FADT_PROC_C1 = 1 << 2,
    FADT_TIMER_32_BITS = 1 << 8,
    FADT_RESET_REGISTER = 1 << 10,

    BOOT_LEGACY_DEVICES = 1 << 0, /* and bit 1, an 8042, stays clear */
    BOOT_NO_VGA = 1 << 2,
    BOOT_NO_ASPM = 1 << 4,

    RESET_VALUE = 0x06,

    MADT_PCAT_COMPATIBLE = 1,
    MADT_ACTIVE_HIGH_LEVEL = 0x0d,
};

/* Where tables go, one after the other. */
struct acpi_writer {
    const struct acpi_machine *machine;
    uint64_t address;
    uint8_t *memory;
    size_t size;
    size_t used;
};

struct acpi_table {
    uint8_t *bytes; /* NULL: no room */
    uint64_t address;
    size_t room;
};

static struct acpi_table
next_table(const struct acpi_writer *writer)
{
    struct acpi_table table = {0};

    if (writer->used + FADT_SIZE <= writer->size) {
        table.bytes = writer->memory + writer->used;
        table.address = writer->address + writer->used;
        table.room = writer->size - writer->used;
    }
    return table;
}

static uint8_t
checksum(const uint8_t *bytes, size_t size)
{
    uint8_t sum = 0;

    for (size_t i = 0; i < size; i++) {
        sum = (uint8_t)(sum + bytes[i]);
    }
    return (uint8_t)-sum;
}

/* Fill the header of a complete table and account for it; its address. */
static uint64_t
finish_table(struct acpi_writer *writer, const struct acpi_table *table, const char signature[5],
             uint8_t revision, size_t size)
{
    uint8_t *header = table->bytes;

    memcpy(header, signature, 4);
    store_le32(header + 4, (uint32_t)size);
    header[8] = revision;
    header[9] = 0;
    memcpy(header + 10, "VITRNE", 6);
    memcpy(header + 16, "VITRINE ", 8);
    store_le32(header + 24, 1);
    memcpy(header + 28, "VTRN", 4);
    store_le32(header + 32, 1);
    header[9] = checksum(header, size);
    writer->used = MIN_OF(align_up(writer->used + size, TABLE_ALIGN), writer->size);
    return table->address;
}

/* -- DSDT -- */

static void
emit_pci_routing(struct aml *aml)
{
    enum {
        DEVICES = 32,
        PINS = 4
    };

    aml_name(aml, "_PRT");
    aml_open_package(aml, DEVICES * PINS);
    for (unsigned int device = 0; device < DEVICES; device++) {
        for (unsigned int pin = 0; pin < PINS; pin++) {
            aml_open_package(aml, 4);
            aml_integer(aml, (uint64_t)device << 16 | 0xffff);
            aml_integer(aml, pin);
            aml_integer(aml, 0); /* no link device: the line is wired */
            aml_integer(aml, vm_pci_line(device, pin + 1));
            aml_close(aml);
        }
    }
    aml_close(aml);
}

static void
emit_pci_root(struct aml *aml, const struct pci_windows *windows)
{
    struct aml_resources resources = {0};

    aml_open_device(aml, "PCI0");
    aml_name(aml, "_HID");
    aml_eisa_id(aml, "PNP0A08");
    aml_name(aml, "_CID");
    aml_eisa_id(aml, "PNP0A03");
    aml_name(aml, "_UID");
    aml_integer(aml, 0);
    aml_name(aml, "_SEG");
    aml_integer(aml, 0);
    aml_name(aml, "_BBN");
    aml_integer(aml, 0);
    aml_name(aml, "_CCA");
    aml_integer(aml, 1);
    aml_add_bus_numbers(&resources, 0, 0);
    aml_add_io(&resources, 0xcf8, 8);
    aml_add_window32(&resources,
                     &(struct aml_window){.start = windows->low_start, .size = windows->low_size});
    if (windows->high_size > 0) {
        aml_add_window64(&resources, &(struct aml_window){.start = windows->high_start,
                                                          .size = windows->high_size});
    }
    aml_current_resources(aml, &resources);
    emit_pci_routing(aml);
    aml_close(aml);
}

/* Linux uses ECAM only when a motherboard resource covers it. */
static void
emit_motherboard(struct aml *aml, const struct pci_windows *windows)
{
    struct aml_resources resources = {0};

    aml_open_device(aml, "MBRD");
    aml_name(aml, "_HID");
    aml_eisa_id(aml, "PNP0C02");
    aml_name(aml, "_UID");
    aml_integer(aml, 0);
    aml_add_memory(&resources, (uint32_t)windows->ecam_start, (uint32_t)windows->ecam_size);
    aml_add_io(&resources, X86_PORT_PM_EVENT, 12);
    aml_add_io(&resources, X86_PORT_WATCHDOG, WATCHDOG_PORTS);
    aml_current_resources(aml, &resources);
    aml_close(aml);
}

static void
emit_clock(struct aml *aml)
{
    struct aml_resources resources = {0};

    aml_open_device(aml, "RTC0");
    aml_name(aml, "_HID");
    aml_eisa_id(aml, "PNP0B00");
    aml_add_io(&resources, X86_PORT_CMOS_INDEX, 2);
    aml_add_irq(&resources, X86_PIN_CLOCK);
    aml_current_resources(aml, &resources);
    aml_close(aml);
}

/* Linux's and QEMU's name for it; the driver is pvpanic-mmio. */
static void
emit_panic(struct aml *aml)
{
    struct aml_resources resources = {0};

    aml_open_device(aml, "PEVT");
    aml_name(aml, "_HID");
    aml_string(aml, "QEMU0001");
    aml_add_io(&resources, X86_PORT_PANIC, 1);
    aml_current_resources(aml, &resources);
    aml_close(aml);
}

static void
emit_serial(struct aml *aml, unsigned int index)
{
    struct aml_resources resources = {0};
    char name[5];

    snprintf(name, sizeof(name), "COM%u", (index + 1) % 10);
    aml_open_device(aml, name);
    aml_name(aml, "_HID");
    aml_eisa_id(aml, "PNP0501");
    aml_name(aml, "_UID");
    aml_integer(aml, index + 1);
    aml_add_io(&resources, platform_serial_port(index), 8);
    aml_add_irq(&resources, platform_serial_line(index));
    aml_current_resources(aml, &resources);
    aml_close(aml);
}

static uint64_t
write_dsdt(struct acpi_writer *writer)
{
    struct acpi_table table = next_table(writer);
    struct aml aml;

    if (!table.bytes) {
        return 0;
    }
    aml_init(&aml, table.bytes + HEADER_SIZE, table.room - HEADER_SIZE);
    aml_name(&aml, "\\_S5_");
    aml_open_package(&aml, 4);
    aml_integer(&aml, POWER_SLEEP_TYPE_S5);
    aml_integer(&aml, 0);
    aml_integer(&aml, 0);
    aml_integer(&aml, 0);
    aml_close(&aml);
    aml_open_scope(&aml, "\\_SB_");
    emit_pci_root(&aml, &writer->machine->pci);
    emit_motherboard(&aml, &writer->machine->pci);
    emit_clock(&aml);
    emit_panic(&aml);
    for (unsigned int i = 0; i < MACHINE_SERIAL_MAX; i++) {
        if (writer->machine->serial[i]) {
            emit_serial(&aml, i);
        }
    }
    aml_close(&aml);
    if (aml.overflow) {
        return 0;
    }
    return finish_table(writer, &table, "DSDT", 2, HEADER_SIZE + aml.used);
}

/* -- the other tables -- */

static uint64_t
write_facs(struct acpi_writer *writer)
{
    struct acpi_table table = next_table(writer);

    if (!table.bytes) {
        return 0;
    }
    memset(table.bytes, 0, FACS_SIZE);
    memcpy(table.bytes, "FACS", 4); /* has no checksum */
    store_le32(table.bytes + 4, FACS_SIZE);
    table.bytes[32] = 2;
    writer->used += FACS_SIZE;
    return table.address;
}

/* Generic address of an I/O port; `access` 1 byte, 2 word, 3 double word. */
static void
store_port(uint8_t *p, uint16_t port, uint8_t bits, uint8_t access)
{
    p[0] = 1; /* system I/O */
    p[1] = bits;
    p[2] = 0;
    p[3] = access;
    store_le64(p + 4, port);
}

static uint64_t
write_fadt(struct acpi_writer *writer, uint64_t facs, uint64_t dsdt)
{
    struct acpi_table table = next_table(writer);
    uint8_t *t = table.bytes;

    if (!t) {
        return 0;
    }
    memset(t, 0, FADT_SIZE);
    store_le32(t + 36, (uint32_t)facs);
    store_le32(t + 40, (uint32_t)dsdt);
    t[45] = 1; /* a desktop */
    store_le16(t + 46, X86_PIN_SCI);
    store_le32(t + 56, X86_PORT_PM_EVENT);
    store_le32(t + 64, X86_PORT_PM_CONTROL);
    store_le32(t + 76, X86_PORT_PM_TIMER);
    t[88] = 4; /* lengths of these blocks */
    t[89] = 2;
    t[91] = 4;
    store_le16(t + 96, 0xffff); /* no C2 and no C3 */
    store_le16(t + 98, 0xffff);
    t[106] = RTC_DAY_ALARM;
    t[107] = RTC_MONTH_ALARM;
    t[108] = RTC_CENTURY;
    store_le16(t + 109, BOOT_LEGACY_DEVICES | BOOT_NO_VGA | BOOT_NO_ASPM);
    store_le32(t + 112, FADT_WBINVD | FADT_PROC_C1 | FADT_TIMER_32_BITS | FADT_RESET_REGISTER);
    store_port(t + 116, X86_PORT_RESET, 8, 1);
    t[128] = RESET_VALUE;
    t[131] = 4; /* ACPI 6.4 */
    store_le64(t + 140, dsdt);
    store_port(t + 148, X86_PORT_PM_EVENT, 32, 2);
    store_port(t + 172, X86_PORT_PM_CONTROL, 16, 2);
    store_port(t + 208, X86_PORT_PM_TIMER, 32, 3);
    memcpy(t + 268, "VITRINE", 8);
    return finish_table(writer, &table, "FACP", 6, FADT_SIZE);
}

static uint8_t *
put_override(uint8_t *p, uint8_t source, uint32_t pin, uint16_t flags)
{
    p[0] = 2;
    p[1] = 10;
    p[2] = 0; /* ISA */
    p[3] = source;
    store_le32(p + 4, pin);
    store_le16(p + 8, flags);
    return p + 10;
}

static uint64_t
write_madt(struct acpi_writer *writer)
{
    struct acpi_table table = next_table(writer);
    uint8_t *p;

    if (!table.bytes || table.room < 44 + UINT64_C(8) * writer->machine->n_cpus + 64) {
        return 0;
    }
    store_le32(table.bytes + 36, (uint32_t)X86_LAPIC_START);
    store_le32(table.bytes + 40, MADT_PCAT_COMPATIBLE);
    p = table.bytes + 44;
    for (uint32_t i = 0; i < writer->machine->n_cpus; i++, p += 8) {
        p[0] = 0; /* local APIC */
        p[1] = 8;
        p[2] = (uint8_t)i;
        p[3] = (uint8_t)i;
        store_le32(p + 4, 1); /* enabled */
    }
    p[0] = 1; /* I/O APIC */
    p[1] = 12;
    p[2] = 0;
    p[3] = 0;
    store_le32(p + 4, (uint32_t)X86_IOAPIC_START);
    store_le32(p + 8, 0); /* its first GSI */
    p = put_override(p + 12, 0, X86_PIN_TIMER, 0);
    p = put_override(p, X86_PIN_SCI, X86_PIN_SCI, MADT_ACTIVE_HIGH_LEVEL);
    p[0] = 4; /* NMI at LINT1 */
    p[1] = 6;
    p[2] = 0xff; /* of all processors */
    store_le16(p + 3, 0);
    p[5] = 1;
    return finish_table(writer, &table, "APIC", 5, (size_t)(p + 6 - table.bytes));
}

static uint64_t
write_mcfg(struct acpi_writer *writer)
{
    struct acpi_table table = next_table(writer);
    uint8_t *p;

    if (!table.bytes) {
        return 0;
    }
    p = table.bytes + HEADER_SIZE;
    memset(p, 0, 8 + 16);
    store_le64(p + 8, writer->machine->pci.ecam_start);
    p[8 + 11] = (uint8_t)(writer->machine->pci.ecam_size / MIB - 1); /* last bus; the first is 0 */
    return finish_table(writer, &table, "MCFG", 1, HEADER_SIZE + 8 + 16);
}

enum wdat_action {
    WDAT_RESET = 1,
    WDAT_QUERY_LEFT = 4,
    WDAT_QUERY_COUNT = 5,
    WDAT_SET_COUNT = 6,
    WDAT_QUERY_RUNNING = 8,
    WDAT_SET_RUNNING = 9,
    WDAT_QUERY_STOPPED = 10,
    WDAT_SET_STOPPED = 11,
    WDAT_QUERY_REBOOT = 16,
    WDAT_SET_REBOOT = 17,
};

enum wdat_instruction {
    WDAT_READ_VALUE = 0, /* is it `value`? */
    WDAT_READ_COUNT = 1,
    WDAT_WRITE_VALUE = 2,
    WDAT_WRITE_COUNT = 3,
};

struct wdat_entry {
    uint8_t action;
    uint8_t instruction;
    uint16_t offset; /* of the register; the count's has 32 bits, others 8 */
    uint32_t value;
};

/* That it reboots the machine, which the guest may ask for, is all that it does. */
static const struct wdat_entry wdat_entries[] = {
    {WDAT_RESET, WDAT_WRITE_VALUE, WATCHDOG_RELOAD, 1},
    {WDAT_QUERY_LEFT, WDAT_READ_COUNT, WATCHDOG_COUNT, 0},
    {WDAT_QUERY_COUNT, WDAT_READ_COUNT, WATCHDOG_COUNT, 0},
    {WDAT_SET_COUNT, WDAT_WRITE_COUNT, WATCHDOG_COUNT, 0},
    {WDAT_QUERY_RUNNING, WDAT_READ_VALUE, WATCHDOG_RUNNING, 1},
    {WDAT_SET_RUNNING, WDAT_WRITE_VALUE, WATCHDOG_RUNNING, 1},
    {WDAT_QUERY_STOPPED, WDAT_READ_VALUE, WATCHDOG_RUNNING, 0},
    {WDAT_SET_STOPPED, WDAT_WRITE_VALUE, WATCHDOG_RUNNING, 0},
    {WDAT_QUERY_REBOOT, WDAT_READ_VALUE, WATCHDOG_RELOAD, 0},
    {WDAT_SET_REBOOT, WDAT_WRITE_VALUE, WATCHDOG_RELOAD, 1},
};

static void
put_wdat_entry(uint8_t *p, const struct wdat_entry *entry)
{
    const bool count = entry->offset == WATCHDOG_COUNT;

    p[0] = entry->action;
    p[1] = entry->instruction;
    store_port(p + 4, (uint16_t)(X86_PORT_WATCHDOG + entry->offset), count ? 32 : 8, count ? 3 : 1);
    store_le32(p + 16, entry->value);
    store_le32(p + 20, count ? WATCHDOG_COUNT_MAX : 0xff);
}

static uint64_t
write_wdat(struct acpi_writer *writer)
{
    enum {
        HEAD = 32,
        ENTRY_SIZE = 24,
        SIZE = HEADER_SIZE + HEAD + ENTRY_SIZE * ARRAY_SIZE(wdat_entries),
        ENABLED = 1
    };
    struct acpi_table table = next_table(writer);
    uint8_t *p = table.bytes;

    if (!p || table.room < SIZE) {
        return 0;
    }
    memset(p, 0, SIZE);
    store_le32(p + 36, HEAD);
    store_le16(p + 40, 0xff); /* on no PCI bus: segment, bus, device, function */
    memset(p + 42, 0xff, 3);
    store_le32(p + 48, 1000); /* ms of one count */
    store_le32(p + 52, WATCHDOG_COUNT_MAX);
    store_le32(p + 56, 1);
    p[60] = ENABLED;
    store_le32(p + 64, ARRAY_SIZE(wdat_entries));
    for (size_t i = 0; i < ARRAY_SIZE(wdat_entries); i++) {
        put_wdat_entry(p + HEADER_SIZE + HEAD + i * ENTRY_SIZE, &wdat_entries[i]);
    }
    return finish_table(writer, &table, "WDAT", 1, SIZE);
}

static uint64_t
write_xsdt(struct acpi_writer *writer, const uint64_t *tables, size_t n)
{
    struct acpi_table table = next_table(writer);

    if (!table.bytes) {
        return 0;
    }
    for (size_t i = 0; i < n; i++) {
        store_le64(table.bytes + HEADER_SIZE + i * 8, tables[i]);
    }
    return finish_table(writer, &table, "XSDT", 1, HEADER_SIZE + n * 8);
}

static void
write_rsdp(uint8_t *p, uint64_t xsdt)
{
    memset(p, 0, RSDP_SIZE);
    memcpy(p, "RSD PTR ", 8);   // NOLINT(bugprone-not-null-terminated-result): fixed width
    memcpy(p + 9, "VITRNE", 6); // NOLINT(bugprone-not-null-terminated-result)
    p[15] = 2;
    store_le32(p + 20, RSDP_SIZE);
    store_le64(p + 24, xsdt);
    p[8] = checksum(p, 20);
    p[32] = checksum(p, RSDP_SIZE);
}

int
acpi_write_tables(const struct acpi_machine *machine, uint64_t address, uint8_t *memory,
                  size_t size)
{
    struct acpi_writer writer = {.machine = machine,
                                 .address = address,
                                 .memory = memory,
                                 .size = size,
                                 .used = TABLE_ALIGN};
    uint64_t facs = write_facs(&writer);
    uint64_t dsdt = write_dsdt(&writer);
    uint64_t tables[] = {
        write_fadt(&writer, facs, dsdt),
        write_madt(&writer),
        write_mcfg(&writer),
        write_wdat(&writer),
    };
    uint64_t xsdt = write_xsdt(&writer, tables, ARRAY_SIZE(tables));

    for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
        if (tables[i] == 0) {
            return -ENOSPC;
        }
    }
    if (facs == 0 || dsdt == 0 || xsdt == 0) {
        return -ENOSPC;
    }
    write_rsdp(memory, xsdt);
    return 0;
}
