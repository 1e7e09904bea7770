/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The hardware cursor: 64 x 64 pixels out of a resource. 0 or -errno as in scanout.h. */

#include "vmm/devices/gpu/gpu.h"

/* Resource id 0 hides the cursor. */
int cursor_update(struct gpu *gpu, uint32_t scanout, uint32_t resource_id, uint32_t hot_x,
                  uint32_t hot_y);
int cursor_move(struct gpu *gpu, uint32_t scanout, uint32_t x, uint32_t y);
void cursor_reset(struct gpu *gpu);
