/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/devices/gpu/restart.h"

#include <errno.h>

#include "vmm/devices/gpu/gpu.h"
#include "vmm/devices/gpu/on-screen.h"
#include "vmm/devices/gpu/scanout.h"
#include "vmm/devices/gpu/texture.h"

static uint32_t
lose_contexts(struct gpu *gpu, const struct renderer *renderer)
{
    uint32_t n = 0;

    list_for_each_safe(pos, &gpu->contexts.contexts) {
        struct context *context = list_container(pos, struct context, link);

        if (context->renderer == renderer) {
            context_destroy(gpu, context);
            n++;
        }
    }
    return n;
}

/* True when it was that renderer's and the guest must make it again. */
static bool
lose_resource(struct gpu *gpu, struct resource *resource, const struct renderer *renderer)
{
    if (resource->renderer != renderer) {
        return false;
    }
    if (resource->kind == RESOURCE_2D) {
        scanout_fetch_all(gpu, resource);
    } else if (resource->kind != RESOURCE_BLOB) {
        scanout_keep_picture(gpu, resource);
        context_forget_resource(&gpu->contexts, resource);
    }
    resource_leave_renderer(&gpu->resources, resource);
    return resource_is_lost(resource);
}

static uint32_t
lose_resources(struct gpu *gpu, const struct renderer *renderer)
{
    uint32_t n = 0;

    for (unsigned int i = 0; i < RESOURCE_BUCKETS; i++) {
        list_for_each(pos, &gpu->resources.buckets[i]) {
            n += lose_resource(gpu, list_container(pos, struct resource, link), renderer);
        }
    }
    return n;
}

void
gpu_restart(void *data, struct gpu_restarted *restarted)
{
    struct gpu *gpu = data;

    restarted->error = -EOPNOTSUPP;
    alarm_set(&gpu->alarm);
    for (unsigned int i = 0; i < gpu->n_renderers; i++) {
        struct renderer *renderer = gpu->renderers[i];

        if (!renderer->ops->restart) {
            continue;
        }
        restarted->contexts += lose_contexts(gpu, renderer);
        restarted->resources += lose_resources(gpu, renderer);
        fences_flush_renderer(gpu, renderer); /* nothing touches the guest's pages now */
        restarted->error = renderer->ops->restart(renderer);
        if (restarted->error < 0) {
            break;
        }
    }
    on_screen_go_on(gpu);
    if (restarted->error == 0) {
        log_warning(
            "The 3D renderer began anew: %u contexts and %u resources of the guest are lost",
            restarted->contexts, restarted->resources);
    } else if (restarted->error != -EOPNOTSUPP) {
        log_warning("The 3D renderer began anew and does not draw");
    }
}
