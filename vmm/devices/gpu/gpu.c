/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/devices/gpu/gpu.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/virtio_config.h>
#include <linux/virtio_gpu.h>
#include <linux/virtio_ring.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "vmm/base/assert.h"
#include "vmm/base/fd.h"
#include "vmm/base/memory.h"
#include "vmm/devices/gpu/blob.h"
#include "vmm/devices/gpu/commands.h"
#include "vmm/devices/gpu/cursor.h"
#include "vmm/devices/gpu/journal.h"
#include "vmm/devices/gpu/on-screen.h"
#include "vmm/devices/gpu/record.h"
#include "vmm/devices/gpu/restart.h"
#include "vmm/devices/gpu/scanout.h"
#include "vmm/devices/gpu/shown-texture.h"
#include "vmm/devices/gpu/texture.h"

enum {
    COMMANDS_PER_ROUND = 256, /* then the other queue and the display get their turn */
    FIRST_WIDTH = 1280,       /* of a display that was never plugged in */
    FIRST_HEIGHT = 800,
    RESTORE_DELAY_MS =
        20, /* the machine has 1 s for all that it says before, and waits meanwhile */
};

/* At most `left` requests; how many of them are left. 0 also when the queue stops (on-screen.h). */
static unsigned int
run_requests(struct gpu *gpu, unsigned int index, struct queue *queue, unsigned int left)
{
    struct chain *chain;

    for (; left > 0 && queue_pop(queue, &chain) > 0; left--) {
        if (index == GPU_QUEUE_CONTROL && on_screen_stops(gpu, chain)) {
            queue_unpop(queue, chain);
            return 0;
        }
        commands_run(gpu, index, queue, chain);
    }
    return left;
}

static void
gpu_kicked(void *device, unsigned int index)
{
    struct gpu *gpu = device;
    struct queue *queue = backend_queue(gpu->backend, index);
    unsigned int left = COMMANDS_PER_ROUND;

    if (!queue) {
        return;
    }
    alarm_set(&gpu->alarm);
    if (gpu->restore_due) {
        loop_timer_set(gpu->restore_timer, RESTORE_DELAY_MS, 0);
        return;
    }
    if (index == GPU_QUEUE_CONTROL) {
        gpu->counters.queue_peak = MAX_OF(gpu->counters.queue_peak, queue_depth(queue));
    }
    do {
        left = run_requests(gpu, index, queue, left);
    } while (left > 0 && queue_enable_kicks(queue, true));
    if (left == 0 && !(index == GPU_QUEUE_CONTROL && gpu->stop.on)) {
        backend_serve_again(gpu->backend, index);
    }
    backend_notify(gpu->backend, index);
}

static void
gpu_config_read(void *device, uint32_t offset, void *data, uint32_t size)
{
    struct gpu *gpu = device;
    const struct virtio_gpu_config config = {.events_read = htole32(gpu->events_read),
                                             .num_scanouts = htole32(gpu->n_scanouts),
                                             .num_capsets = htole32(gpu_capsets(gpu))};

    memcpy(data, (const uint8_t *)&config + offset, size);
}

static void
gpu_config_write(void *device, uint32_t offset, const void *data, uint32_t size)
{
    struct gpu *gpu = device;
    struct virtio_gpu_config config = {0};

    memcpy((uint8_t *)&config + offset, data, size);
    gpu->events_read &= ~le32toh(config.events_clear);
    journal_set_events(gpu->journal, gpu->events_read);
}

static void
gpu_free_resources(struct gpu *gpu)
{
    for (unsigned int i = 0; i < RESOURCE_BUCKETS; i++) {
        list_for_each_safe(pos, &gpu->resources.buckets[i]) {
            struct resource *resource = list_container(pos, struct resource, link);
            scanout_forget_resource(gpu, resource);
            context_forget_resource(&gpu->contexts, resource);
            resource_destroy(&gpu->resources, resource);
        }
    }
}

static void
gpu_free_contexts(struct gpu *gpu)
{
    list_for_each_safe(pos, &gpu->contexts.contexts) {
        context_destroy(gpu, list_container(pos, struct context, link));
    }
}

/* The journal says what the guest had; or it was reset, and has nothing. */
static void
gpu_take_over(struct gpu *gpu)
{
    gpu->restore_due = false;
    display_link_take_over(gpu->link);
}

static void
gpu_restore(void *data, uint32_t events)
{
    struct gpu *gpu = data;

    (void)events;
    if (!gpu->restore_due) {
        return;
    }
    journal_restore(gpu);
    gpu_take_over(gpu);
    if (gpu->events_read != 0) {
        backend_config_changed(gpu->backend);
    }
    for (unsigned int i = 0; i < GPU_QUEUES; i++) {
        gpu_kicked(gpu, i);
    }
}

static void
gpu_log_counters(const struct gpu *gpu)
{
    log_debug("gpu: %" PRIu64 " commands, %" PRIu64 " failed, %" PRIu64 " flushes, %" PRIu64
              " pixels flushed, %" PRIu64 " damaged, %" PRIu64 " bytes copied, %" PRIu64
              " messages to the display, %" PRIu64 " waits for a screen, %" PRIu64 " ms",
              gpu->counters.commands, gpu->counters.failed, gpu->counters.flushes,
              gpu->counters.flushed_pixels, gpu->counters.damaged_pixels,
              gpu->counters.copied_bytes, display_link_messages(gpu->link), gpu->stop.count,
              gpu->stop.took_ns / 1000000);
}

static void
gpu_reset(void *device)
{
    struct gpu *gpu = device;

    gpu_log_counters(gpu);
    if (gpu->record) {
        record_reset(gpu->record);
    }
    scanout_reset(gpu);
    cursor_reset(gpu);
    gpu_free_contexts(gpu);
    gpu_free_resources(gpu);
    for (unsigned int i = 0; i < gpu->n_renderers; i++) {
        if (gpu->renderers[i]->ops->reset) {
            gpu->renderers[i]->ops->reset(gpu->renderers[i]);
        }
    }
    gpu->counters.blobs_mapped = 0; /* the machine has emptied its window */
    gpu->frames.last_us = 0;
    journal_clear(gpu->journal);
    if (gpu->restore_due) {
        gpu_take_over(gpu);
    }
    gpu->events_read = 0;
    gpu->features = 0;
}

static void
gpu_queue_stopped(void *device, unsigned int index)
{
    if (index == GPU_QUEUE_CONTROL) {
        on_screen_queue_stopped(device);
        fences_flush(device);
    }
}

static void
gpu_features_set(void *device, uint64_t features)
{
    struct gpu *gpu = device;

    gpu->features = features;
}

static void
gpu_memory_changed(void *device)
{
    texture_memory_changed(device);
}

static const struct backend_ops gpu_backend_ops = {
    .features = UINT64_C(1) << VIRTIO_GPU_F_EDID | UINT64_C(1) << VIRTIO_GPU_F_RESOURCE_BLOB |
                UINT64_C(1) << VIRTIO_GPU_F_RESOURCE_UUID,
    .n_queues = GPU_QUEUES,
    .tracks_inflight = true,
    .kicked = gpu_kicked,
    .config_read = gpu_config_read,
    .config_size = sizeof(struct virtio_gpu_config),
    .config_write = gpu_config_write,
    .queue_stopped = gpu_queue_stopped,
    .features_set = gpu_features_set,
    .memory_changed = gpu_memory_changed,
    .reset = gpu_reset,
};

/* The window kept still for a moment: tell the guest. */
static void
gpu_mode_settled(void *data, uint32_t events)
{
    struct gpu *gpu = data;

    gpu->mode_due = false;
    for (uint32_t i = 0; i < gpu->n_scanouts; i++) {
        if (gpu->scanouts[i].enabled) {
            log_debug("gpu: display %u is %u x %u now", i, gpu->scanouts[i].width,
                      gpu->scanouts[i].height);
        }
    }
    gpu->events_read |= VIRTIO_GPU_EVENT_DISPLAY;
    backend_config_changed(gpu->backend);
}

void
gpu_tell_display(struct gpu *gpu, uint32_t index)
{
    const struct scanout *scanout = &gpu->scanouts[index];
    const struct gpu_mode display = {.scanout = index,
                                     .enabled = scanout->enabled,
                                     .width = scanout->width,
                                     .height = scanout->height,
                                     .width_mm = scanout->width_mm,
                                     .height_mm = scanout->height_mm};

    display_link_set_display(gpu->link, &display);
}

static bool
gpu_has_mode(const struct scanout *scanout, const struct gpu_mode *mode)
{
    if (!mode->enabled || !scanout->enabled) {
        return !mode->enabled == !scanout->enabled;
    }
    return scanout->width == mode->width && scanout->height == mode->height &&
           scanout->width_mm == mode->width_mm && scanout->height_mm == mode->height_mm;
}

static void
gpu_plug_wanted(void *data, const struct gpu_mode *mode)
{
    struct gpu *gpu = data;
    struct scanout *scanout = &gpu->scanouts[mode->scanout];
    const bool same = gpu_has_mode(scanout, mode);

    alarm_set(&gpu->alarm);
    scanout->enabled = mode->enabled;
    if (scanout->enabled) { /* else the guest may still ask for its EDID: leave a valid mode */
        scanout->width = mode->width;
        scanout->height = mode->height;
        scanout->width_mm = mode->width_mm;
        scanout->height_mm = mode->height_mm;
    }
    gpu_tell_display(gpu, mode->scanout);
    if (!gpu->restore_due) {
        journal_set_scanout(gpu, mode->scanout);
        journal_set_events(gpu->journal, gpu->events_read | (same ? 0 : VIRTIO_GPU_EVENT_DISPLAY));
    }
    if (!same && !gpu->mode_due) {
        gpu->mode_due = true;
        loop_timer_set(gpu->mode_timer, GPU_MODE_DELAY_MS, 0);
    }
}

static void
gpu_mode_wanted(void *data, const struct gpu_mode *mode)
{
    struct gpu *gpu = data;

    /* A window may speak after its display was taken away, and says the same often. */
    if (gpu->scanouts[mode->scanout].enabled &&
        !gpu_has_mode(&gpu->scanouts[mode->scanout], mode)) {
        gpu_plug_wanted(data, mode);
    }
}

static void
gpu_flips_wanted(void *data, uint32_t index, bool wanted)
{
    scanout_set_flips(data, index, wanted);
}

static void
gpu_buffer_shown(void *data, uint32_t index, uint32_t buffer)
{
    scanout_shown(data, index, buffer);
}

static void
gpu_textures_wanted(void *data, uint32_t index, bool wanted)
{
    scanout_set_textures(data, index, wanted);
}

static void
gpu_pixels_wanted(void *data, uint32_t index)
{
    struct gpu *gpu = data;

    alarm_set(&gpu->alarm);
    shown_texture_tell_pixels(data, index);
}

static const struct display_link_ops gpu_link_ops = {.mode = gpu_mode_wanted,
                                                     .plug = gpu_plug_wanted,
                                                     .flips = gpu_flips_wanted,
                                                     .shown = gpu_buffer_shown,
                                                     .textures = gpu_textures_wanted,
                                                     .pixels = gpu_pixels_wanted,
                                                     .statistics = gpu_tell_statistics,
                                                     .restart = gpu_restart};
_Static_assert((int)GPU_CONTEXT_NAME_SIZE == (int)RENDERER_NAME_SIZE, "copied as it is");

static bool
setup_fits(const struct gpu_setup *setup)
{
    if (setup->n_scanouts == 0 || setup->n_scanouts > GPU_SCANOUTS_MAX) {
        return false;
    }
    for (uint32_t i = 0; i < setup->n_scanouts; i++) {
        const struct gpu_screen *screen = &setup->screen[i];
        if (screen->width > GPU_EDGE_MAX || screen->height > GPU_EDGE_MAX ||
            (screen->width == 0) != (screen->height == 0)) {
            return false;
        }
    }
    return true;
}

static void
gpu_plug_first(struct gpu *gpu, const struct gpu_setup *setup)
{
    for (uint32_t i = 0; i < gpu->n_scanouts; i++) {
        const struct gpu_screen *screen = &setup->screen[i];
        gpu->scanouts[i] =
            (struct scanout){.enabled = screen->width > 0,
                             .width = screen->width ? screen->width : FIRST_WIDTH,
                             .height = screen->height ? screen->height : FIRST_HEIGHT,
                             .width_mm = screen->width_mm,
                             .height_mm = screen->height_mm,
                             .shadow = {.fd = -1}};
        gpu_tell_display(gpu, i);
    }
}

static void
gpu_offer_3d(struct gpu *gpu)
{
    gpu->backend_ops.features |=
        UINT64_C(1) << VIRTIO_GPU_F_VIRGL | UINT64_C(1) << VIRTIO_GPU_F_CONTEXT_INIT;
}

/* Version 4 of RFC 9562. */
static bool
gpu_choose_uuids(struct gpu *gpu)
{
    const ssize_t size = sizeof(gpu->uuid_base);

    if (getrandom(gpu->uuid_base, sizeof(gpu->uuid_base), 0) != size) {
        return false;
    }
    gpu->uuid_base[6] = (uint8_t)((gpu->uuid_base[6] & 0x0f) | 0x40);
    gpu->uuid_base[8] = (uint8_t)((gpu->uuid_base[8] & 0x3f) | 0x80);
    return true;
}

struct gpu *
gpu_create(struct loop *loop, const struct gpu_setup *setup)
{
    cleanup(gpu_destroyp) struct gpu *gpu = NULL;

    if (!setup_fits(setup)) {
        errno = EINVAL;
        return NULL;
    }
    gpu = xalloc(sizeof(*gpu));
    gpu->loop = loop;
    gpu->display_fd = setup->display_fd;
    gpu->n_scanouts = setup->n_scanouts;
    gpu->record_fd = setup->record_fd;
    gpu->udmabuf_fd = setup->udmabuf_fd;
    gpu->alarm.fd = setup->alarm_fd;
    gpu->fault = (struct fault){.at = setup->fault, .every = MAX_OF(setup->fault_every, 1U)};
    resource_table_init(&gpu->resources, setup->memory_limit);
    context_table_init(&gpu->contexts, setup->vulkan_contexts);
    fences_init(&gpu->fences);
    for (uint32_t i = 0; i < GPU_SCANOUTS_MAX; i++) {
        gpu->scanouts[i].shadow.fd = -1;
    }
    int r = fd_set_nonblocking(setup->display_fd);
    if (r < 0) {
        errno = -r;
        return NULL;
    }
    gpu->link = display_link_create(loop, setup->display_fd, gpu->n_scanouts, &gpu_link_ops, gpu);
    gpu_plug_first(gpu, setup);
    gpu->mode_timer = loop_add_timer(loop, gpu_mode_settled, gpu);
    gpu->restore_timer = loop_add_timer(loop, gpu_restore, gpu);
    gpu->journal = setup->journal_fd > 0
                       ? journal_open(setup->journal_fd, setup->takes_over, setup->suspects)
                       : NULL;
    gpu->restore_due = gpu->journal && setup->takes_over;
    if (gpu->journal) {
        close(setup->journal_fd); /* it is mapped */
    }
    gpu->fences.timer = loop_add_timer(loop, fences_end_delay, gpu);
    gpu->stop.timer = loop_add_timer(loop, on_screen_end_stop, gpu);
    gpu->record = setup->record_fd >= 0 ? record_create(setup) : NULL;
    gpu->backend_ops = gpu_backend_ops;
    if (setup->lost_3d) {
        gpu_offer_3d(gpu);
    }
    gpu->backend = backend_create(loop, setup->device.vhost_fd, &gpu->backend_ops, gpu);
    if (!gpu_choose_uuids(gpu) || !gpu->mode_timer || !gpu->restore_timer || !gpu->fences.timer ||
        !gpu->stop.timer || !gpu->backend || (setup->journal_fd > 0 && !gpu->journal) ||
        (setup->record_fd >= 0 && !gpu->record)) {
        return NULL;
    }
    return take_pointer(gpu);
}

void
gpu_destroy(struct gpu *gpu)
{
    if (!gpu) {
        return;
    }
    if (gpu->backend) {
        gpu_log_counters(gpu);
    }
    scanout_reset(gpu);
    gpu_free_contexts(gpu);
    gpu_free_resources(gpu);
    if (gpu->backend) {
        fences_flush(gpu);
    }
    backend_destroy(gpu->backend);
    for (unsigned int i = 0; i < gpu->n_renderers; i++) {
        gpu->renderers[i]->ops->destroy(gpu->renderers[i]);
    }
    free(gpu->commands);
    loop_remove(gpu->mode_timer);
    loop_remove(gpu->restore_timer);
    journal_close(gpu->journal);
    loop_remove(gpu->fences.timer);
    loop_remove(gpu->stop.timer);
    record_destroy(gpu->record);
    fd_closep(&gpu->record_fd);
    fd_closep(&gpu->udmabuf_fd);
    if (gpu->alarm.fd > 0) {
        close(gpu->alarm.fd);
    }
    display_link_destroy(gpu->link);
    fd_closep(&gpu->display_fd);
    free(gpu);
}

void
gpu_add_renderer(struct gpu *gpu, struct renderer *renderer)
{
    assert(gpu->n_renderers < RENDERERS_MAX && renderer->ops->capset &&
           renderer->ops->fill_capset && renderer->ops->create_context &&
           renderer->ops->destroy_context && renderer->ops->submit && renderer->ops->destroy);
    gpu->renderers[gpu->n_renderers++] = renderer;
    gpu_offer_3d(gpu);
    if (renderer->ops->export_blob) {
        gpu->backend_ops.shmem_size = BLOB_WINDOW_SIZE;
        gpu->backend_ops.shmem_id = VIRTIO_GPU_SHM_ID_HOST_VISIBLE;
    }
}
