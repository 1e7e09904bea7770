/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * Try level "soft", or "drm" with its render node at PROBE_RENDER_FD, or "venus" with a render
 * server's socket at PROBE_VENUS_FD and maybe a render node ("venus-unproved": without memory that
 * the guest could map): start the library, close the
 * jail around it (`flags`: enum start_flags), draw a picture or
 * make a Vulkan device and look at it. Prints "ok" or the
 * reason why not to standard output; the exit status is 0 or 1. A library that crashes ends only
 * this process; `crash` does that on purpose.
 */
int probe_run(const char *level, uint32_t flags, bool crash);

enum {
    PROBE_RENDER_FD = 3,
    PROBE_VENUS_FD = 4,
};
