/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Requests about capsets, contexts, and what is drawn in them (virtio 1.2 section 5.7.6.10). */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/base/memory.h"
#include "vmm/devices/gpu/blob.h"
#include "vmm/devices/gpu/command.h"
#include "vmm/devices/gpu/context.h"
#include "vmm/devices/gpu/journal.h"
#include "vmm/devices/gpu/texture.h"

enum {
    SUBMIT_MAX = 4 << 20, /* bytes of one command stream; Mesa sends at most 512 KiB */
};

/* The renderer of the capset at `index` of all, and its description; NULL at the end. */
static struct renderer *
capset_at(const struct gpu *gpu, uint32_t index, struct renderer_capset *ret_capset)
{
    unsigned int n = 0;

    for (unsigned int i = 0; i < gpu->n_renderers; n = 0, i++) {
        struct renderer *renderer = gpu->renderers[i];

        while (n <= index && renderer->ops->capset(renderer, n, ret_capset)) {
            n++;
        }
        if (n > index) {
            return renderer;
        }
        index -= n;
    }
    return NULL;
}

static struct renderer *
find_capset(const struct gpu *gpu, uint32_t id, struct renderer_capset *ret_capset)
{
    struct renderer *renderer = capset_at(gpu, 0, ret_capset);

    for (uint32_t i = 1; renderer && ret_capset->id != id; i++) {
        renderer = capset_at(gpu, i, ret_capset);
    }
    return renderer;
}

uint32_t
gpu_capset_id(const struct gpu *gpu, uint32_t index)
{
    struct renderer_capset capset;

    return capset_at(gpu, index, &capset) ? capset.id : 0;
}

uint32_t
gpu_capsets(const struct gpu *gpu)
{
    struct renderer_capset capset;
    uint32_t n = 0;

    while (capset_at(gpu, n, &capset)) {
        n++;
    }
    return n;
}

static int
run_get_capset_info(struct gpu *gpu, struct command *command)
{
    struct virtio_gpu_resp_capset_info *response = &command->response.capset_info;
    struct renderer_capset capset;

    if (!capset_at(gpu, le32toh(command->request.get_capset_info.capset_index), &capset)) {
        return -EINVAL;
    }
    response->capset_id = htole32(capset.id);
    response->capset_max_version = htole32(capset.version);
    response->capset_max_size = htole32(capset.size);
    command->response_type = VIRTIO_GPU_RESP_OK_CAPSET_INFO;
    command->response_size = sizeof(*response);
    return 0;
}

static int
run_get_capset(struct gpu *gpu, struct command *command)
{
    const struct virtio_gpu_get_capset *request = &command->request.get_capset;
    struct renderer_capset capset;
    struct renderer *renderer = find_capset(gpu, le32toh(request->capset_id), &capset);

    if (!renderer || le32toh(request->capset_version) > capset.version ||
        capset.size > sizeof(command->response.capset.data)) {
        return -EINVAL;
    }
    capset.version = le32toh(request->capset_version);
    renderer->ops->fill_capset(renderer, &capset, command->response.capset.data);
    command->response_type = VIRTIO_GPU_RESP_OK_CAPSET;
    command->response_size = sizeof(command->response.capset.header) + capset.size;
    return 0;
}

/* Guests without CONTEXT_INIT have virgl contexts: the newest that there is. */
static uint32_t
default_capset(const struct gpu *gpu)
{
    struct renderer_capset capset;

    return find_capset(gpu, VIRTIO_GPU_CAPSET_VIRGL2, &capset) ? VIRTIO_GPU_CAPSET_VIRGL2
                                                               : VIRTIO_GPU_CAPSET_VIRGL;
}

static int
run_context_create(struct gpu *gpu, struct command *command)
{
    const struct virtio_gpu_ctx_create *request = &command->request.context_create;
    struct renderer_context context = {.id = le32toh(request->hdr.ctx_id)};
    struct renderer_capset capset;
    size_t size = MIN_OF((size_t)le32toh(request->nlen), sizeof(context.name) - 1);

    if (gpu->features & UINT64_C(1) << VIRTIO_GPU_F_CONTEXT_INIT) {
        context.capset = le32toh(request->context_init) & VIRTIO_GPU_CONTEXT_INIT_CAPSET_ID_MASK;
    }
    if (context.capset == 0) {
        context.capset = default_capset(gpu);
    }
    memcpy(context.name, request->debug_name, size);
    for (size_t i = 0; context.name[i]; i++) {
        if (context.name[i] < 0x20 || context.name[i] == 0x7f) {
            context.name[i] = '?';
        }
    }
    struct renderer *renderer = find_capset(gpu, context.capset, &capset);
    int r = renderer ? context_create(&gpu->contexts, renderer, &context) : -EINVAL;
    return r == -EEXIST ? -ESRCH : r;
}

static int
run_context_destroy(struct gpu *gpu, struct command *command)
{
    struct context *context = context_find(&gpu->contexts, le32toh(command->request.header.ctx_id));

    if (!context) {
        return -ESRCH;
    }
    fences_flush_context(gpu, context->info.id);
    context_destroy(gpu, context);
    return 0;
}

static int
run_context_attach(struct gpu *gpu, struct command *command)
{
    const struct virtio_gpu_ctx_resource *request = &command->request.context_resource;
    struct context *context = context_find(&gpu->contexts, le32toh(request->hdr.ctx_id));
    struct resource *resource = resource_find(&gpu->resources, le32toh(request->resource_id));

    if (!context) {
        return -ESRCH;
    }
    if (!resource) {
        return -ENOENT;
    }
    /* What one context may hold: a part, so that one program cannot starve the others. */
    return context_attach(context, resource, gpu->resources.limit / 4 * 3);
}

static int
run_context_detach(struct gpu *gpu, struct command *command)
{
    const struct virtio_gpu_ctx_resource *request = &command->request.context_resource;
    struct context *context = context_find(&gpu->contexts, le32toh(request->hdr.ctx_id));
    struct resource *resource = resource_find(&gpu->resources, le32toh(request->resource_id));

    if (!context) {
        return -ESRCH;
    }
    if (!resource) {
        return -ENOENT;
    }
    context_detach(context, resource);
    return 0;
}

static int
run_create_3d(struct gpu *gpu, struct command *command)
{
    const struct virtio_gpu_resource_create_3d *request = &command->request.create_3d;
    const struct renderer_texture texture = {.target = le32toh(request->target),
                                             .format = le32toh(request->format),
                                             .bind = le32toh(request->bind),
                                             .width = le32toh(request->width),
                                             .height = le32toh(request->height),
                                             .depth = le32toh(request->depth),
                                             .array_size = le32toh(request->array_size),
                                             .last_level = le32toh(request->last_level),
                                             .samples = le32toh(request->nr_samples),
                                             .flags = le32toh(request->flags)};

    const uint32_t id = le32toh(request->resource_id);
    int r = -EOPNOTSUPP;

    for (unsigned int i = 0; r == -EOPNOTSUPP && i < gpu->n_renderers; i++) {
        if (gpu->renderers[i]->ops->create_resource) {
            r = texture_create(gpu, gpu->renderers[i], id, &texture);
        }
    }
    if (r == 0) {
        journal_add(gpu->journal, resource_find(&gpu->resources, id));
    }
    return r;
}

/*
 * The renderer of the resource knows no contexts of the others', as which a guest's proxy asks: none
 * then. 1, 0 when there is nothing to do, or -errno.
 */
static int
transfer_context(const struct gpu *gpu, const struct resource *resource,
                 struct renderer_transfer *transfer)
{
    const struct context *context =
        transfer->context == 0 ? NULL : context_find(&gpu->contexts, transfer->context);

    if (transfer->context == 0 || (context && context->renderer == resource->renderer)) {
        return 1;
    }
    transfer->context = 0;
    /* A 2D resource's pixels are in the guest's pages. */
    return !context ? -ESRCH : resource->kind != RESOURCE_2D || transfer->to_host;
}

static int
run_transfer_3d(struct gpu *gpu, struct command *command)
{
    const struct virtio_gpu_transfer_host_3d *request = &command->request.transfer_3d;
    struct resource *resource = resource_find(&gpu->resources, le32toh(request->resource_id));
    const struct virtio_gpu_box *box = &request->box;
    struct renderer_transfer transfer = {.to_host = le32toh(request->hdr.type) ==
                                                    VIRTIO_GPU_CMD_TRANSFER_TO_HOST_3D,
                                         .context = le32toh(request->hdr.ctx_id),
                                         .level = le32toh(request->level),
                                         .stride = le32toh(request->stride),
                                         .layer_stride = le32toh(request->layer_stride),
                                         .box = {le32toh(box->x), le32toh(box->y), le32toh(box->z),
                                                 le32toh(box->w), le32toh(box->h), le32toh(box->d)},
                                         .offset = le64toh(request->offset)};

    if (!resource) {
        return -ENOENT;
    }
    resource->transfers++;
    if (resource_is_blob(resource)) {
        return 0; /* its pixels are where they belong already */
    }
    int r = transfer_context(gpu, resource, &transfer);
    return r > 0 ? texture_transfer(gpu, resource, &transfer) : r;
}

/* Room for a command stream; kept for the next one. */
static void *
submit_buffer(struct gpu *gpu, uint32_t size)
{
    if (size > gpu->commands_size) {
        void *larger = realloc(gpu->commands, size);
        if (!larger) {
            return NULL;
        }
        gpu->commands = larger;
        gpu->commands_size = size;
    }
    return gpu->commands;
}

static int
run_submit(struct gpu *gpu, struct command *command)
{
    const struct virtio_gpu_cmd_submit *request = &command->request.submit;
    struct context *context = context_find(&gpu->contexts, le32toh(request->hdr.ctx_id));
    uint32_t size = le32toh(request->size);

    if (!context) {
        return -ESRCH;
    }
    if (size == 0) {
        return 0; /* a carrier for a fence */
    }
    if (size > SUBMIT_MAX) {
        return -EINVAL;
    }
    void *commands = submit_buffer(gpu, size);
    if (!commands) {
        return -ENOMEM;
    }
    if (chain_read(command->chain, commands, size) != size) {
        return -EINVAL;
    }
    if (gpu->fault.at == GPU_FAULT_AT_SUBMIT) {
        __builtin_trap();
    }
    context->submits++;
    context->command_bytes += size;
    gpu->counters.submits++;
    gpu->counters.command_bytes += size;
    int r = context->renderer->ops->submit(context->renderer, context->info.id, commands, size);
    if (r < 0 && context->failed++ == 0) {
        log_warning("The drawing commands of context %u (%s) failed: %s; it may draw no more",
                    context->info.id, context->info.name, strerror(-r));
    }
    return r;
}

static int
run_map_blob(struct gpu *gpu, struct command *command)
{
    const struct virtio_gpu_resource_map_blob *request = &command->request.map_blob;
    struct resource *resource = resource_find(&gpu->resources, le32toh(request->resource_id));
    uint32_t map_info = 0;

    if (!resource) {
        return -ENOENT;
    }
    int r = blob_map(gpu, resource, le64toh(request->offset), &map_info);
    command->response.map_info.map_info = htole32(map_info);
    command->response_type = VIRTIO_GPU_RESP_OK_MAP_INFO;
    command->response_size = sizeof(command->response.map_info);
    return r;
}

static int
run_unmap_blob(struct gpu *gpu, struct command *command)
{
    struct resource *resource =
        resource_find(&gpu->resources, le32toh(command->request.unmap_blob.resource_id));

    return resource ? blob_unmap(gpu, resource) : -ENOENT;
}

static const struct command_row command_rows[] = {
    {VIRTIO_GPU_CMD_GET_CAPSET_INFO, GPU_QUEUE_CONTROL, sizeof(struct virtio_gpu_get_capset_info),
     run_get_capset_info},
    {VIRTIO_GPU_CMD_GET_CAPSET, GPU_QUEUE_CONTROL, sizeof(struct virtio_gpu_get_capset),
     run_get_capset},
    {VIRTIO_GPU_CMD_CTX_CREATE, GPU_QUEUE_CONTROL, sizeof(struct virtio_gpu_ctx_create),
     run_context_create},
    {VIRTIO_GPU_CMD_CTX_DESTROY, GPU_QUEUE_CONTROL, sizeof(struct virtio_gpu_ctx_destroy),
     run_context_destroy},
    {VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE, GPU_QUEUE_CONTROL, sizeof(struct virtio_gpu_ctx_resource),
     run_context_attach},
    {VIRTIO_GPU_CMD_CTX_DETACH_RESOURCE, GPU_QUEUE_CONTROL, sizeof(struct virtio_gpu_ctx_resource),
     run_context_detach},
    {VIRTIO_GPU_CMD_RESOURCE_CREATE_3D, GPU_QUEUE_CONTROL,
     sizeof(struct virtio_gpu_resource_create_3d), run_create_3d},
    {VIRTIO_GPU_CMD_TRANSFER_TO_HOST_3D, GPU_QUEUE_CONTROL,
     sizeof(struct virtio_gpu_transfer_host_3d), run_transfer_3d},
    {VIRTIO_GPU_CMD_TRANSFER_FROM_HOST_3D, GPU_QUEUE_CONTROL,
     sizeof(struct virtio_gpu_transfer_host_3d), run_transfer_3d},
    {VIRTIO_GPU_CMD_RESOURCE_MAP_BLOB, GPU_QUEUE_CONTROL,
     sizeof(struct virtio_gpu_resource_map_blob), run_map_blob},
    {VIRTIO_GPU_CMD_RESOURCE_UNMAP_BLOB, GPU_QUEUE_CONTROL,
     sizeof(struct virtio_gpu_resource_unmap_blob), run_unmap_blob},
    {VIRTIO_GPU_CMD_SUBMIT_3D, GPU_QUEUE_CONTROL, sizeof(struct virtio_gpu_cmd_submit), run_submit},
};

const struct command_row *
command_find_3d(uint32_t type)
{
    for (size_t i = 0; i < ARRAY_SIZE(command_rows); i++) {
        if (command_rows[i].type == type) {
            return &command_rows[i];
        }
    }
    return NULL;
}
