/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Questions to vmm-balloon and its answers: between the supervisor and vmm-balloon as BALLOON_ASK and
 * BALLOON_ANSWER (vmm/protocol/device.h), between vmm-display and the supervisor as DISPLAY_ASK_BALLOON
 * and DISPLAY_BALLOON (vmm/protocol/display.h). Only `header.type` differs.
 */

#include <stdint.h>

#include "vmm/protocol/start.h"

enum {
    BALLOON_STATISTICS_MAX = 16,
    BALLOON_PAGE_SIZE = 4096
};

enum balloon_what {
    BALLOON_TELL_SIZE = 0,
    BALLOON_SET_SIZE,
    BALLOON_TELL_STATISTICS, /* asks the guest; answered within 2 s */
};

struct balloon_question {
    struct start_header header;
    uint32_t serial; /* comes back in the answer */
    uint32_t what;   /* enum balloon_what */
    uint32_t pages;  /* with BALLOON_SET_SIZE, of BALLOON_PAGE_SIZE bytes */
    uint32_t reserved;
};

struct balloon_answer {
    struct start_header header;
    uint32_t serial;
    /*
     * 0; -ENODEV: the machine has no balloon; -EINVAL: more pages than the guest has; -EBUSY: too many
     * questions; with BALLOON_TELL_STATISTICS -ENOTCONN: the guest has no driver for it, -ETIMEDOUT: it
     * does not answer
     */
    int32_t error;
    uint32_t requested; /* pages that it was last told to hold */
    uint32_t actual;    /* pages that the guest says it holds */
    uint32_t n_statistics;
    uint32_t reserved;
    struct balloon_statistic {
        uint64_t tag; /* virtio 1.2 section 5.5.6.3 */
        uint64_t value;
    } statistic[BALLOON_STATISTICS_MAX];
};
