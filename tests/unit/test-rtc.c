/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/tap.h"
#include "vmm/machine/x86/rtc.h"

enum {
    INDEX = 0,
    DATA = 1
};

/* 2026-11-21 03:04:59 UTC, a Saturday. */
static void
test_clock(void *data, struct timespec *ret_now)
{
    *ret_now = (struct timespec){.tv_sec = 1795230299, .tv_nsec = 500000000};
}

static void
late_clock(void *data, struct timespec *ret_now)
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
    cleanup(rtc_destroyp) struct rtc *rtc = rtc_create(&(struct rtc_host){.clock = test_clock});

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
    cleanup(rtc_destroyp) struct rtc *rtc = rtc_create(&(struct rtc_host){.clock = late_clock});

    check_int(get(rtc, 10) & 0x80, 0x80);
}

TAP_TEST(binary_mode)
{
    cleanup(rtc_destroyp) struct rtc *rtc = rtc_create(&(struct rtc_host){.clock = test_clock});

    set(rtc, 11, 0x06);
    check_int(get(rtc, 0), 59);
    check_int(get(rtc, 9), 26);
}

TAP_TEST(can_be_set)
{
    cleanup(rtc_destroyp) struct rtc *rtc = rtc_create(&(struct rtc_host){.clock = test_clock});

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
    cleanup(rtc_destroyp) struct rtc *rtc = rtc_create(&(struct rtc_host){.clock = test_clock});

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

struct bell {
    uint64_t wait_ms;
    bool line;
    unsigned int rang;
    int64_t later;
};

static void
bell_line(void *data, bool level)
{
    struct bell *bell = data;

    bell->line = level;
}

static void
bell_rings(void *data)
{
    struct bell *bell = data;

    bell->rang++;
}

static void
bell_wait(void *data, uint64_t ms)
{
    struct bell *bell = data;

    bell->wait_ms = ms;
}

static struct rtc *
rtc_with_bell(struct bell *bell)
{
    const struct rtc_host host = {.clock = test_clock,
                                  .line = bell_line,
                                  .alarm = bell_rings,
                                  .wait = bell_wait,
                                  .data = bell};

    return rtc_create(&host);
}

static void
set_alarm(struct rtc *rtc, uint8_t hours, uint8_t minutes, uint8_t seconds)
{
    set(rtc, 1, seconds);
    set(rtc, 3, minutes);
    set(rtc, 5, hours);
}

/* The clock stands at 03:04:59 and a half. */
TAP_TEST(alarm)
{
    struct bell bell = {0};
    cleanup(rtc_destroyp) struct rtc *rtc = rtc_with_bell(&bell);

    set_alarm(rtc, 0x03, 0x05, 0x02);
    check_int(bell.wait_ms, 0); /* nobody wants it yet */
    set(rtc, 11, 0x22);
    check_int(get(rtc, 11), 0x22);
    check_int(bell.wait_ms, 2501);
    rtc_tick(rtc); /* too early */
    check_int(bell.wait_ms, 2501);
    check(!bell.line);
    check_int(bell.rang, 0);
    /* It comes to be that time when the guest moves its clock forward, which does not ring: */
    set_alarm(rtc, 0x03, 0x04, 0x59);
    check_int(bell.wait_ms, 86399501);
    set_alarm(rtc, 0x25, 0x04, 0x59); /* no such hour */
    check_int(bell.wait_ms, 0);
    set_alarm(rtc, 0xff, 0x10, 0xc0); /* each hour, from minute 10, each second */
    check_int(bell.wait_ms, 300501);
    set(rtc, 11, 0x02);
    check_int(bell.wait_ms, 0);
}

/* Seconds until the alarm, which is at 03:05:02 or 02:00:00. */
static uint64_t
seconds_to(struct rtc *rtc, const struct bell *bell, uint8_t day, uint8_t month)
{
    set(rtc, 0x7d, day);
    set(rtc, 0x7e, month);
    return (bell->wait_ms + 999) / 1000;
}

/* It is 21 November 2026, 03:04:59 and a half. */
TAP_TEST(alarm_of_another_day)
{
    enum {
        DAY = 86400,
    };
    struct bell bell = {0};
    cleanup(rtc_destroyp) struct rtc *rtc = rtc_with_bell(&bell);

    set_alarm(rtc, 0x03, 0x05, 0x02);
    set(rtc, 11, 0x22);
    check_int(seconds_to(rtc, &bell, 0, 0), 3);
    check_int(seconds_to(rtc, &bell, 0xff, 0xff), 3);
    check_int(seconds_to(rtc, &bell, 0x21, 0x11), 3);
    check_int(seconds_to(rtc, &bell, 0x22, 0), DAY + 3);
    check_int(seconds_to(rtc, &bell, 0x20, 0), 29 * DAY + 3);
    check_int(seconds_to(rtc, &bell, 0x31, 0), 40 * DAY + 3); /* November has 30 days */
    check_int(seconds_to(rtc, &bell, 0, 0x01), 41 * DAY + 3);
    check_int(seconds_to(rtc, &bell, 0x20, 0x11), 364 * DAY + 3);
    check_int(seconds_to(rtc, &bell, 0x29, 0x02), (365 + 100) * DAY + 3);
    check_int(seconds_to(rtc, &bell, 0x30, 0x02), 0);
    set_alarm(rtc, 0x02, 0x00, 0x00);
    check_int(seconds_to(rtc, &bell, 0x21, 0), 30 * DAY - 3899);
    check_int(seconds_to(rtc, &bell, 0x22, 0x11), DAY - 3899);
    set(rtc, 0x7d, 0xff);
    check_int(get(rtc, 0x7d), 0xff);
}

static void
moving_clock(void *data, struct timespec *ret_now)
{
    const struct bell *bell = data;

    *ret_now = (struct timespec){.tv_sec = 1795230299 + bell->later};
}

TAP_TEST(alarm_rings)
{
    struct bell bell = {0};
    const struct rtc_host host = {.clock = moving_clock,
                                  .line = bell_line,
                                  .alarm = bell_rings,
                                  .wait = bell_wait,
                                  .data = &bell};
    cleanup(rtc_destroyp) struct rtc *rtc = rtc_create(&host);

    set_alarm(rtc, 0x03, 0x05, 0x02);
    set(rtc, 11, 0x22);
    bell.later = 3;
    rtc_tick(rtc);
    check(bell.line);
    check_int(bell.rang, 1);
    check_int(get(rtc, 12), 0xa0);
    check(!bell.line);
    check_int(get(rtc, 12), 0);
    check_int(bell.wait_ms, 86400001); /* the next day again */
    bell.later = 10;
    rtc_tick(rtc);
    check_int(bell.rang, 1);
}

TAP_MAIN(TAP_CASE(tells_the_time_in_bcd), TAP_CASE(update_in_progress), TAP_CASE(binary_mode),
         TAP_CASE(can_be_set), TAP_CASE(nonsense_is_harmless), TAP_CASE(alarm),
         TAP_CASE(alarm_of_another_day), TAP_CASE(alarm_rings))
