/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Requests that were executed and wait for a renderer before the guest hears of them. One global
 * timeline, whose requests are answered in order, and one for each ring of each context.
 */

#include <linux/virtio_gpu.h>
#include <stdbool.h>
#include <stdint.h>

#include "vmm/base/list.h"

struct chain;
struct loop_source;
struct gpu;
struct renderer;
struct renderer_fence;

struct fences {
    struct list waiting; /* struct fence, in the order of the guest's requests */
    uint32_t next_token;
    uint64_t created;
    uint64_t retired;
    struct loop_source *timer; /* for those that fault.h holds back */
    bool timer_runs;
};

void fences_init(struct fences *fences);
/*
 * The control queue's `chain`, whose response of `written` bytes is in place, asked for a fence: give
 * it back to the guest when everything before is done, perhaps at once. Always takes the chain over.
 */
void fences_add(struct gpu *gpu, const struct virtio_gpu_ctrl_hdr *header, struct chain *chain,
                uint32_t written);
/*
 * A renderer has done everything up to last->token on that timeline. Gives chains back and
 * interrupts the guest.
 */
void fences_retire(struct gpu *gpu, const struct renderer *renderer,
                   const struct renderer_fence *last);
/* The control queue stops, or a context goes away: give back what waits, all of it or its own. */
void fences_flush(struct gpu *gpu);
void fences_flush_context(struct gpu *gpu, uint32_t context);
/* The renderer begins anew. */
void fences_flush_renderer(struct gpu *gpu, const struct renderer *renderer);
/* The handler of `timer`; `data` is the gpu. */
void fences_end_delay(void *data, uint32_t events);
