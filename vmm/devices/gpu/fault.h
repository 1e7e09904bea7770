/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Faults on purpose, for those who write drivers: every Nth of something goes wrong. */

#include <stdbool.h>
#include <stdint.h>

enum {
    FAULT_FENCE_DELAY_MS = 100
};

struct fault {
    uint32_t at;    /* enum gpu_fault_at */
    uint32_t every; /* 1: all of them; not 0 */
    uint32_t seen;
};

/*
 * True when the request is not to be executed: *ret_r is -ENOMEM for an allocation that fails, 0 for a
 * command that gets lost.
 */
bool fault_replaces(struct fault *fault, uint32_t type, int *ret_r);
/* Whether the next fence is to come late, by up to FAULT_FENCE_DELAY_MS. */
bool fault_delays(struct fault *fault);
