/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Textures of a graphics card that clients show from the card's memory (GPU_TEXTURES), so that nothing is
 * read back. Where that is not wished, or a texture is no dmabuf, the scanout's shadow has its pixels
 * (shadow.h), as ever.
 */

#include "vmm/devices/gpu/gpu.h"

/*
 * What the scanout shows has changed, or whether textures are wished: show its resource's own memory, or
 * its shadow again.
 */
void shown_texture_settle(struct gpu *gpu, uint32_t index);
/* New pixels in a rectangle, in scanout coordinates and inside of it, of a scanout that is shown so. */
void shown_texture_update(struct gpu *gpu, uint32_t index, const struct rect *rect);
/* The shadow is shown again, with what the texture has. */
void shown_texture_leave(struct gpu *gpu, uint32_t index);
/* The display's GPU_ASK_PIXELS. */
void shown_texture_tell_pixels(struct gpu *gpu, uint32_t index);
/* Out of the display; no scanout has the resource any more. */
void shown_texture_forget(struct gpu *gpu, struct resource *resource);
