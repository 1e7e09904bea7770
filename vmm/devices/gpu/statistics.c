/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Figures for people who measure: what the card did, and what is in it now. */

#include <string.h>
#include <time.h>

#include "vmm/base/bytes.h"
#include "vmm/devices/gpu/gpu.h"

enum {
    US_PER_S = 1000000,
    NS_PER_US = 1000,
};

void
gpu_count_frame(struct gpu *gpu)
{
    struct gpu_frames *frames = &gpu->frames;
    struct timespec time;
    uint64_t now;

    clock_gettime(CLOCK_MONOTONIC, &time);
    now = (uint64_t)time.tv_sec * US_PER_S + (uint64_t)time.tv_nsec / NS_PER_US;
    if (frames->last_us != 0) {
        frames->us[frames->n % GPU_FRAMES_TOLD] =
            (uint32_t)MIN_OF(now - frames->last_us, (uint64_t)UINT32_MAX);
        frames->n++;
    }
    frames->last_us = now;
}

static void
tell_frames(const struct gpu_frames *frames, struct gpu_statistics *statistics)
{
    const uint32_t n = (uint32_t)MIN_OF(frames->n, (uint64_t)GPU_FRAMES_TOLD);

    statistics->n_frames = n;
    for (uint32_t i = 0; i < n; i++) {
        statistics->frame_us[i] = frames->us[(frames->n - n + i) % GPU_FRAMES_TOLD];
    }
}

static void
tell_capsets(const struct gpu *gpu, struct gpu_statistics *statistics)
{
    statistics->n_capsets = MIN_OF(gpu_capsets(gpu), (uint32_t)GPU_CAPSETS_TOLD);
    for (uint32_t i = 0; i < statistics->n_capsets; i++) {
        statistics->capset[i] = gpu_capset_id(gpu, i);
    }
}

static void
tell_queue(struct gpu *gpu, struct gpu_statistics *statistics)
{
    struct queue *queue = backend_queue(gpu->backend, GPU_QUEUE_CONTROL);

    statistics->queue_size = queue ? queue_size(queue) : 0;
    statistics->queue_peak = MAX_OF(gpu->counters.queue_peak, queue ? queue_depth(queue) : 0);
    gpu->counters.queue_peak = 0;
}

static void
gpu_tell_context(const struct context *context, struct gpu_context_statistics *told)
{
    told->id = context->info.id;
    told->capset = context->info.capset;
    told->resources = context->n_attached;
    told->memory = context->memory;
    told->submits = context->submits;
    told->command_bytes = context->command_bytes;
    told->fences = context->fences;
    told->failed = context->failed;
    memcpy(told->name, context->info.name, sizeof(told->name));
}

void
gpu_tell_statistics(void *data, struct gpu_statistics *statistics)
{
    struct gpu *gpu = data;
    uint32_t i = 0;

    statistics->n_contexts = gpu->contexts.count;
    statistics->n_resources = gpu->resources.count;
    statistics->memory = gpu->resources.used;
    statistics->memory_limit = gpu->resources.limit;
    statistics->commands = gpu->counters.commands;
    statistics->failed = gpu->counters.failed;
    statistics->flushes = gpu->counters.flushes;
    statistics->flushed_pixels = gpu->counters.flushed_pixels;
    statistics->damaged_pixels = gpu->counters.damaged_pixels;
    statistics->copied_bytes = gpu->counters.copied_bytes;
    statistics->submits = gpu->counters.submits;
    statistics->command_bytes = gpu->counters.command_bytes;
    statistics->fences = gpu->fences.created;
    statistics->fences_waiting = gpu->fences.created - gpu->fences.retired;
    tell_queue(gpu, statistics);
    statistics->blobs_mapped = gpu->counters.blobs_mapped;
    statistics->blobs_limit = BLOB_WINDOW_PIECES_MAX;
    tell_capsets(gpu, statistics);
    tell_frames(&gpu->frames, statistics);
    list_for_each(pos, &gpu->contexts.contexts) {
        if (i < GPU_CONTEXTS_TOLD) {
            gpu_tell_context(list_container(pos, struct context, link), &statistics->context[i++]);
        }
    }
}
