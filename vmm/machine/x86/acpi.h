/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The ACPI tables of the x86 machine (ACPI 6.4 chapter 5): RSDP, XSDT, FADT with fixed hardware,
 * FACS, MADT, MCFG, WDAT, DSDT.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm/machine/pci.h"
#include "vmm/protocol/machine.h"

struct acpi_machine {
    uint32_t n_cpus;
    bool serial[MACHINE_SERIAL_MAX];
    struct pci_windows pci;
};

/*
 * Write the tables into `memory`, `size` bytes that the guest sees at `address` (the RSDP first).
 * -ENOSPC when they do not fit.
 */
int acpi_write_tables(const struct acpi_machine *machine, uint64_t address, uint8_t *memory,
                      size_t size);
