/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What is left of a run of a named machine, in its state folder. */

#include <time.h>

#include "vmm/supervisor/failure.h"

/* last-run.json: how it ended. Best effort. */
void result_write(const char *folder, const struct failure *end, time_t started);
/* last-frame.ppm from a file of the display process, at most 64 MiB. Best effort. */
void result_write_frame(const char *folder, int frame_fd);
/*
 * PORT.log: the last MiB that a port wrote, from its history (vmm/protocol/history.h); what is in there
 * is the display's, so nothing of it is trusted. history_fd < 0: the port is gone, and so is its file.
 * Best effort.
 */
void result_write_output(const char *folder, const char *port, int history_fd);
