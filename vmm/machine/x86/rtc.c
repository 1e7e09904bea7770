/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/machine/x86/rtc.h"

#include <pthread.h>
#include <stdlib.h>

#include "vmm/base/memory.h"

enum {
    RTC_SECONDS = 0,
    RTC_SECONDS_ALARM = 1,
    RTC_MINUTES = 2,
    RTC_MINUTES_ALARM = 3,
    RTC_HOURS = 4,
    RTC_HOURS_ALARM = 5,
    RTC_WEEKDAY = 6,
    RTC_DAY = 7,
    RTC_MONTH = 8,
    RTC_YEAR = 9,
    RTC_A = 10,
    RTC_B = 11,
    RTC_C = 12,
    RTC_D = 13,

    RTC_A_UPDATE = 0x80,
    RTC_A_DIVIDER = 0x26, /* 32.768 kHz, 1024 Hz rate: what firmware leaves */
    RTC_B_SET = 0x80,
    RTC_B_ALARM = 0x20,
    RTC_B_BINARY = 0x04,
    RTC_B_24_HOURS = 0x02,
    RTC_C_INTERRUPT = 0x80,
    RTC_C_ALARM = 0x20,
    RTC_D_VALID = 0x80,
    RTC_ANY = 0xc0, /* an alarm register with these bits matches every value */

    DAY_SECONDS = 86400,
    DAYS_MAX = 8 * 366, /* from one 29 February to the next, at most */
    UPDATE_NS = 244000, /* the update bit rises this long before the second turns */
};

struct rtc {
    pthread_mutex_t lock;
    struct rtc_host host;
    int64_t offset;   /* seconds that the guest's clock is ahead */
    int64_t alarm_at; /* the guest's time, seconds of the epoch; 0: never */
    uint8_t index;
    uint8_t control;   /* register B */
    uint8_t flags;     /* register C */
    struct tm stopped; /* the time while RTC_B_SET holds the clock */
    uint8_t memory[128];
};

static void
host_clock(void *data, struct timespec *ret_now)
{
    clock_gettime(CLOCK_REALTIME, ret_now);
}

static void
current_time(const struct rtc *rtc, struct tm *ret_time)
{
    struct timespec now;
    time_t seconds;

    if (rtc->control & RTC_B_SET) {
        *ret_time = rtc->stopped;
        return;
    }
    rtc->host.clock(rtc->host.data, &now);
    seconds = now.tv_sec + (time_t)rtc->offset;
    if (!gmtime_r(&seconds, ret_time)) {
        *ret_time = (struct tm){.tm_mday = 1, .tm_year = 100};
    }
}

static void
set_time(struct rtc *rtc, struct tm *time)
{
    struct timespec now;

    if (rtc->control & RTC_B_SET) {
        rtc->stopped = *time;
        return;
    }
    rtc->host.clock(rtc->host.data, &now);
    rtc->offset = timegm(time) - now.tv_sec;
}

static uint8_t
encode(const struct rtc *rtc, int value)
{
    if (rtc->control & RTC_B_BINARY) {
        return (uint8_t)value;
    }
    return (uint8_t)((value / 10 % 10) << 4 | value % 10);
}

static int
decode(const struct rtc *rtc, uint8_t value)
{
    return (rtc->control & RTC_B_BINARY) ? value : (value >> 4) * 10 + (value & 0xf);
}

static bool
is_time_register(uint8_t index)
{
    return index == RTC_SECONDS || index == RTC_MINUTES || index == RTC_HOURS ||
           (index >= RTC_WEEKDAY && index <= RTC_YEAR) || index == RTC_CENTURY;
}

/* -- the alarm; the lock is held -- */

static bool
matches(const struct rtc *rtc, uint8_t index, int value)
{
    const uint8_t wanted = rtc->memory[index];

    return (wanted & RTC_ANY) == RTC_ANY || decode(rtc, wanted) == value;
}

/* The first match in a day from second `from` on; DAY_SECONDS: there is none. */
static unsigned int
second_of_alarm(const struct rtc *rtc, unsigned int from)
{
    unsigned int then = from;

    while (then < DAY_SECONDS) {
        if (!matches(rtc, RTC_HOURS_ALARM, (int)(then / 3600))) {
            then += 3600 - then % 3600;
        } else if (!matches(rtc, RTC_MINUTES_ALARM, (int)(then / 60 % 60))) {
            then += 60 - then % 60;
        } else if (!matches(rtc, RTC_SECONDS_ALARM, (int)(then % 60))) {
            then++;
        } else {
            return then;
        }
    }
    return DAY_SECONDS;
}

/* A chip that nobody told of a day has 0 there. */
static bool
matches_date(const struct rtc *rtc, const struct tm *date)
{
    return (rtc->memory[RTC_DAY_ALARM] == 0 || matches(rtc, RTC_DAY_ALARM, date->tm_mday)) &&
           (rtc->memory[RTC_MONTH_ALARM] == 0 || matches(rtc, RTC_MONTH_ALARM, date->tm_mon + 1));
}

/* The next match after `now`, both seconds of the epoch; 0: it never matches. */
static int64_t
time_of_alarm(const struct rtc *rtc, int64_t now)
{
    const int64_t passed = (now % DAY_SECONDS + DAY_SECONDS) % DAY_SECONDS;
    const unsigned int first = second_of_alarm(rtc, 0);
    time_t day = now - passed;

    for (int i = 0; i <= DAYS_MAX && first < DAY_SECONDS; i++, day += DAY_SECONDS) {
        unsigned int then = i == 0 ? second_of_alarm(rtc, (unsigned int)passed + 1) : first;
        struct tm date;

        if (then < DAY_SECONDS && gmtime_r(&day, &date) && matches_date(rtc, &date)) {
            return day + then;
        }
    }
    return 0;
}

static void
wait_for_alarm(struct rtc *rtc, const struct timespec *now)
{
    const int64_t left = rtc->alarm_at - (now->tv_sec + rtc->offset);

    if (rtc->host.wait) {
        rtc->host.wait(rtc->host.data, rtc->alarm_at == 0 ? 0
                                       : left <= 0
                                           ? 1
                                           : (uint64_t)(left * 1000 - now->tv_nsec / 1000000 + 1));
    }
}

/* After every change of the time, the alarm, or whether it is wanted. */
static void
plan_alarm(struct rtc *rtc)
{
    struct timespec now;

    rtc->host.clock(rtc->host.data, &now);
    rtc->alarm_at = 0;
    if ((rtc->control & RTC_B_ALARM) && !(rtc->control & RTC_B_SET)) {
        rtc->alarm_at = time_of_alarm(rtc, now.tv_sec + rtc->offset);
    }
    wait_for_alarm(rtc, &now);
}

static void
set_line(struct rtc *rtc, bool level)
{
    if (rtc->host.line) {
        rtc->host.line(rtc->host.data, level);
    }
}

void
rtc_tick(struct rtc *rtc)
{
    struct timespec now;
    bool rings;

    pthread_mutex_lock(&rtc->lock);
    rtc->host.clock(rtc->host.data, &now);
    rings = rtc->alarm_at != 0 && now.tv_sec + rtc->offset >= rtc->alarm_at;
    if (rings) {
        rtc->flags |= RTC_C_INTERRUPT | RTC_C_ALARM;
        set_line(rtc, true);
        plan_alarm(rtc);
    } else {
        wait_for_alarm(rtc, &now);
    }
    pthread_mutex_unlock(&rtc->lock);
    if (rings && rtc->host.alarm) {
        rtc->host.alarm(rtc->host.data);
    }
}

static uint8_t
take_flags(struct rtc *rtc)
{
    const uint8_t flags = rtc->flags;

    rtc->flags = 0;
    if (flags & RTC_C_INTERRUPT) {
        set_line(rtc, false);
    }
    return flags;
}

/* -- registers -- */

static uint8_t
read_time(const struct rtc *rtc, uint8_t index)
{
    struct tm time;

    current_time(rtc, &time);
    switch (index) {
    case RTC_SECONDS:
        return encode(rtc, time.tm_sec);
    case RTC_MINUTES:
        return encode(rtc, time.tm_min);
    case RTC_HOURS:
        return encode(rtc, time.tm_hour);
    case RTC_WEEKDAY:
        return encode(rtc, time.tm_wday + 1);
    case RTC_DAY:
        return encode(rtc, time.tm_mday);
    case RTC_MONTH:
        return encode(rtc, time.tm_mon + 1);
    case RTC_YEAR:
        return encode(rtc, (time.tm_year + 1900) % 100);
    default:
        return encode(rtc, (time.tm_year + 1900) / 100);
    }
}

static void
write_time(struct rtc *rtc, uint8_t index, uint8_t byte)
{
    int value = decode(rtc, byte);
    struct tm time;
    int year;

    current_time(rtc, &time);
    year = time.tm_year + 1900;
    switch (index) {
    case RTC_SECONDS:
        time.tm_sec = value;
        break;
    case RTC_MINUTES:
        time.tm_min = value;
        break;
    case RTC_HOURS:
        time.tm_hour = value & 0x7f;
        break;
    case RTC_DAY:
        time.tm_mday = value;
        break;
    case RTC_MONTH:
        time.tm_mon = value - 1;
        break;
    case RTC_YEAR:
        time.tm_year = year / 100 * 100 + value - 1900;
        break;
    case RTC_CENTURY:
        time.tm_year = value * 100 + year % 100 - 1900;
        break;
    default:
        return; /* the weekday follows from the date */
    }
    set_time(rtc, &time);
}

static uint8_t
read_status_a(const struct rtc *rtc)
{
    struct timespec now;

    if (rtc->control & RTC_B_SET) {
        return RTC_A_DIVIDER;
    }
    rtc->host.clock(rtc->host.data, &now);
    return RTC_A_DIVIDER | (now.tv_nsec >= 1000000000 - UPDATE_NS ? RTC_A_UPDATE : 0);
}

static void
write_status_b(struct rtc *rtc, uint8_t value)
{
    struct tm time;

    current_time(rtc, &time);
    rtc->control = (value & (RTC_B_SET | RTC_B_ALARM | RTC_B_BINARY)) | RTC_B_24_HOURS;
    set_time(rtc, &time); /* hold it, or let it run on from what was set */
    plan_alarm(rtc);
}

static uint64_t
rtc_read(void *data, uint64_t offset, unsigned int size)
{
    struct rtc *rtc = data;
    uint8_t value;

    if (offset == 0) {
        return 0xff; /* write-only */
    }
    pthread_mutex_lock(&rtc->lock);
    if (is_time_register(rtc->index)) {
        value = read_time(rtc, rtc->index);
    } else if (rtc->index == RTC_A) {
        value = read_status_a(rtc);
    } else if (rtc->index == RTC_B) {
        value = rtc->control;
    } else if (rtc->index == RTC_C) {
        value = take_flags(rtc);
    } else if (rtc->index == RTC_D) {
        value = RTC_D_VALID;
    } else {
        value = rtc->memory[rtc->index];
    }
    pthread_mutex_unlock(&rtc->lock);
    return value;
}

static void
write_register(struct rtc *rtc, uint8_t index, uint8_t value)
{
    if (is_time_register(index)) {
        write_time(rtc, index, value);
        plan_alarm(rtc);
    } else if (index == RTC_B) {
        write_status_b(rtc, value);
    } else if (index < RTC_A || index > RTC_D) {
        rtc->memory[index] = value;
        if (index <= RTC_HOURS_ALARM || index == RTC_DAY_ALARM || index == RTC_MONTH_ALARM) {
            plan_alarm(rtc);
        }
    }
}

static void
rtc_write(void *data, uint64_t offset, unsigned int size, uint64_t value)
{
    struct rtc *rtc = data;

    pthread_mutex_lock(&rtc->lock);
    for (unsigned int i = 0; i < size; i++) { /* one word to 0x70 is index and data */
        uint8_t byte = (uint8_t)(value >> (i * 8));

        if (offset + i == 0) {
            rtc->index = byte & 0x7f; /* bit 7 is the NMI mask */
        } else {
            write_register(rtc, rtc->index, byte);
        }
    }
    pthread_mutex_unlock(&rtc->lock);
}

const struct vm_range_ops rtc_range_ops = {.read = rtc_read, .write = rtc_write};

struct rtc *
rtc_create(const struct rtc_host *host)
{
    struct rtc *rtc = xalloc(sizeof(*rtc));
    struct tm ignored;

    /* The C library opens the time zone file at the first conversion: now, not in the jail. */
    gmtime_r(&(time_t){0}, &ignored);
    *rtc = (struct rtc){.host = *host, .control = RTC_B_24_HOURS};
    if (!rtc->host.clock) {
        rtc->host.clock = host_clock;
    }
    pthread_mutex_init(&rtc->lock, NULL);
    return rtc;
}

void
rtc_destroy(struct rtc *rtc)
{
    if (!rtc) {
        return;
    }
    pthread_mutex_destroy(&rtc->lock);
    free(rtc);
}
