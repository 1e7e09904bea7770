/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * MC146818A clock and CMOS memory at ports 0x70/0x71: the host's time in UTC, moved by what the guest
 * sets. 24-hour mode, BCD or binary, alarms at a time of the day, a day of the month and a month; no
 * periodic and no update interrupt (their enable bits read as zero: drivers make these of alarms).
 */

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "vmm/base/cleanup.h"
#include "vmm/machine/vm.h"

/* Registers that a chip may have anywhere, and the FADT tells of. */
enum rtc_extra {
    RTC_CENTURY = 0x32,
    RTC_DAY_ALARM = 0x7d,   /* 0 or from 0xc0 on: any day */
    RTC_MONTH_ALARM = 0x7e, /* 0 or from 0xc0 on: any month */
};

struct rtc;

/* What the clock needs; members may be NULL. */
struct rtc_host {
    void (*clock)(void *data, struct timespec *ret_now); /* CLOCK_REALTIME for NULL */
    void (*line)(void *data, bool level);                /* interrupt 8 */
    void (*alarm)(void *data); /* it rang: what wakes a sleeping machine */
    /* Call rtc_tick() in `ms` milliseconds; 0: never. From any thread. */
    void (*wait)(void *data, uint64_t ms);
    void *data;
};

/* Copies `host`. Never NULL. */
struct rtc *rtc_create(const struct rtc_host *host);
void rtc_destroy(struct rtc *rtc);
CLEANUP_DEFINE(struct rtc, rtc_destroy)
/* Time has passed: ring when the alarm is due. */
void rtc_tick(struct rtc *rtc);

/* For vm_add_range(), two ports; `data` is the struct rtc. */
extern const struct vm_range_ops rtc_range_ops;
