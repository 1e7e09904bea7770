/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * MC146818A clock and CMOS memory at ports 0x70/0x71: the host's time in UTC, moved by what the guest
 * sets. 24-hour mode, BCD or binary; no alarms and no periodic interrupt (their enable bits read as
 * zero). Register 0x32 is the century, as the FADT says.
 */

#include <stdint.h>
#include <time.h>

#include "vmm/base/cleanup.h"
#include "vmm/machine/vm.h"

struct rtc;

/* `clock` tells the time, CLOCK_REALTIME for NULL; tests give their own. Never NULL. */
struct rtc *rtc_create(void (*clock)(struct timespec *ret_now));
void rtc_destroy(struct rtc *rtc);
CLEANUP_DEFINE(struct rtc, rtc_destroy)

/* For vm_add_range(), two ports; `data` is the struct rtc. */
extern const struct vm_range_ops rtc_range_ops;
