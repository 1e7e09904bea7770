/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/devices/gpu/commands.h"

#include <errno.h>
#include <string.h>

#include "vmm/base/bytes.h"
#include "vmm/devices/gpu/blob.h"
#include "vmm/devices/gpu/command.h"
#include "vmm/devices/gpu/context.h"
#include "vmm/devices/gpu/cursor.h"
#include "vmm/devices/gpu/edid.h"
#include "vmm/devices/gpu/fences.h"
#include "vmm/devices/gpu/journal.h"
#include "vmm/devices/gpu/record.h"
#include "vmm/devices/gpu/scanout.h"
#include "vmm/devices/gpu/texture.h"

static struct rect
rect_from(const struct virtio_gpu_rect *r)
{
    return (struct rect){le32toh(r->x), le32toh(r->y), le32toh(r->width), le32toh(r->height)};
}

static int
run_get_display_info(struct gpu *gpu, struct command *command)
{
    uint32_t x = 0;

    for (uint32_t i = 0; i < gpu->n_scanouts; i++) {
        const struct scanout *scanout = &gpu->scanouts[i];
        struct virtio_gpu_display_one *one = &command->response.display_info.pmodes[i];
        if (!scanout->enabled) {
            continue;
        }
        one->r.x = htole32(x);
        one->r.width = htole32(scanout->width);
        one->r.height = htole32(scanout->height);
        one->enabled = htole32(1);
        x += scanout->width;
    }
    command->response_type = VIRTIO_GPU_RESP_OK_DISPLAY_INFO;
    command->response_size = sizeof(command->response.display_info);
    return 0;
}

static int
run_get_edid(struct gpu *gpu, struct command *command)
{
    uint32_t index = le32toh(command->request.get_edid.scanout);

    if (index >= gpu->n_scanouts) {
        return -ERANGE;
    }
    const struct scanout *scanout = &gpu->scanouts[index];
    const struct edid_monitor monitor = {.width = scanout->width,
                                         .height = scanout->height,
                                         .width_mm = scanout->width_mm,
                                         .height_mm = scanout->height_mm,
                                         .serial = index + 1};
    size_t size = edid_build(&monitor, command->response.edid.edid);
    command->response.edid.size = htole32((uint32_t)size);
    command->response_type = VIRTIO_GPU_RESP_OK_EDID;
    command->response_size = sizeof(command->response.edid);
    return 0;
}

static int
run_create_2d(struct gpu *gpu, struct command *command)
{
    const struct virtio_gpu_resource_create_2d *request = &command->request.create_2d;
    const uint32_t id = le32toh(request->resource_id);
    int r = resource_create_2d(&gpu->resources, id, le32toh(request->format),
                               le32toh(request->width), le32toh(request->height));

    if (r == 0) {
        journal_add(gpu->journal, resource_find(&gpu->resources, id));
    }
    return r;
}

static int
create_blob(struct gpu *gpu, struct command *command)
{
    const struct virtio_gpu_resource_create_blob *request = &command->request.create_blob;
    const uint32_t known = VIRTIO_GPU_BLOB_FLAG_USE_MAPPABLE | VIRTIO_GPU_BLOB_FLAG_USE_SHAREABLE |
                           VIRTIO_GPU_BLOB_FLAG_USE_CROSS_DEVICE;
    cleanup(backing_destroyp) struct backing *backing = NULL;

    if (le32toh(request->blob_flags) & ~known) {
        return -EINVAL;
    }
    if (le32toh(request->blob_mem) == VIRTIO_GPU_BLOB_MEM_HOST3D) {
        return blob_create(gpu, request);
    }
    if (le32toh(request->blob_mem) != VIRTIO_GPU_BLOB_MEM_GUEST) {
        return -EINVAL;
    }
    int r = backing_read(command->chain, le32toh(request->nr_entries), backend_memory(gpu->backend),
                         &backing);
    if (r < 0) {
        return r;
    }
    r = resource_create_blob(&gpu->resources, le32toh(request->resource_id), le64toh(request->size),
                             backing);
    if (r == 0) {
        (void)take_pointer(backing);
    }
    return r;
}

static int
run_create_blob(struct gpu *gpu, struct command *command)
{
    int r = create_blob(gpu, command);

    if (r == 0) {
        journal_add(gpu->journal, resource_find(&gpu->resources,
                                                le32toh(command->request.create_blob.resource_id)));
    }
    return r;
}

static int
run_unref(struct gpu *gpu, struct command *command)
{
    struct resource *resource =
        resource_find(&gpu->resources, le32toh(command->request.unref.resource_id));

    if (!resource) {
        return -ENOENT;
    }
    if (resource->mapped) {
        (void)blob_unmap(gpu, resource);
    }
    journal_remove(gpu->journal, resource);
    scanout_forget_resource(gpu, resource);
    context_forget_resource(&gpu->contexts, resource);
    resource_destroy(&gpu->resources, resource);
    return 0;
}

static int
run_attach_backing(struct gpu *gpu, struct command *command)
{
    const struct virtio_gpu_resource_attach_backing *request = &command->request.attach;
    struct resource *resource = resource_find(&gpu->resources, le32toh(request->resource_id));
    cleanup(backing_destroyp) struct backing *backing = NULL;

    if (!resource || resource_is_blob(resource)) {
        return -ENOENT;
    }
    int r = backing_read(command->chain, le32toh(request->nr_entries), backend_memory(gpu->backend),
                         &backing);
    if (r < 0) {
        return r;
    }
    r = resource_attach(&gpu->resources, resource, backing);
    if (r < 0) {
        return r;
    }
    (void)take_pointer(backing);
    r = texture_attach_pages(gpu, resource);
    if (r < 0) {
        resource_detach(&gpu->resources, resource);
    }
    journal_set_pages(gpu->journal, resource);
    return r;
}

static int
run_detach_backing(struct gpu *gpu, struct command *command)
{
    struct resource *resource =
        resource_find(&gpu->resources, le32toh(command->request.detach.resource_id));

    if (!resource || resource_is_blob(resource)) {
        return -ENOENT;
    }
    resource_fill(resource, backend_memory(gpu->backend));
    resource_detach(&gpu->resources, resource);
    journal_set_pages(gpu->journal, resource);
    return 0;
}

static int
run_transfer(struct gpu *gpu, struct command *command)
{
    const struct virtio_gpu_transfer_to_host_2d *request = &command->request.transfer;
    struct resource *resource = resource_find(&gpu->resources, le32toh(request->resource_id));
    struct rect rect = rect_from(&request->r);

    if (!resource) {
        return -ENOENT;
    }
    resource->transfers++;
    if (resource_is_blob(resource)) {
        return 0; /* Linux asks for it; its pixels are where they belong already */
    }
    if (resource->renderer) {
        return texture_transfer_2d(gpu, resource, &rect, le64toh(request->offset));
    }
    int r =
        resource_transfer(resource, backend_memory(gpu->backend), &rect, le64toh(request->offset));
    if (r == 0) {
        gpu->counters.copied_bytes += (uint64_t)rect.width * rect.height * BYTES_PER_PIXEL;
    }
    return r;
}

static int
run_set_scanout(struct gpu *gpu, struct command *command)
{
    const struct virtio_gpu_set_scanout *request = &command->request.set_scanout;
    const uint32_t index = le32toh(request->scanout_id);
    struct rect rect = rect_from(&request->r);
    int r = scanout_set(gpu, index, le32toh(request->resource_id), &rect);

    if (r == 0) {
        journal_set_scanout(gpu, index);
    }
    return r;
}

static int
run_set_scanout_blob(struct gpu *gpu, struct command *command)
{
    const struct virtio_gpu_set_scanout_blob *request = &command->request.set_scanout_blob;
    const struct framebuffer framebuffer = {.width = le32toh(request->width),
                                            .height = le32toh(request->height),
                                            .stride = le32toh(request->strides[0]),
                                            .format = resource_fourcc(le32toh(request->format)),
                                            .offset = le32toh(request->offsets[0])};
    const uint32_t index = le32toh(request->scanout_id);
    struct rect rect = rect_from(&request->r);
    int r = scanout_set_blob(gpu, index, le32toh(request->resource_id), &rect, &framebuffer);

    if (r == 0) {
        journal_set_scanout(gpu, index);
    }
    return r;
}

static int
run_flush(struct gpu *gpu, struct command *command)
{
    struct rect rect = rect_from(&command->request.flush.r);

    return scanout_flush(gpu, le32toh(command->request.flush.resource_id), &rect);
}

static int
run_move_cursor(struct gpu *gpu, struct command *command)
{
    const struct virtio_gpu_cursor_pos *pos = &command->request.cursor.pos;

    const uint32_t index = le32toh(pos->scanout_id);
    int r = cursor_move(gpu, index, le32toh(pos->x), le32toh(pos->y));

    if (r == 0) {
        journal_move_cursor(gpu->journal, index, le32toh(pos->x), le32toh(pos->y));
    }
    return r;
}

/* The same for each question; another resource with the same number has another one. */
static int
run_assign_uuid(struct gpu *gpu, struct command *command)
{
    struct virtio_gpu_resp_resource_uuid *response = &command->response.uuid;
    struct resource *resource =
        resource_find(&gpu->resources, le32toh(command->request.assign_uuid.resource_id));

    if (!resource) {
        return -ENOENT;
    }
    if (resource->uuid == 0) {
        resource->uuid = ++gpu->last_uuid;
    }
    memcpy(response->uuid, gpu->uuid_base, sizeof(response->uuid));
    store_le32(response->uuid, load_le32(response->uuid) ^ resource->uuid);
    command->response_type = VIRTIO_GPU_RESP_OK_RESOURCE_UUID;
    command->response_size = sizeof(*response);
    return 0;
}

static int
run_update_cursor(struct gpu *gpu, struct command *command)
{
    const struct virtio_gpu_update_cursor *request = &command->request.cursor;
    const uint32_t index = le32toh(request->pos.scanout_id);
    const uint32_t hot[2] = {le32toh(request->hot_x), le32toh(request->hot_y)};
    int r = cursor_update(gpu, index, le32toh(request->resource_id), hot[0], hot[1]);

    if (r < 0) {
        return r;
    }
    journal_set_cursor(gpu->journal, index, le32toh(request->resource_id), hot);
    return run_move_cursor(gpu, command);
}

static const struct command_row command_rows[] = {
    {VIRTIO_GPU_CMD_GET_DISPLAY_INFO, GPU_QUEUE_CONTROL, sizeof(struct virtio_gpu_ctrl_hdr),
     run_get_display_info},
    {VIRTIO_GPU_CMD_RESOURCE_CREATE_2D, GPU_QUEUE_CONTROL,
     sizeof(struct virtio_gpu_resource_create_2d), run_create_2d},
    {VIRTIO_GPU_CMD_RESOURCE_UNREF, GPU_QUEUE_CONTROL, sizeof(struct virtio_gpu_resource_unref),
     run_unref},
    {VIRTIO_GPU_CMD_SET_SCANOUT, GPU_QUEUE_CONTROL, sizeof(struct virtio_gpu_set_scanout),
     run_set_scanout},
    {VIRTIO_GPU_CMD_RESOURCE_FLUSH, GPU_QUEUE_CONTROL, sizeof(struct virtio_gpu_resource_flush),
     run_flush},
    {VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D, GPU_QUEUE_CONTROL,
     sizeof(struct virtio_gpu_transfer_to_host_2d), run_transfer},
    {VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING, GPU_QUEUE_CONTROL,
     sizeof(struct virtio_gpu_resource_attach_backing), run_attach_backing},
    {VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING, GPU_QUEUE_CONTROL,
     sizeof(struct virtio_gpu_resource_detach_backing), run_detach_backing},
    {VIRTIO_GPU_CMD_GET_EDID, GPU_QUEUE_CONTROL, sizeof(struct virtio_gpu_cmd_get_edid),
     run_get_edid},
    {VIRTIO_GPU_CMD_RESOURCE_ASSIGN_UUID, GPU_QUEUE_CONTROL,
     sizeof(struct virtio_gpu_resource_assign_uuid), run_assign_uuid},
    {VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB, GPU_QUEUE_CONTROL,
     sizeof(struct virtio_gpu_resource_create_blob), run_create_blob},
    {VIRTIO_GPU_CMD_SET_SCANOUT_BLOB, GPU_QUEUE_CONTROL, sizeof(struct virtio_gpu_set_scanout_blob),
     run_set_scanout_blob},
    {VIRTIO_GPU_CMD_UPDATE_CURSOR, GPU_QUEUE_CURSOR, sizeof(struct virtio_gpu_update_cursor),
     run_update_cursor},
    {VIRTIO_GPU_CMD_MOVE_CURSOR, GPU_QUEUE_CURSOR, sizeof(struct virtio_gpu_update_cursor),
     run_move_cursor},
};

static bool
is_own_command(const struct command_row *row)
{
    return row >= command_rows && row < command_rows + ARRAY_SIZE(command_rows);
}

static const struct command_row *
command_find(const struct gpu *gpu, uint32_t type, unsigned int queue)
{
    for (size_t i = 0; i < ARRAY_SIZE(command_rows); i++) {
        if (command_rows[i].type == type && command_rows[i].queue == queue) {
            return &command_rows[i];
        }
    }
    return queue == GPU_QUEUE_CONTROL && gpu->n_renderers > 0 ? command_find_3d(type) : NULL;
}

static uint32_t
response_type_of(int r, uint32_t ok)
{
    switch (r) {
    case 0:
        return ok;
    case -ENOMEM:
        return VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
    case -ERANGE:
        return VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID;
    case -ESRCH:
        return VIRTIO_GPU_RESP_ERR_INVALID_CONTEXT_ID;
    case -ENOENT:
    case -EEXIST:
        return VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
    case -EINVAL:
        return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
    default:
        return VIRTIO_GPU_RESP_ERR_UNSPEC;
    }
}

/* Also a failed request completes its fence. */
static uint32_t
command_respond(struct command *command, uint32_t type)
{
    const struct virtio_gpu_ctrl_hdr *asked = &command->request.header;
    struct virtio_gpu_ctrl_hdr *header = &command->response.header;
    const uint32_t fence = VIRTIO_GPU_FLAG_FENCE | VIRTIO_GPU_FLAG_INFO_RING_IDX;

    header->type = htole32(type);
    if (le32toh(asked->flags) & VIRTIO_GPU_FLAG_FENCE) {
        header->flags = htole32(le32toh(asked->flags) & fence);
        header->fence_id = asked->fence_id;
        header->ctx_id = asked->ctx_id;
        header->ring_idx = asked->ring_idx;
    }
    return (uint32_t)chain_write(command->chain, &command->response, command->response_size);
}

/*
 * The process before us had the request when it crashed: it may have executed it, or died of it. What
 * is the device's own does no harm twice; what is a renderer's is not tried again, and the context that
 * asked is gone anyway.
 */
static int
run_again(struct gpu *gpu, const struct command_row *row, struct command *command)
{
    int r;

    if (!is_own_command(row)) {
        return -EIO;
    }
    r = row->run(gpu, command);
    if ((r == -EEXIST && row->run != run_unref) || (r == -ENOENT && row->run == run_unref) ||
        (r == -EBUSY && row->run == run_attach_backing)) {
        return 0; /* done before */
    }
    return r;
}

static int
command_execute(struct gpu *gpu, unsigned int index, struct command *command)
{
    struct chain *chain = command->chain;
    struct virtio_gpu_ctrl_hdr *header = &command->request.header;

    if (chain_read(chain, header, sizeof(*header)) != sizeof(*header)) {
        return -EINVAL;
    }
    const struct command_row *row = command_find(gpu, le32toh(header->type), index);
    if (!row) {
        return -EOPNOTSUPP;
    }
    size_t rest = row->size - sizeof(*header);
    if (chain_read(chain, header + 1, rest) != rest) {
        return -EINVAL;
    }
    int r;
    if (fault_replaces(&gpu->fault, row->type, &r)) {
        return r;
    }
    return chain->again ? run_again(gpu, row, command) : row->run(gpu, command);
}

/* Only its header is read: for its fence. */
static int
command_refuse(struct command *command)
{
    (void)chain_read(command->chain, &command->request.header, sizeof(command->request.header));
    log_warning("The guest's request 0x%x was being executed when the graphics card crashed: it is "
                "not tried again",
                le32toh(command->request.header.type));
    return -EIO;
}

void
commands_run(struct gpu *gpu, unsigned int index, struct queue *queue, struct chain *chain)
{
    struct command command = {.chain = chain,
                              .response_type = VIRTIO_GPU_RESP_OK_NODATA,
                              .response_size = sizeof(struct virtio_gpu_ctrl_hdr)};
    if (gpu->record) {
        record_request(gpu, index, chain);
    }
    int r;
    gpu_count_begin(gpu);
    if (journal_begin(gpu->journal, index, chain)) {
        r = command_execute(gpu, index, &command);
        journal_end(gpu->journal);
    } else {
        r = command_refuse(&command);
    }

    gpu_count_command(gpu, le32toh(command.request.header.type), r < 0);
    if (r < 0) {
        command.response_size = sizeof(struct virtio_gpu_ctrl_hdr);
        log_limited(&gpu->limit, LOG_LEVEL_WARNING, "The guest's request 0x%x failed: %s",
                    le32toh(command.request.header.type), strerror(-r));
    }
    uint32_t written = command_respond(&command, response_type_of(r, command.response_type));
    if (index == GPU_QUEUE_CONTROL &&
        (le32toh(command.request.header.flags) & VIRTIO_GPU_FLAG_FENCE)) {
        fences_add(gpu, &command.request.header, chain, written);
    } else {
        queue_push(queue, chain, written);
    }
}
