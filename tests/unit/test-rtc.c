/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/tap.h"
#include "vmm/machine/x86/rtc.h"

enum {
    INDEX = 0,
    DATA = 1
};

/* 2026-11-21 03:04:59 UTC, a Saturday. */
static void
test_clock(struct timespec *ret_now)
{
    *ret_now = (struct timespec){.tv_sec = 1795230299, .tv_nsec = 500000000};
}

static void
late_clock(struct timespec *ret_now)
{
    *ret_now = (struct timespec){.tv_sec = 1795230299, .tv_nsec = 999900000};
}

static uint8_t
get(struct rtc *rtc, uint8_t index)
{
    rtc_range_ops.write(rtc, INDEX, 1, index | 0x80); /* with the NMI mask bit, as PCs do */
    return (uint8_t)rtc_range_ops.read(rtc, DATA, 1);
}

static void
set(struct rtc *rtc, uint8_t index, uint8_t value)
{
    rtc_range_ops.write(rtc, INDEX, 1, index);
    rtc_range_ops.write(rtc, DATA, 1, value);
}

TAP_TEST(tells_the_time_in_bcd)
{
    cleanup(rtc_destroyp) struct rtc *rtc = rtc_create(test_clock);

    check_int(get(rtc, 0), 0x59);
    check_int(get(rtc, 2), 0x04);
    check_int(get(rtc, 4), 0x03);
    check_int(get(rtc, 6), 7); /* Sunday is 1 */
    check_int(get(rtc, 7), 0x21);
    check_int(get(rtc, 8), 0x11);
    check_int(get(rtc, 9), 0x26);
    check_int(get(rtc, 0x32), 0x20);
    check_int(get(rtc, 10), 0x26);
    check_int(get(rtc, 11), 0x02);
    check_int(get(rtc, 12), 0);
    check_int(get(rtc, 13), 0x80);
}

TAP_TEST(update_in_progress)
{
    cleanup(rtc_destroyp) struct rtc *rtc = rtc_create(late_clock);

    check_int(get(rtc, 10) & 0x80, 0x80);
}

TAP_TEST(binary_mode)
{
    cleanup(rtc_destroyp) struct rtc *rtc = rtc_create(test_clock);

    set(rtc, 11, 0x06);
    check_int(get(rtc, 0), 59);
    check_int(get(rtc, 9), 26);
}

TAP_TEST(can_be_set)
{
    cleanup(rtc_destroyp) struct rtc *rtc = rtc_create(test_clock);

    set(rtc, 11, 0x82);
    set(rtc, 0, 0x30);
    set(rtc, 2, 0x15);
    set(rtc, 4, 0x22);
    set(rtc, 7, 0x28);
    set(rtc, 8, 0x02);
    set(rtc, 9, 0x99);
    set(rtc, 0x32, 0x19);
    set(rtc, 11, 0x02);
    check_int(get(rtc, 0), 0x30);
    check_int(get(rtc, 2), 0x15);
    check_int(get(rtc, 4), 0x22);
    check_int(get(rtc, 7), 0x28);
    check_int(get(rtc, 8), 0x02);
    check_int(get(rtc, 9), 0x99);
    check_int(get(rtc, 0x32), 0x19);
}

TAP_TEST(nonsense_is_harmless)
{
    cleanup(rtc_destroyp) struct rtc *rtc = rtc_create(test_clock);

    for (int round = 0; round < 2; round++) {
        for (int index = 0; index < 256; index++) {
            set(rtc, (uint8_t)index, 0xff);
            get(rtc, (uint8_t)index);
        }
    }
    set(rtc, 11, 0);
    set(rtc, 0x40, 0x77);
    check_int(get(rtc, 0x40), 0x77);
    check_int(rtc_range_ops.read(rtc, INDEX, 1), 0xff);
}

TAP_MAIN(TAP_CASE(tells_the_time_in_bcd), TAP_CASE(update_in_progress), TAP_CASE(binary_mode),
         TAP_CASE(can_be_set), TAP_CASE(nonsense_is_harmless))
