/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The PC around the processors: serial ports, clock, power management. */

#include "vmm/machine/vm-private.h"
#include "vmm/machine/x86/acpi.h"

/* Ports and interrupt of serial port 0 ... 3 as on every PC. */
uint16_t platform_serial_port(unsigned int index);
uint32_t platform_serial_line(unsigned int index);

/* What ACPI has to tell about this machine. */
void platform_describe(const struct vm *vm, struct acpi_machine *ret_description);
