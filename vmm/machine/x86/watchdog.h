/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A watchdog timer that ACPI describes to the guest (WDAT, "Hardware Watchdog Timers Design
 * Specification", 2006): a guest that started it and is silent for too long ends the machine with
 * MACHINE_END_WATCHDOG. Stopped until the guest starts it; stands still while the machine is paused.
 */

#include <stdint.h>

#include "vmm/base/cleanup.h"
#include "vmm/base/loop.h"
#include "vmm/machine/vm.h"

enum {
    WATCHDOG_COUNT = 0,   /* 32 bits: seconds from the next start; reads as those that are left */
    WATCHDOG_RUNNING = 4, /* 8 bits: 1 starts or keeps it going, 0 stops */
    WATCHDOG_RELOAD = 5,  /* 8 bits: any write begins the time anew */
    WATCHDOG_PORTS = 8,
    WATCHDOG_COUNT_MAX = 1023,
};

struct watchdog;

/* Claims the ports from `port` on; `loop` runs its timer. NULL with errno set on failure. */
struct watchdog *watchdog_create(struct vm *vm, struct loop *loop, uint16_t port);
void watchdog_destroy(struct watchdog *watchdog);
CLEANUP_DEFINE(struct watchdog, watchdog_destroy)
void watchdog_pause(struct watchdog *watchdog);
void watchdog_resume(struct watchdog *watchdog);
