/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The x86-64 guest-physical map (docs/architecture.md section 8), ports and interrupt pins. */

#include "vmm/base/bytes.h"

#define X86_GDT_START      UINT64_C(0x500)
#define X86_STACK_START    UINT64_C(0x8000)
#define X86_PML4_START     UINT64_C(0x9000)
#define X86_PDPT_START     UINT64_C(0xa000)
#define X86_PD_START       UINT64_C(0xb000) /* four pages: 4 GiB mapped one to one */
#define X86_ACPI_START     UINT64_C(0xe0000)
#define X86_ACPI_END       UINT64_C(0x100000)
#define X86_LOW_RAM_END    UINT64_C(0xd0000000)
#define X86_LOW_MMIO_START X86_LOW_RAM_END
#define X86_LOW_MMIO_END   UINT64_C(0xf4000000)
#define X86_ECAM_START     UINT64_C(0xf4000000)
#define X86_ECAM_SIZE      MIB /* bus 0 */
#define X86_IOAPIC_START   UINT64_C(0xfec00000)
#define X86_LAPIC_START    UINT64_C(0xfee00000)
#define X86_IDENTITY_START UINT64_C(0xfffbc000) /* for KVM on old Intel processors */
#define X86_TSS_START      UINT64_C(0xfffbd000)
#define X86_HIGH_RAM_START (4 * GIB)

enum {
    X86_PORT_I8042_COMMAND = 0x64,
    X86_PORT_CMOS_INDEX = 0x70,
    X86_PORT_PANIC = 0x505,
    X86_PORT_PM_EVENT = 0x600,   /* PM1a status and enable, two bytes each */
    X86_PORT_PM_CONTROL = 0x604, /* PM1a control, two bytes */
    X86_PORT_PM_TIMER = 0x608,   /* four bytes */
    X86_PORT_WATCHDOG = 0x610,   /* vmm/machine/x86/watchdog.h */
    X86_PORT_RESET = 0xcf9,

    X86_PIN_TIMER = 2, /* the PIT's line 0 goes to pin 2 of the I/O APIC */
    X86_PIN_CLOCK = 8,
    X86_PIN_SCI = 9,
    X86_PIN_PCI = 16, /* and the seven after it */
    X86_PCI_PINS = 8,
    X86_PINS = 24, /* of the I/O APIC */
};
