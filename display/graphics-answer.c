/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "display/graphics-answer.h"

#include <linux/virtio_gpu.h>

#include "display/objects.h"
#include "vmm/protocol/gpu.h"

/* virtio-gpu's requests as its specification calls them. */
static const char *
command_name(guint type)
{
    static const char *const names_2d[] = {"GET_DISPLAY_INFO",
                                           "RESOURCE_CREATE_2D",
                                           "RESOURCE_UNREF",
                                           "SET_SCANOUT",
                                           "RESOURCE_FLUSH",
                                           "TRANSFER_TO_HOST_2D",
                                           "RESOURCE_ATTACH_BACKING",
                                           "RESOURCE_DETACH_BACKING",
                                           "GET_CAPSET_INFO",
                                           "GET_CAPSET",
                                           "GET_EDID",
                                           "RESOURCE_ASSIGN_UUID",
                                           "RESOURCE_CREATE_BLOB",
                                           "SET_SCANOUT_BLOB"};
    static const char *const names_3d[] = {
        "CTX_CREATE",         "CTX_DESTROY",         "CTX_ATTACH_RESOURCE",   "CTX_DETACH_RESOURCE",
        "RESOURCE_CREATE_3D", "TRANSFER_TO_HOST_3D", "TRANSFER_FROM_HOST_3D", "SUBMIT_3D",
        "RESOURCE_MAP_BLOB",  "RESOURCE_UNMAP_BLOB"};
    static const char *const names_cursor[] = {"UPDATE_CURSOR", "MOVE_CURSOR"};
    static const struct {
        guint first;
        guint n;
        const char *const *names;
    } families[] = {
        {VIRTIO_GPU_CMD_GET_DISPLAY_INFO, G_N_ELEMENTS(names_2d), names_2d},
        {VIRTIO_GPU_CMD_CTX_CREATE, G_N_ELEMENTS(names_3d), names_3d},
        {VIRTIO_GPU_CMD_UPDATE_CURSOR, G_N_ELEMENTS(names_cursor), names_cursor},
    };

    for (guint i = 0; i < G_N_ELEMENTS(families); i++) {
        if (type - families[i].first < families[i].n) {
            return families[i].names[type - families[i].first];
        }
    }
    return "";
}

static void
add_commands(GVariantBuilder *counters, const struct gpu_statistics *statistics)
{
    GVariantBuilder rows;

    g_variant_builder_init(&rows, G_VARIANT_TYPE("a(ustttt)"));
    for (guint i = 0; i < statistics->n_commands; i++) {
        const struct gpu_command_statistics *c = &statistics->command[i];

        g_variant_builder_add(&rows, "(ustttt)", c->type, command_name(c->type), c->count,
                              c->failed, c->total_ns, c->longest_ns);
    }
    g_variant_builder_add(counters, "{sv}", "CommandTypes", g_variant_builder_end(&rows));
}

static void
add_resources(GVariantBuilder *counters, const struct gpu_statistics *statistics)
{
    static const char *const kinds[GPU_RESOURCE_KINDS] = {
        [GPU_RESOURCE_2D] = "2d",
        [GPU_RESOURCE_GUEST_BLOB] = "guest-blob",
        [GPU_RESOURCE_TEXTURE] = "texture",
        [GPU_RESOURCE_HOST_BLOB] = "host-blob",
    };
    const struct gpu_resource_statistics *others = &statistics->other_resources;
    GVariantBuilder rows;

    g_variant_builder_init(&rows, G_VARIANT_TYPE("a(usuuuuttt)"));
    for (guint i = 0; i < statistics->n_largest; i++) {
        const struct gpu_resource_statistics *r = &statistics->largest[i];
        const char *kind = r->kind < GPU_RESOURCE_KINDS ? kinds[r->kind] : "";

        g_variant_builder_add(&rows, "(usuuuuttt)", r->id, kind, r->width, r->height, r->format,
                              r->texture_format, r->memory, r->transfers, r->flushes);
    }
    g_variant_builder_add(counters, "{sv}", "LargestResources", g_variant_builder_end(&rows));
    g_variant_builder_add(counters, "{sv}", "OtherResources",
                          g_variant_new("(uttt)", statistics->n_other_resources, others->memory,
                                        others->transfers, others->flushes));
}

static void
add_timelines(GVariantBuilder *counters, const struct gpu_statistics *statistics)
{
    GVariantBuilder rows;

    g_variant_builder_init(&rows, G_VARIANT_TYPE("a(suutttt)"));
    for (guint i = 0; i < statistics->n_timelines; i++) {
        const struct gpu_timeline_statistics *t = &statistics->timeline[i];
        const char *kind = t->others ? "others" : t->on_ring ? "ring" : "global";

        g_variant_builder_add(&rows, "(suutttt)", kind, t->context, t->ring, t->created,
                              t->completed, t->total_ns, t->longest_ns);
    }
    g_variant_builder_add(counters, "{sv}", "FenceTimelines", g_variant_builder_end(&rows));
}

static GVariant *
contexts_of(const struct gpu_statistics *statistics)
{
    GVariantBuilder contexts;

    g_variant_builder_init(&contexts, G_VARIANT_TYPE("a(uustttttt)"));
    for (guint i = 0; i < statistics->n_contexts; i++) {
        const struct gpu_context_statistics *c = &statistics->context[i];

        g_variant_builder_add(&contexts, "(uustttttt)", c->id, c->capset, c->name, c->resources,
                              c->memory, c->submits, c->command_bytes, c->fences, c->failed);
    }
    return g_variant_builder_end(&contexts);
}

static void
answer_graphics(const struct gpu_statistics *statistics, gpointer user_data)
{
    GDBusMethodInvocation *invocation = user_data;
    GVariantBuilder counters;

    if (!statistics) {
        g_dbus_method_invocation_return_dbus_error(invocation, VM_ERROR_BUSY,
                                                   "There is no graphics card that answers.");
        return;
    }
    const struct {
        const char *name;
        guint64 value;
    } named[] = {
        {"Commands", statistics->commands},
        {"FailedCommands", statistics->failed},
        {"Flushes", statistics->flushes},
        {"FlushedPixels", statistics->flushed_pixels},
        {"DamagedPixels", statistics->damaged_pixels},
        {"CopiedBytes", statistics->copied_bytes},
        {"Submits", statistics->submits},
        {"CommandBytes", statistics->command_bytes},
        {"Fences", statistics->fences},
        {"WaitingFences", statistics->fences_waiting},
        {"ScreenWaits", statistics->screen_waits},
        {"ScreenWaitTime", statistics->screen_wait_ns},
        {"Contexts", statistics->n_contexts},
        {"Resources", statistics->n_resources},
        {"Memory", statistics->memory},
        {"MemoryLimit", statistics->memory_limit},
        {"QueueSize", statistics->queue_size},
        {"QueuePeak", statistics->queue_peak},
        {"MappedBlobs", statistics->blobs_mapped},
        {"MappedBlobsLimit", statistics->blobs_limit},
    };
    g_variant_builder_init(&counters, G_VARIANT_TYPE_VARDICT);
    for (guint i = 0; i < G_N_ELEMENTS(named); i++) {
        g_variant_builder_add(&counters, "{sv}", named[i].name,
                              g_variant_new_uint64(named[i].value));
    }
    g_variant_builder_add(&counters, "{sv}", "Capsets",
                          g_variant_new_fixed_array(G_VARIANT_TYPE_UINT32, statistics->capset,
                                                    statistics->n_capsets, sizeof(guint32)));
    g_variant_builder_add(&counters, "{sv}", "FrameTimes",
                          g_variant_new_fixed_array(G_VARIANT_TYPE_UINT32, statistics->frame_us,
                                                    statistics->n_frames, sizeof(guint32)));
    add_commands(&counters, statistics);
    add_resources(&counters, statistics);
    add_timelines(&counters, statistics);
    g_dbus_method_invocation_return_value(
        invocation, g_variant_new("(a{sv}@a(uustttttt))", &counters, contexts_of(statistics)));
}

void
vm_graphics_answer(VmGpuLink *gpu, GDBusMethodInvocation *invocation)
{
    vm_gpu_link_ask_statistics(gpu, answer_graphics, invocation);
}
