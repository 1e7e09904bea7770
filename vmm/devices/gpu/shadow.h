/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The host memory that shows a blob. */

#include "vmm/devices/gpu/gpu.h"

/* A cleared one that the display may be told of; charged to the resources' limit. 0 or -ENOMEM. */
int shadow_create(struct gpu *gpu, uint32_t width, uint32_t height, struct shadow *ret_shadow);
/* No scanout may show it any more. An empty one is fine. */
void shadow_release(struct gpu *gpu, struct shadow *shadow);

/* The scanout's, all of them. */
void shadow_release_all(struct gpu *gpu, struct scanout *scanout);
/* Those that are not shown. */
void shadow_release_spare(struct gpu *gpu, struct scanout *scanout);

/* Copy the whole picture out of the scanout's resource. */
void shadow_copy_all(struct gpu *gpu, const struct scanout *scanout);
/* What scanout->shadow is, for the display. */
struct link_scanout shadow_shown(const struct scanout *scanout);
/*
 * Bring the shadow that was shown longest ago up to date, `rect` included, and show it. While that one may
 * be on the screen, `rect` waits. Where there is no memory for one more, as shadow_update().
 */
void shadow_flip(struct gpu *gpu, uint32_t index, const struct rect *rect);
/*
 * Copy what differs inside `rect` (in scanout coordinates and inside of it) and tell the display.
 * Linux before 6.3 flushes whole screens whatever a program drew, so the damage is found here: a
 * few rectangles, each as wide as what changed in its rows.
 */
void shadow_update(struct gpu *gpu, uint32_t index, const struct rect *rect);
