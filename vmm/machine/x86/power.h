/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * ACPI fixed hardware (ACPI 6.4 section 4.8): PM1a event and control blocks with the power button
 * and the sleep button, the PM timer; and the ports by which guests reset a PC: 0xcf9 and the 8042's command 0xfe. There is
 * no keyboard controller behind port 0x64, its status reads as zero. And pvpanic (QEMU
 * docs/specs/pvpanic.rst), by which a kernel says that it has panicked.
 */

#include "vmm/machine/vm.h"

enum {
    POWER_SLEEP_TYPE_S5 = 5 /* the value that our DSDT's \_S5 gives for PM1a control */
};

struct power;

/* Claims the ports. NULL with errno set on failure. */
struct power *power_create(struct vm *vm);
void power_destroy(struct power *power);

void power_press_button(struct power *power);
void power_press_sleep_button(struct power *power);
/* The clock's alarm rang: the third event that wakes a sleeping guest. */
void power_tell_alarm(struct power *power);

/* One-byte write to X86_PORT_RESET, which lies inside PCI's four-byte register 0xcf8. */
void power_write_reset(struct power *power, uint8_t value);
uint8_t power_read_reset(struct power *power);
