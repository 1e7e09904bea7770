/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * vmm-display <-> vmm-input, SOCK_SEQPACKET, non-blocking. The display sends reports; the input
 * process sends reports with EV_LED events back when the guest switches a lamp. The socket outlives
 * a display process, as in vmm/protocol/gpu.h; a new display process starts with all keys up: its
 * first report begins with EV_SYN/SYN_DROPPED, and what an earlier one held down is let go.
 */

#include <stdint.h>

enum {
    INPUT_EVENTS_MAX = 32,
    INPUT_ABS_MAX = 32767, /* ABS_X and ABS_Y run from 0 to this over the whole screen */
};

/* Types, codes and values of linux/input-event-codes.h. */
struct input_protocol_event {
    uint16_t type;
    uint16_t code;
    int32_t value;
};

/* One datagram is 4 + count * 8 bytes; it ends with EV_SYN/SYN_REPORT. */
struct input_report {
    uint32_t count;
    struct input_protocol_event events[INPUT_EVENTS_MAX];
};
