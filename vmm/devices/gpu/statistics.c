/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Figures for people who measure: what the card did, and what is in it now. */

#include <linux/virtio_gpu.h>
#include <string.h>
#include <time.h>

#include "vmm/base/assert.h"
#include "vmm/base/bytes.h"
#include "vmm/devices/gpu/gpu.h"

enum {
    NS_PER_S = 1000000000,
    NS_PER_US = 1000,
    /* Where each family of requests begins in gpu_counters.command, and how many it has. */
    FAMILY_2D = 0,
    FAMILY_2D_SIZE = 16,
    FAMILY_3D = FAMILY_2D + FAMILY_2D_SIZE,
    FAMILY_3D_SIZE = 12,
    FAMILY_CURSOR = FAMILY_3D + FAMILY_3D_SIZE,
    FAMILY_CURSOR_SIZE = 2,
    FAMILY_UNKNOWN = GPU_COMMANDS_TOLD - 1,
};

static_assert((int)FAMILY_CURSOR + (int)FAMILY_CURSOR_SIZE <= (int)FAMILY_UNKNOWN,
              "each type has a place of its own");

uint64_t
gpu_now_ns(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * NS_PER_S + (uint64_t)time.tv_nsec;
}

/* Types are the guest's own numbers: all that are in no family share a place. */
static unsigned int
command_place(uint32_t type)
{
    if (type - VIRTIO_GPU_CMD_GET_DISPLAY_INFO < FAMILY_2D_SIZE) {
        return FAMILY_2D + (type - VIRTIO_GPU_CMD_GET_DISPLAY_INFO);
    }
    if (type - VIRTIO_GPU_CMD_CTX_CREATE < FAMILY_3D_SIZE) {
        return FAMILY_3D + (type - VIRTIO_GPU_CMD_CTX_CREATE);
    }
    if (type - VIRTIO_GPU_CMD_UPDATE_CURSOR < FAMILY_CURSOR_SIZE) {
        return FAMILY_CURSOR + (type - VIRTIO_GPU_CMD_UPDATE_CURSOR);
    }
    return FAMILY_UNKNOWN;
}

void
gpu_count_begin(struct gpu *gpu)
{
    gpu->counters.taken_ns = gpu_now_ns();
}

void
gpu_count_command(struct gpu *gpu, uint32_t type, bool failed)
{
    const unsigned int place = command_place(type);
    struct gpu_command_statistics *command = &gpu->counters.command[place];
    const uint64_t took = gpu_now_ns() - gpu->counters.taken_ns;

    command->type = place == FAMILY_UNKNOWN ? 0 : type;
    command->count++;
    command->failed += failed;
    command->total_ns += took;
    command->longest_ns = MAX_OF(command->longest_ns, took);
    gpu->counters.commands++;
    gpu->counters.failed += failed;
}

void
gpu_count_frame(struct gpu *gpu)
{
    struct gpu_frames *frames = &gpu->frames;
    const uint64_t now = gpu_now_ns() / NS_PER_US;

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
tell_commands(const struct gpu *gpu, struct gpu_statistics *statistics)
{
    for (unsigned int i = 0; i < GPU_COMMANDS_TOLD; i++) {
        if (gpu->counters.command[i].count > 0) {
            statistics->command[statistics->n_commands++] = gpu->counters.command[i];
        }
    }
}

static struct gpu_resource_statistics
resource_figures(const struct resource *resource)
{
    static const uint32_t kinds[] = {
        [RESOURCE_2D] = GPU_RESOURCE_2D,
        [RESOURCE_BLOB] = GPU_RESOURCE_GUEST_BLOB,
        [RESOURCE_TEXTURE] = GPU_RESOURCE_TEXTURE,
        [RESOURCE_HOST_BLOB] = GPU_RESOURCE_HOST_BLOB,
    };
    const bool texture = resource->kind == RESOURCE_TEXTURE;

    return (struct gpu_resource_statistics){
        .id = resource->id,
        .kind = kinds[resource->kind],
        .width = texture ? resource->texture.width : resource->width,
        .height = texture ? resource->texture.height : resource->height,
        .format = resource->format,
        .texture_format = texture ? resource->texture.format : 0,
        .memory = resource->size,
        .transfers = resource->transfers,
        .flushes = resource->flushes,
    };
}

/* Into the list of the largest; what has no place there is added to the others. */
static void
tell_resource(const struct resource *resource, struct gpu_statistics *statistics)
{
    struct gpu_resource_statistics told = resource_figures(resource);
    struct gpu_resource_statistics *others = &statistics->other_resources;
    uint32_t at = statistics->n_largest;

    while (at > 0 && statistics->largest[at - 1].memory < told.memory) {
        at--;
    }
    if (statistics->n_largest == GPU_RESOURCES_TOLD) {
        struct gpu_resource_statistics last =
            at < GPU_RESOURCES_TOLD ? statistics->largest[GPU_RESOURCES_TOLD - 1] : told;
        statistics->n_other_resources++;
        others->memory += last.memory;
        others->transfers += last.transfers;
        others->flushes += last.flushes;
    } else {
        statistics->n_largest++;
    }
    if (at < GPU_RESOURCES_TOLD) {
        memmove(&statistics->largest[at + 1], &statistics->largest[at],
                (statistics->n_largest - at - 1) * sizeof(told));
        statistics->largest[at] = told;
    }
}

static void
tell_resources(const struct gpu *gpu, struct gpu_statistics *statistics)
{
    for (unsigned int i = 0; i < RESOURCE_BUCKETS; i++) {
        list_for_each(pos, &gpu->resources.buckets[i]) {
            tell_resource(list_container(pos, struct resource, link), statistics);
        }
    }
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
    statistics->screen_waits = gpu->stop.count;
    statistics->screen_wait_ns = gpu->stop.took_ns;
    tell_queue(gpu, statistics);
    statistics->blobs_mapped = gpu->counters.blobs_mapped;
    statistics->blobs_limit = BLOB_WINDOW_PIECES_MAX;
    tell_capsets(gpu, statistics);
    tell_frames(&gpu->frames, statistics);
    tell_commands(gpu, statistics);
    tell_resources(gpu, statistics);
    fences_tell(&gpu->fences, statistics);
    list_for_each(pos, &gpu->contexts.contexts) {
        if (i < GPU_CONTEXTS_TOLD) {
            gpu_tell_context(list_container(pos, struct context, link), &statistics->context[i++]);
        }
    }
}
