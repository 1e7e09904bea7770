/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * OpenGL for the guest: a renderer (renderer.h) over virglrenderer, with capsets 1 and 2. It draws on
 * a render node, or with Mesa's llvmpipe where there is none. Fences end on a thread of the library
 * that only writes down what ended and wakes the loop.
 */

#include "vmm/base/loop.h"
#include "vmm/devices/gpu/gpu.h"

/*
 * Load and start the library, before the jail: it reads files and starts a thread. `render_fd` is a
 * DRM render node (taken over) or -1; `venus_fd` a socket of a render server (taken over), with which
 * there is capset 4 (Vulkan, executed there), or -1. Each Vulkan context has a thread of the library's
 * here, made with it. NULL with *ret_why, a text for people, when that fails.
 */
struct renderer *virgl_create(struct loop *loop, int render_fd, int venus_fd, const char **ret_why);
/* Of its capsets, leave those of the set (1 << number) alone; with 0 all stay. */
void virgl_leave_capsets(struct renderer *renderer, uint32_t set);
/* Whose fences it ends, and whose resources it may ask for. */
void virgl_set_gpu(struct renderer *renderer, struct gpu *gpu);
/*
 * Clear a small picture through a context of its own and read it back. 0, or -EIO when the pixels are
 * wrong. Inside the jail as well as before it.
 */
int virgl_self_test(struct renderer *renderer);
/*
 * Whether other programs of the host can have what contexts draw into, as dmabufs that hold their pixels.
 * Tried with a texture, before the guest has one.
 */
bool virgl_shares_textures(struct renderer *renderer);
/*
 * Wait until a Vulkan context has done what was submitted. 0, or -EIO when that takes too long or
 * cannot be known. For trials only, before virgl_set_gpu().
 */
int virgl_finish(struct renderer *renderer, uint32_t context);
