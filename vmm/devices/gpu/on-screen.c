/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/devices/gpu/on-screen.h"

#include <linux/virtio_gpu.h>

#include "vmm/devices/gpu/gpu.h"

/* Its buffers that were shown before may be read still. */
static bool
is_waited_for(const struct scanout *scanout)
{
    return scanout->flips && scanout->textures && !scanout->on_screen.silent &&
           scanout->on_screen.n > 1;
}

static void
take_out(struct on_screen *on_screen, unsigned int at)
{
    on_screen->n--;
    for (; at < on_screen->n; at++) {
        on_screen->texture[at] = on_screen->texture[at + 1];
    }
}

static void
keep_last(struct on_screen *on_screen)
{
    while (on_screen->n > 1) {
        take_out(on_screen, 0);
    }
    on_screen->seen = false;
}

void
on_screen_flip(struct gpu *gpu, uint32_t index, struct resource *resource)
{
    struct on_screen *on_screen = &gpu->scanouts[index].on_screen;
    const uint32_t buffer = display_link_buffer_id(resource->buffer);

    if (on_screen->n > 0 && on_screen->texture[on_screen->n - 1].resource == resource) {
        on_screen->texture[on_screen->n - 1].buffer = buffer;
        return;
    }
    if (on_screen->silent) {
        on_screen->n = 0; /* what it shows when it speaks again is taken for this one */
    } else if (on_screen->n == GPU_ON_SCREEN_MAX) {
        take_out(on_screen, 1); /* the first one is, most likely */
    }
    on_screen->texture[on_screen->n].resource = resource;
    on_screen->texture[on_screen->n++].buffer = buffer;
    on_screen->flip_before = on_screen->last_flip;
    on_screen->last_flip = ++gpu->flips;
}

void
on_screen_end(struct gpu *gpu, uint32_t index)
{
    gpu->scanouts[index].on_screen = (struct on_screen){.n = 0};
    on_screen_go_on(gpu);
}

void
on_screen_begin(struct gpu *gpu, uint32_t index)
{
    keep_last(&gpu->scanouts[index].on_screen);
    gpu->scanouts[index].on_screen.silent = false;
    on_screen_go_on(gpu);
}

void
on_screen_shown(struct gpu *gpu, uint32_t index, uint32_t buffer)
{
    struct on_screen *on_screen = &gpu->scanouts[index].on_screen;
    unsigned int at = on_screen->seen ? 1 : 0; /* each is told once, in the order of the flips */

    while (at < on_screen->n && on_screen->texture[at].buffer != buffer) {
        at++;
    }
    if (at >= on_screen->n) {
        return;
    }
    for (; at > 0; at--) {
        take_out(on_screen, 0);
    }
    on_screen->seen = true;
    on_screen->silent = false;
    on_screen_go_on(gpu);
}

static void
forget(struct on_screen *on_screen, const struct resource *resource)
{
    for (unsigned int at = on_screen->n; at > 0; at--) {
        if (on_screen->texture[at - 1].resource == resource) {
            on_screen->seen = on_screen->seen && at > 1;
            take_out(on_screen, at - 1);
        }
    }
}

void
on_screen_forget(struct gpu *gpu, const struct resource *resource)
{
    for (uint32_t i = 0; i < gpu->n_scanouts; i++) {
        forget(&gpu->scanouts[i].on_screen, resource);
    }
    on_screen_go_on(gpu);
}

/* The guest shows it now, somewhere. */
static bool
is_shown(const struct gpu *gpu, const struct resource *resource)
{
    for (uint32_t i = 0; i < gpu->n_scanouts; i++) {
        if (gpu->scanouts[i].shown_texture == resource) {
            return true;
        }
    }
    return false;
}

static bool
is_left_on(const struct gpu *gpu, const struct scanout *scanout, const struct resource *resource)
{
    const struct on_screen *on_screen = &scanout->on_screen;

    for (unsigned int at = 0; is_waited_for(scanout) && at + 1 < on_screen->n; at++) {
        if (on_screen->texture[at].resource == resource) {
            return !is_shown(gpu, resource);
        }
    }
    return false;
}

/*
 * A context that draws for several scanouts in turns: it is another one's turn, whose last picture is on the
 * screen. Else each would wait for the others' screens.
 */
static bool
is_others_turn(const struct gpu *gpu, const struct context *context, const struct scanout *scanout)
{
    for (uint32_t i = 0; i < gpu->n_scanouts; i++) {
        const struct scanout *other = &gpu->scanouts[i];

        if (other != scanout && other->shown_texture && !is_waited_for(other) &&
            other->on_screen.last_flip > scanout->on_screen.flip_before &&
            context_has(context, other->shown_texture)) {
            return true;
        }
    }
    return false;
}

/* What is left on the scanout's screen can be drawn into by the context: by any it was attached to. */
static bool
reaches(const struct gpu *gpu, const struct context *context, const struct scanout *scanout)
{
    const struct on_screen *on_screen = &scanout->on_screen;

    for (unsigned int at = 0; is_waited_for(scanout) && at + 1 < on_screen->n; at++) {
        const struct resource *resource = on_screen->texture[at].resource;

        if (!is_shown(gpu, resource) && context_has(context, resource)) {
            return !is_others_turn(gpu, context, scanout);
        }
    }
    return false;
}

static bool
submit_waits(const struct gpu *gpu, const struct virtio_gpu_cmd_submit *request)
{
    const struct context *context = context_find(&gpu->contexts, le32toh(request->hdr.ctx_id));

    for (uint32_t i = 0; context && request->size != 0 && i < gpu->n_scanouts; i++) {
        if (reaches(gpu, context, &gpu->scanouts[i])) {
            return true;
        }
    }
    return false;
}

static bool
transfer_waits(const struct gpu *gpu, uint32_t id)
{
    const struct resource *resource = resource_find(&gpu->resources, id);

    for (uint32_t i = 0; resource && i < gpu->n_scanouts; i++) {
        if (is_left_on(gpu, &gpu->scanouts[i], resource)) {
            return true;
        }
    }
    return false;
}

static bool
is_any_waited_for(const struct gpu *gpu)
{
    for (uint32_t i = 0; i < gpu->n_scanouts; i++) {
        if (is_waited_for(&gpu->scanouts[i])) {
            return true;
        }
    }
    return false;
}

static bool
waits(const struct gpu *gpu, const struct chain *chain)
{
    struct chain peek = *chain; /* with positions of its own */
    union {
        struct virtio_gpu_ctrl_hdr header;
        struct virtio_gpu_cmd_submit submit;
        struct virtio_gpu_transfer_to_host_2d transfer;
        struct virtio_gpu_transfer_host_3d transfer_3d;
    } request = {.header.type = 0};

    if (chain->again || !is_any_waited_for(gpu)) {
        return false;
    }
    /* Zeros where it is shorter: no resource's number. */
    (void)chain_read(&peek, &request, sizeof(request));
    switch (le32toh(request.header.type)) {
    case VIRTIO_GPU_CMD_SUBMIT_3D:
        return submit_waits(gpu, &request.submit);
    case VIRTIO_GPU_CMD_TRANSFER_TO_HOST_3D:
        return transfer_waits(gpu, le32toh(request.transfer_3d.resource_id));
    case VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D:
        return transfer_waits(gpu, le32toh(request.transfer.resource_id));
    default:
        return false;
    }
}

static void
end_stop(struct stop *stop)
{
    if (stop->on) {
        stop->on = false;
        stop->took_ns += gpu_now_ns() - stop->since_ns;
        loop_timer_set(stop->timer, 0, 0);
    }
}

bool
on_screen_stops(struct gpu *gpu, const struct chain *chain)
{
    struct stop *stop = &gpu->stop;

    if (!waits(gpu, chain)) {
        end_stop(stop);
        return false;
    }
    if (!stop->on) {
        stop->on = true;
        stop->since_ns = gpu_now_ns();
        stop->count++;
        loop_timer_set(stop->timer, ON_SCREEN_LIMIT_MS, 0);
    }
    return true;
}

void
on_screen_go_on(struct gpu *gpu)
{
    if (gpu->stop.on) {
        backend_serve_again(gpu->backend, GPU_QUEUE_CONTROL);
    }
}

void
on_screen_queue_stopped(struct gpu *gpu)
{
    end_stop(&gpu->stop);
}

void
on_screen_end_stop(void *data, uint32_t events)
{
    struct gpu *gpu = data;

    (void)events;
    for (uint32_t i = 0; i < gpu->n_scanouts; i++) {
        struct on_screen *on_screen = &gpu->scanouts[i].on_screen;

        if (is_waited_for(&gpu->scanouts[i])) {
            keep_last(on_screen);
            on_screen->silent = true;
        }
    }
    on_screen_go_on(gpu);
}
