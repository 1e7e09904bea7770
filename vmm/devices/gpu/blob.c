/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/devices/gpu/blob.h"

#include <errno.h>

#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/devices/gpu/context.h"

enum {
    PAGE = 4096
};

int
blob_create(struct gpu *gpu, const struct virtio_gpu_resource_create_blob *request)
{
    const uint32_t id = le32toh(request->resource_id);
    const struct renderer_blob blob = {.context = le32toh(request->hdr.ctx_id),
                                       .memory = le32toh(request->blob_mem),
                                       .flags = le32toh(request->blob_flags),
                                       .blob_id = le64toh(request->blob_id),
                                       .size = le64toh(request->size)};
    const struct context *context = context_find(&gpu->contexts, blob.context);
    struct resource *resource;

    if (!context) {
        return gpu->n_renderers > 0 ? -ESRCH : -EINVAL;
    }
    if (!context->renderer->ops->export_blob || blob.size == 0 || blob.size > INT64_MAX) {
        return -EINVAL;
    }
    int r = resource_create_host_blob(&gpu->resources, id, blob.size, &resource);
    if (r < 0) {
        return r;
    }
    if (!context->renderer->ops->counts_blobs) {
        r = resource_table_charge(&gpu->resources, blob.size);
        resource->charged = r == 0 ? blob.size : 0;
    }
    r = r < 0 ? r : context->renderer->ops->create_blob(context->renderer, id, &blob);
    if (r < 0) {
        resource_destroy(&gpu->resources, resource);
        return r;
    }
    resource->renderer = context->renderer;
    return 0;
}

int
blob_map(struct gpu *gpu, struct resource *resource, uint64_t offset, uint32_t *ret_map_info)
{
    const uint64_t size = align_up(resource->size, PAGE);
    cleanup_fd int fd = -1;
    int r;

    if (resource->kind != RESOURCE_HOST_BLOB || resource->mapped || offset % PAGE != 0 ||
        !range_inside(offset, size, BLOB_WINDOW_SIZE)) {
        return -EINVAL;
    }
    if (resource_is_lost(resource)) {
        return -ENOENT;
    }
    if (!resource->renderer->ops->export_blob) {
        return -EOPNOTSUPP;
    }
    r = resource->renderer->ops->export_blob(resource->renderer, resource->id, &fd, ret_map_info);
    if (r == 0) {
        r = backend_shmem_map(gpu->backend, fd, offset, size);
    }
    if (r < 0) {
        log_limited(&gpu->limit, LOG_LEVEL_WARNING, "Memory cannot be shown to the guest: %s",
                    r == -EREMOTEIO ? "the machine refuses it" : strerror(-r));
        return r;
    }
    resource->mapped = true;
    gpu->counters.blobs_mapped++;
    resource->map_offset = offset;
    return 0;
}

int
blob_unmap(struct gpu *gpu, struct resource *resource)
{
    if (resource->kind != RESOURCE_HOST_BLOB || !resource->mapped) {
        return -EINVAL;
    }
    resource->mapped = false;
    gpu->counters.blobs_mapped--;
    return backend_shmem_unmap(gpu->backend, resource->map_offset, align_up(resource->size, PAGE));
}
