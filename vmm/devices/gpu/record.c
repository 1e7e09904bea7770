/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/devices/gpu/record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/base/memory.h"
#include "vmm/devices/gpu/command.h"
#include "vmm/devices/gpu/context.h"
#include "vmm/devices/gpu/record-format.h"

enum {
    BUFFER_SIZE = 64 << 10,
    STEP = 64 << 10, /* guest memory is compared in pieces of this size */
};

struct record {
    int fd; /* -1: it could not go on */
    uint64_t start_ns;
    bool has_requests; /* since the last reset */
    uint8_t *request;  /* the last one, and the room for it */
    size_t request_room;
    size_t used;
    uint8_t buffer[BUFFER_SIZE];
};

static uint64_t
now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

static void
stop(struct record *record, int error)
{
    if (record->fd >= 0) {
        log_warning("The recording of the graphics card ends here: %s", strerror(error));
        record->fd = -1;
    }
}

static void
write_out(struct record *record, const void *data, size_t size)
{
    int r = record->fd >= 0 ? fd_write_full(record->fd, data, size) : 0;

    if (r < 0) {
        stop(record, -r);
    }
}

static void
flush(struct record *record)
{
    write_out(record, record->buffer, record->used);
    record->used = 0;
}

static void
put(struct record *record, const void *data, size_t size)
{
    if (size > BUFFER_SIZE - record->used) {
        flush(record);
    }
    if (size > BUFFER_SIZE) {
        write_out(record, data, size);
        return;
    }
    memcpy(record->buffer + record->used, data, size);
    record->used += size;
}

static void
put_entry(struct record *record, enum record_kind kind, size_t size)
{
    const struct record_entry entry = {.kind = htole32(kind),
                                       .size = htole32((uint32_t)size),
                                       .time_ns = htole64(now_ns() - record->start_ns)};

    put(record, &entry, sizeof(entry));
}

struct record *
record_create(const struct gpu_setup *setup)
{
    const struct record_header header = {.magic = RECORD_MAGIC,
                                         .version = htole32(RECORD_VERSION),
                                         .level = htole32(setup->level),
                                         .n_scanouts = htole32(setup->n_scanouts),
                                         .width = htole32(setup->screen[0].width),
                                         .height = htole32(setup->screen[0].height)};
    struct record *record;

    if (ftruncate(setup->record_fd, 0) < 0) {
        return NULL;
    }
    record = xalloc(sizeof(*record));
    record->fd = setup->record_fd;
    record->start_ns = now_ns();
    put(record, &header, sizeof(header));
    flush(record);
    return record;
}

void
record_destroy(struct record *record)
{
    if (!record) {
        return;
    }
    flush(record);
    free(record->request);
    free(record);
}

void
record_reset(struct record *record)
{
    if (record->has_requests) {
        put_entry(record, RECORD_RESET, 0);
        record->has_requests = false;
    }
}

/* What changed in a piece of a resource's memory since it was looked at last. */
static bool
put_piece(struct gpu *gpu, struct resource *resource, uint64_t offset, uint64_t size)
{
    struct record *record = gpu->record;
    struct backing_target target = {.data = resource->recorded + offset, .size = size};

    if (!backing_update(resource->backing, backend_memory(gpu->backend), offset, &target)) {
        return false;
    }
    if (target.first < target.end) {
        const struct record_memory memory = {.resource = htole32(resource->id),
                                             .offset = htole64(offset + target.first)};
        const uint64_t changed = target.end - target.first;

        put_entry(record, RECORD_MEMORY, sizeof(memory) + changed);
        put(record, &memory, sizeof(memory));
        put(record, target.data + target.first, changed);
    }
    return true;
}

static void
put_memory(struct gpu *gpu, struct resource *resource)
{
    const uint64_t size = resource && resource->backing ? backing_size(resource->backing) : 0;

    if (size == 0) {
        return;
    }
    if (!resource->recorded) {
        resource->recorded = calloc(1, size);
    }
    if (!resource->recorded) {
        stop(gpu->record, ENOMEM);
        return;
    }
    for (uint64_t offset = 0; offset < size; offset += STEP) {
        if (!put_piece(gpu, resource, offset, MIN_OF(size - offset, (uint64_t)STEP))) {
            return; /* memory that is gone: the request fails as well */
        }
    }
}

/* Command streams may copy from the memory of whatever their context has. */
static void
put_memory_of_context(struct gpu *gpu, uint32_t id)
{
    const struct context *context = context_find(&gpu->contexts, id);

    for (unsigned int i = 0; context && i < CONTEXT_BUCKETS; i++) {
        list_for_each(pos, &context->attached[i]) {
            put_memory(gpu, list_container(pos, struct attachment, link)->resource);
        }
    }
}

/* The beginning of those requests that read guest memory. */
union reader {
    struct virtio_gpu_ctrl_hdr header;
    struct virtio_gpu_transfer_to_host_2d transfer;
    struct virtio_gpu_transfer_host_3d transfer_3d;
    struct virtio_gpu_resource_flush flush;
    struct virtio_gpu_set_scanout_blob set_scanout_blob;
    struct virtio_gpu_update_cursor cursor;
};

static void
put_what_is_read(struct gpu *gpu, const union reader *request)
{
    uint32_t id;

    switch (le32toh(request->header.type)) {
    case VIRTIO_GPU_CMD_SUBMIT_3D:
        put_memory_of_context(gpu, le32toh(request->header.ctx_id));
        return;
    case VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D:
        id = le32toh(request->transfer.resource_id);
        break;
    case VIRTIO_GPU_CMD_TRANSFER_TO_HOST_3D:
        id = le32toh(request->transfer_3d.resource_id);
        break;
    case VIRTIO_GPU_CMD_RESOURCE_FLUSH:
        id = le32toh(request->flush.resource_id);
        break;
    case VIRTIO_GPU_CMD_SET_SCANOUT_BLOB:
        id = le32toh(request->set_scanout_blob.resource_id);
        break;
    case VIRTIO_GPU_CMD_UPDATE_CURSOR:
        id = le32toh(request->cursor.resource_id);
        break;
    default:
        return;
    }
    put_memory(gpu, resource_find(&gpu->resources, id));
}

/* Guest memory in place of all that the request names: one entry as long as they are together. */
static size_t
join_entries(uint8_t *request, size_t size, struct chain *chain)
{
    const uint32_t type = load_le32(request);
    size_t fixed = type == VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB
                       ? sizeof(struct virtio_gpu_resource_create_blob)
                       : sizeof(struct virtio_gpu_resource_attach_backing);
    uint8_t *count =
        request + (type == VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB
                       ? offsetof(struct virtio_gpu_resource_create_blob, nr_entries)
                       : offsetof(struct virtio_gpu_resource_attach_backing, nr_entries));
    struct virtio_gpu_mem_entry entry;
    uint64_t length = 0;

    if (size < fixed || load_le32(count) == 0) {
        return MIN_OF(size, fixed);
    }
    chain->out_position = fixed;
    for (uint32_t i = 0; i < load_le32(count); i++) {
        if (chain_read(chain, &entry, sizeof(entry)) != sizeof(entry)) {
            return fixed; /* the request fails */
        }
        length += le32toh(entry.length);
    }
    if (length > UINT32_MAX) {
        return fixed;
    }
    store_le32(count, 1);
    entry = (struct virtio_gpu_mem_entry){.length = htole32((uint32_t)length)};
    memcpy(request + fixed, &entry, sizeof(entry));
    return fixed + sizeof(entry);
}

static uint8_t *
request_room(struct record *record, size_t size)
{
    if (size > record->request_room) {
        uint8_t *larger = realloc(record->request, size);

        if (!larger) {
            stop(record, ENOMEM);
            return NULL;
        }
        record->request = larger;
        record->request_room = size;
    }
    return record->request;
}

void
record_request(struct gpu *gpu, unsigned int queue, const struct chain *chain)
{
    struct record *record = gpu->record;
    struct chain peek = *chain; /* with positions of its own */
    size_t size = (size_t)MIN_OF(chain->out_size, (uint64_t)RECORD_SIZE_MAX);
    union reader reader = {0};
    uint8_t *request = record->fd >= 0 ? request_room(record, MAX_OF(size, sizeof(reader))) : NULL;

    if (!request || chain_read(&peek, request, size) != size || size < sizeof(reader.header)) {
        return;
    }
    memcpy(&reader, request, MIN_OF(size, sizeof(reader)));
    const uint32_t type = le32toh(reader.header.type);
    if (type == VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING ||
        type == VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB) {
        size = join_entries(request, size, &peek);
    }
    put_what_is_read(gpu, &reader);
    put_entry(record, queue == GPU_QUEUE_CONTROL ? RECORD_CONTROL : RECORD_CURSOR, size);
    put(record, request, size);
    record->has_requests = true;
    if (type == VIRTIO_GPU_CMD_RESOURCE_FLUSH) {
        flush(record); /* a picture is complete */
    }
}
