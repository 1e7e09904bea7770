/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/devices/gpu/alarm.h"

#include <sys/timerfd.h>
#include <time.h>

#include "vmm/protocol/device.h"

void
alarm_set(struct alarm *alarm)
{
    const struct itimerspec when = {.it_value = {.tv_sec = GPU_ALARM_MS / 1000}};
    struct timespec now;

    if (alarm->fd <= 0) {
        return;
    }
    clock_gettime(CLOCK_MONOTONIC, &now);
    const uint64_t now_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
    if (now_ms >= alarm->next_ms) {
        alarm->next_ms = now_ms + GPU_ALARM_MS / 2;
        timerfd_settime(alarm->fd, 0, &when, NULL);
    }
}
