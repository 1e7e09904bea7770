/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The last megabyte of a serial port or console, in a memfd that the supervisor makes and the
 * display process fills, so that it survives a display process. Mapped shared; one writer.
 */

#include <stdint.h>

enum {
    HISTORY_SIZE = 1 << 20
};

struct history {
    uint64_t total; /* bytes ever written; byte n is at data[n % HISTORY_SIZE] */
    uint64_t reserved[7];
    uint8_t data[HISTORY_SIZE];
};
