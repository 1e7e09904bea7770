/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The supervisor's alarm: when it goes off, it asks whether this process still answers (gpu_setup::alarm_fd). */

#include <stdint.h>

struct alarm {
    int fd;           /* 0 or -1: there is none */
    uint64_t next_ms; /* CLOCK_MONOTONIC; before that it is set as it is */
};

/* Somebody wants something: have the supervisor ask in GPU_ALARM_MS, if it does not sooner. */
void alarm_set(struct alarm *alarm);
