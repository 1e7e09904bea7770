/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/devices/gpu/fences.h"

#include <stdlib.h>

#include "vmm/devices/gpu/context.h"
#include "vmm/devices/gpu/gpu.h"
#include "vmm/devices/gpu/renderer.h"

struct fence {
    struct list link;
    struct renderer_fence fence;
    const struct renderer *renderer;
    struct chain *chain;
    uint32_t written;
    bool done;
    bool held; /* by fault.h, until the timer ends */
};

void
fences_init(struct fences *fences)
{
    *fences = (struct fences){0};
    list_init(&fences->waiting);
}

/* True when `token` is `last` or before it; tokens wrap. */
static bool
token_reached(uint32_t token, uint32_t last)
{
    return (int32_t)(token - last) <= 0;
}

/* Give back what is done and, on the global timeline, waits for nothing before it. */
static unsigned int
sweep(struct gpu *gpu)
{
    struct queue *queue = backend_queue(gpu->backend, GPU_QUEUE_CONTROL);
    bool global_waits = false;
    unsigned int n = 0;

    list_for_each_safe(pos, &gpu->fences.waiting) {
        struct fence *fence = list_container(pos, struct fence, link);
        const bool global = !fence->fence.on_ring;

        if (!fence->done || fence->held || (global && global_waits)) {
            global_waits = global_waits || global;
            continue;
        }
        if (queue) {
            queue_push(queue, fence->chain, fence->written);
        }
        list_remove(pos);
        free(fence);
        gpu->fences.retired++;
        n++;
    }
    return n;
}

/* Whose fence it is: the context's renderer, or for none the first that has fences. */
static struct renderer *
fence_renderer(struct gpu *gpu, uint32_t context_id)
{
    struct context *context = context_find(&gpu->contexts, context_id);

    if (context) {
        context->fences++;
        return context->renderer;
    }
    for (unsigned int i = 0; i < gpu->n_renderers; i++) {
        if (gpu->renderers[i]->ops->fence) {
            return gpu->renderers[i];
        }
    }
    return NULL;
}

void
fences_add(struct gpu *gpu, const struct virtio_gpu_ctrl_hdr *header, struct chain *chain,
           uint32_t written)
{
    struct renderer *renderer = fence_renderer(gpu, le32toh(header->ctx_id));
    const bool held = fault_delays(&gpu->fault);
    struct fence *fence = renderer || held ? calloc(1, sizeof(*fence)) : NULL;

    gpu->fences.created++;
    if (!fence) {
        gpu->fences.retired++;
        queue_push(backend_queue(gpu->backend, GPU_QUEUE_CONTROL), chain, written);
        return;
    }
    fence->renderer = renderer;
    fence->chain = chain;
    fence->written = written;
    fence->fence.on_ring = (le32toh(header->flags) & VIRTIO_GPU_FLAG_INFO_RING_IDX) != 0;
    fence->fence.context = le32toh(header->ctx_id);
    fence->fence.ring = fence->fence.on_ring ? header->ring_idx : 0;
    fence->fence.token = ++gpu->fences.next_token;
    list_append(&gpu->fences.waiting, &fence->link);
    if (held) {
        fence->held = true;
        if (!gpu->fences.timer_runs) {
            gpu->fences.timer_runs = true;
            loop_timer_set(gpu->fences.timer, FAULT_FENCE_DELAY_MS, 0);
        }
    }
    fence->done =
        !renderer || !renderer->ops->fence || renderer->ops->fence(renderer, &fence->fence) != 0;
    if (fence->done) {
        sweep(gpu); /* whoever took the request from the queue also notifies */
    }
}

static bool
same_timeline(const struct renderer_fence *a, const struct renderer_fence *b)
{
    return a->on_ring == b->on_ring &&
           (!a->on_ring || (a->context == b->context && a->ring == b->ring));
}

void
fences_retire(struct gpu *gpu, const struct renderer *renderer, const struct renderer_fence *last)
{
    list_for_each(pos, &gpu->fences.waiting) {
        struct fence *fence = list_container(pos, struct fence, link);

        if (fence->renderer == renderer && same_timeline(&fence->fence, last) &&
            token_reached(fence->fence.token, last->token)) {
            fence->done = true;
        }
    }
    if (sweep(gpu) > 0) {
        backend_notify(gpu->backend, GPU_QUEUE_CONTROL);
    }
}

void
fences_end_delay(void *data, uint32_t events)
{
    struct gpu *gpu = data;

    (void)events;
    gpu->fences.timer_runs = false;
    list_for_each(pos, &gpu->fences.waiting) {
        list_container(pos, struct fence, link)->held = false;
    }
    if (sweep(gpu) > 0) {
        backend_notify(gpu->backend, GPU_QUEUE_CONTROL);
    }
}

static void
flush(struct gpu *gpu, bool all, uint32_t context)
{
    list_for_each(pos, &gpu->fences.waiting) {
        struct fence *fence = list_container(pos, struct fence, link);

        fence->held = fence->held && !all;
        if (all || (fence->fence.on_ring && fence->fence.context == context)) {
            fence->done = true;
        }
    }
    if (sweep(gpu) > 0) {
        backend_notify(gpu->backend, GPU_QUEUE_CONTROL);
    }
}

void
fences_flush(struct gpu *gpu)
{
    flush(gpu, true, 0);
}

void
fences_flush_context(struct gpu *gpu, uint32_t context)
{
    flush(gpu, false, context);
}

void
fences_flush_renderer(struct gpu *gpu, const struct renderer *renderer)
{
    list_for_each(pos, &gpu->fences.waiting) {
        struct fence *fence = list_container(pos, struct fence, link);

        fence->done = fence->done || fence->renderer == renderer;
    }
    if (sweep(gpu) > 0) {
        backend_notify(gpu->backend, GPU_QUEUE_CONTROL);
    }
}
