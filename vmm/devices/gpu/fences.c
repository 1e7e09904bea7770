/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/devices/gpu/fences.h"

#include <stdlib.h>

#include "vmm/base/bytes.h"
#include "vmm/devices/gpu/context.h"
#include "vmm/devices/gpu/gpu.h"
#include "vmm/devices/gpu/renderer.h"

struct fence {
    struct list link;
    struct renderer_fence fence;
    const struct renderer *renderer;
    struct chain *chain;
    uint32_t written;
    uint32_t timeline; /* in struct fences */
    uint64_t taken_ns;
    bool done;
    bool held; /* by fault.h, until the timer ends */
};

void
fences_init(struct fences *fences)
{
    *fences = (struct fences){0};
    list_init(&fences->waiting);
    fences->timeline[TIMELINE_OTHERS].others = 1;
    fences->n_timelines = TIMELINE_RINGS;
}

/* Where the figures of a new fence of that context, or of none, are. */
static uint32_t
find_timeline(struct fences *fences, const struct virtio_gpu_ctrl_hdr *header,
              const struct context *context)
{
    if (!(le32toh(header->flags) & VIRTIO_GPU_FLAG_INFO_RING_IDX)) {
        return TIMELINE_GLOBAL;
    }
    if (!context) {
        return TIMELINE_OTHERS;
    }
    for (uint32_t i = TIMELINE_RINGS; i < fences->n_timelines; i++) {
        if (fences->timeline[i].context == context->info.id &&
            fences->timeline[i].ring == header->ring_idx) {
            return i;
        }
    }
    if (fences->n_timelines == GPU_TIMELINES_TOLD) {
        return TIMELINE_OTHERS;
    }
    fences->timeline[fences->n_timelines] = (struct gpu_timeline_statistics){
        .context = context->info.id, .ring = header->ring_idx, .on_ring = 1};
    return fences->n_timelines++;
}

static void
count_completed(struct fences *fences, uint32_t timeline, uint64_t took)
{
    struct gpu_timeline_statistics *figures = &fences->timeline[timeline];

    fences->retired++;
    figures->completed++;
    figures->total_ns += took;
    figures->longest_ns = MAX_OF(figures->longest_ns, took);
}

/* Timeline `i` ends; the last one takes its place. */
static void
give_up_timeline(struct fences *fences, uint32_t i)
{
    struct gpu_timeline_statistics *gone = &fences->timeline[i];
    struct gpu_timeline_statistics *others = &fences->timeline[TIMELINE_OTHERS];
    const uint32_t last = --fences->n_timelines;

    others->created += gone->created;
    others->completed += gone->completed;
    others->total_ns += gone->total_ns;
    others->longest_ns = MAX_OF(others->longest_ns, gone->longest_ns);
    list_for_each(pos, &fences->waiting) {
        struct fence *fence = list_container(pos, struct fence, link);

        fence->timeline = fence->timeline == i      ? TIMELINE_OTHERS
                          : fence->timeline == last ? i
                                                    : fence->timeline;
    }
    *gone = fences->timeline[last];
}

void
fences_forget_context(struct fences *fences, uint32_t context)
{
    for (uint32_t i = fences->n_timelines; i > TIMELINE_RINGS; i--) {
        if (fences->timeline[i - 1].context == context) {
            give_up_timeline(fences, i - 1);
        }
    }
}

void
fences_tell(const struct fences *fences, struct gpu_statistics *statistics)
{
    for (uint32_t i = 0; i < fences->n_timelines; i++) {
        if (fences->timeline[i].created > 0) {
            statistics->timeline[statistics->n_timelines++] = fences->timeline[i];
        }
    }
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
    uint64_t now = 0;
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
        now = n == 0 ? gpu_now_ns() : now;
        count_completed(&gpu->fences, fence->timeline, now - fence->taken_ns);
        free(fence);
        n++;
    }
    return n;
}

/* Whose fence it is: the context's renderer, or for none the first that has fences. */
static struct renderer *
fence_renderer(struct gpu *gpu, struct context *context)
{
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
    struct context *context = context_find(&gpu->contexts, le32toh(header->ctx_id));
    struct renderer *renderer = fence_renderer(gpu, context);
    const bool held = fault_delays(&gpu->fault);
    struct fence *fence = renderer || held ? calloc(1, sizeof(*fence)) : NULL;

    const uint32_t timeline = find_timeline(&gpu->fences, header, context);
    gpu->fences.created++;
    gpu->fences.timeline[timeline].created++;
    if (!fence) {
        count_completed(&gpu->fences, timeline, gpu_now_ns() - gpu->counters.taken_ns);
        queue_push(backend_queue(gpu->backend, GPU_QUEUE_CONTROL), chain, written);
        return;
    }
    fence->renderer = renderer;
    fence->chain = chain;
    fence->written = written;
    fence->timeline = timeline;
    fence->taken_ns = gpu->counters.taken_ns;
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
