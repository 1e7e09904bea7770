/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Resources that a renderer knows: textures (CREATE_3D), and 2D resources that a context was given.
 * The guest's numbers are checked here, in 64 bits, before a renderer sees them.
 */

#include "vmm/devices/gpu/gpu.h"

/* CREATE_3D. -EINVAL for numbers that make no resource, -ENOMEM for too large ones, -EEXIST. */
int texture_create(struct gpu *gpu, struct renderer *renderer, uint32_t id,
                   const struct renderer_texture *texture);
/*
 * Make a 2D resource known to a renderer too, with its pages and pixels; from then on the renderer's
 * copy is the true one. Guest blobs are shared. Does nothing when it is known already.
 */
int texture_promote(struct gpu *gpu, struct resource *resource, struct renderer *renderer);
/* Show the renderer the pages that a resource has; does nothing where either is missing. */
int texture_attach_pages(struct gpu *gpu, struct resource *resource);

/*
 * TRANSFER_TO/FROM_HOST_3D between a resource of a renderer and its pages. -EINVAL when the box, or
 * what it takes of the pages, does not fit.
 */
int texture_transfer(struct gpu *gpu, struct resource *resource,
                     const struct renderer_transfer *transfer);
/* TRANSFER_TO_HOST_2D on such a resource. */
int texture_transfer_2d(struct gpu *gpu, struct resource *resource, const struct rect *rect,
                        uint64_t offset);
/* Read pixels of a 2D picture, which `rect` lies in, to `to`; rows are `stride` bytes apart. */
int texture_read(struct gpu *gpu, struct resource *resource, const struct rect *rect, void *to,
                 uint32_t stride);
/* Guest memory has moved: tell the renderers where the pages are now. */
void texture_memory_changed(struct gpu *gpu);
