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
#include "vmm/protocol/gpu.h"

struct chain;
struct loop_source;
struct gpu;
struct renderer;
struct renderer_fence;

/*
 * Figures of each timeline: the global one, those of rings as they come, and one for all rings that find no
 * place. A context that ends leaves its places to others.
 */
enum {
    TIMELINE_GLOBAL = 0,
    TIMELINE_OTHERS = 1,
    TIMELINE_RINGS = 2,
};

struct fences {
    struct gpu_timeline_statistics timeline[GPU_TIMELINES_TOLD];
    uint32_t n_timelines; /* in use, from the first on */
    struct list waiting;  /* struct fence, in the order of the guest's requests */
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
/* The figures of what `context` had on its rings go to those of all others. */
void fences_forget_context(struct fences *fences, uint32_t context);
/* The part of the answer to GPU_ASK_STATISTICS that tells of timelines. */
void fences_tell(const struct fences *fences, struct gpu_statistics *statistics);
/* The renderer begins anew. */
void fences_flush_renderer(struct gpu *gpu, const struct renderer *renderer);
/* The handler of `timer`; `data` is the gpu. */
void fences_end_delay(void *data, uint32_t events);
