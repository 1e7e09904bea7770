/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdint.h>

enum {
    REPLAY_FILE_FD = 3,
    REPLAY_RENDER_FD = 4,
};

/*
 * Play the recording at REPLAY_FILE_FD to a card of level "2d", "soft", or "drm" with its render node
 * at REPLAY_RENDER_FD, in that level's jail (`flags`: enum start_flags). Prints what came of it, or
 * says on standard error why nothing did; the exit status is 0 or 1.
 */
int replay_run(const char *level, uint32_t flags);
