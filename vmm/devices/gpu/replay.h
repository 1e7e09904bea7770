/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Plays a recording (record-format.h) to a graphics card in the same process: the other ends of its
 * two sockets, and a guest's memory and rings. The file is not trusted.
 */

#include <stddef.h>
#include <stdint.h>

#include "vmm/base/cleanup.h"
#include "vmm/protocol/device.h"

struct gpu;
struct loop;
struct replay;

struct replay_picture {
    uint32_t width; /* 0: the screen is off */
    uint32_t height;
    uint64_t sum; /* FNV-1a, 64 bits, of the rows from the top, a pixel as blue, green, red, 0 */
};

struct replay_result {
    uint64_t requests;
    uint64_t failed;
    uint64_t memory_bytes; /* that the guest had written */
    uint64_t updates;      /* that the display was told */
    uint64_t time_ns;      /* from the first request to the last answer */
    struct replay_picture picture[GPU_SCANOUTS_MAX];
};

/*
 * A player of `data` (stays the caller's, unchanged) and the set-up of the card that is to be made for
 * it in `loop`, at level 2D. NULL with *ret_why set to a clause.
 */
struct replay *replay_create(struct loop *loop, const void *data, size_t size,
                             struct gpu_setup *ret_setup, const char **ret_why);
void replay_destroy(struct replay *replay);
CLEANUP_DEFINE(struct replay, replay_destroy)
/* All of it, as quickly as the card goes. 0, or -1 with *ret_why set to a clause. */
int replay_play(struct replay *replay, struct gpu *gpu, struct replay_result *ret_result,
                const char **ret_why);
