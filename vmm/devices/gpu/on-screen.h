/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Textures that are read from the card's own memory by whoever shows them, and may be on a screen after the
 * guest has flipped to another one. Linux' driver tells programs at once that a flip is done. So the control
 * queue stops at a request that could draw into such a texture, until the display says what is on the screen
 * (GPU_SHOWN); its requests are in order, and one that waits is left in the ring. What the guest shows now is
 * not waited for: who draws into that tears by nature. Nor is who draws past the queue, as Vulkan contexts do.
 */

#include <stdbool.h>
#include <stdint.h>

struct chain;
struct gpu;
struct resource;

enum {
    ON_SCREEN_LIMIT_MS = 300, /* a display that says nothing for so long is waited for no more */
};

/* A scanout shows this texture, which has a buffer, from now on. */
void on_screen_flip(struct gpu *gpu, uint32_t index, struct resource *resource);
/* It shows none. */
void on_screen_end(struct gpu *gpu, uint32_t index);
/* Whether the display says what is on its screen has changed: what it said before does not count. */
void on_screen_begin(struct gpu *gpu, uint32_t index);
/* That buffer is, and no older one. */
void on_screen_shown(struct gpu *gpu, uint32_t index, uint32_t buffer);
/* It goes away. */
void on_screen_forget(struct gpu *gpu, const struct resource *resource);

/*
 * Whether the request, the next one of the control queue, has to wait: unpop it then, and take no other. The
 * queue is served again when it may go on. What is read here is read again by whoever executes it.
 */
bool on_screen_stops(struct gpu *gpu, const struct chain *chain);
/* Serve the control queue if it stopped. */
void on_screen_go_on(struct gpu *gpu);
void on_screen_queue_stopped(struct gpu *gpu);
/* The handler of stop.timer; `data` is the gpu. */
void on_screen_end_stop(void *data, uint32_t events);
