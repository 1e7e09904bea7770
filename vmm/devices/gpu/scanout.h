/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the guest shows where. 0 or -errno: -ERANGE for a bad scanout number, -ENOENT for a bad
 * resource, -EINVAL for numbers that do not fit, -ENOMEM.
 */

#include "vmm/devices/gpu/gpu.h"

/* Show part of a 2D resource; id 0 switches the scanout off. */
int scanout_set(struct gpu *gpu, uint32_t index, uint32_t resource_id, const struct rect *rect);
/* Show part of a blob, read as `framebuffer` says; id 0 switches the scanout off. */
int scanout_set_blob(struct gpu *gpu, uint32_t index, uint32_t resource_id, const struct rect *rect,
                     const struct framebuffer *framebuffer);
/* Let new pixels go into another buffer than the one that is shown, or no longer. */
void scanout_set_flips(struct gpu *gpu, uint32_t index, bool flips);
/* The display's GPU_SHOWN: what waited for a buffer that is free now is shown. */
void scanout_shown(struct gpu *gpu, uint32_t index, uint32_t buffer);
/* Show what a card drew from its own memory where that is possible, or no longer. */
void scanout_set_textures(struct gpu *gpu, uint32_t index, bool textures);
/* New pixels in a rectangle of a resource: copy what blobs need, tell the display. */
int scanout_flush(struct gpu *gpu, uint32_t resource_id, const struct rect *rect);
/* The resource goes away: off with every scanout that shows it, and out of the display. */
void scanout_forget_resource(struct gpu *gpu, struct resource *resource);
/* What a renderer has of a 2D resource becomes the device's pixels, as far as it can be read. */
void scanout_fetch_all(struct gpu *gpu, struct resource *resource);
/* The resource is lost, its last picture stays. */
void scanout_keep_picture(struct gpu *gpu, struct resource *resource);
/* Everything off. */
void scanout_reset(struct gpu *gpu);
