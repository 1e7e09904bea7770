/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/devices/block/block.h"

#include <errno.h>
#include <linux/virtio_blk.h>
#include <string.h>
#include <sys/mman.h>

#include "vmm/base/bytes.h"
#include "vmm/base/memory.h"
#include "vmm/devices/block/images.h"
#include "vmm/devices/block/request.h"
#include "vmm/vhost/backend.h"

#define BIT(n) (UINT64_C(1) << (n))

enum {
    DATA_SEGMENTS_MAX = 126, /* a ring of 128 without indirect descriptors holds such a request */
    /* Work of one kick, then other descriptors of the loop get their turn. */
    ROUND_REQUESTS_MAX = 32,
    ROUND_BYTES_MAX = 8 << 20,
};

struct block {
    struct backend *backend;
    struct backend_ops ops; /* features depend on the setup */
    struct request_disk disk;
    struct virtio_blk_config config; /* little endian, as the driver reads it */
    struct block_counters *counters; /* shared with the supervisor */
    struct block_counters no_counters;
    /* From the request for which there was no room to block_retry(), whatever the guest does: */
    bool full;
    struct chain *kept; /* it; NULL: it is (if at all) the next one in the ring */
    block_full_fn on_full;
    void *on_full_data;
};

/* Figures for people: what a chain has room for, without the headers. */
static void
count_request(struct block_counters *counters, const struct chain *chain)
{
    const uint64_t header = sizeof(struct virtio_blk_outhdr);

    __atomic_fetch_add(&counters->read, chain->in_size > 1 ? chain->in_size - 1 : 0,
                       __ATOMIC_RELAXED);
    __atomic_fetch_add(&counters->written, chain->out_size > header ? chain->out_size - header : 0,
                       __ATOMIC_RELAXED);
}

/* False: it waits for room; or (-DISK_BYTES_LOST) it has failed, and people are to make room first. */
static bool
serve(struct block *block, struct queue *queue, struct chain *chain, int *ret_error)
{
    uint32_t written = 0;

    *ret_error = request_serve(&block->disk, chain, &written);
    if (*ret_error < 0) {
        block->kept = chain;
        return false;
    }
    count_request(block->counters, chain);
    queue_push(queue, chain, written);
    if (block->disk.lost && block->disk.waits_for_room) {
        *ret_error = -DISK_BYTES_LOST;
    }
    block->disk.lost = false;
    return *ret_error == 0;
}

static void
block_kicked(void *device, unsigned int index)
{
    struct block *block = device;
    struct queue *queue = backend_queue(block->backend, index);
    unsigned int requests = ROUND_REQUESTS_MAX;
    uint64_t bytes = 0;
    bool more = !block->full;
    int r = 0;

    while (more && requests > 0 && bytes < ROUND_BYTES_MAX) {
        struct chain *chain;

        if (queue_pop(queue, &chain) <= 0) {
            more = queue_enable_kicks(queue, true);
            continue;
        }
        bytes += chain->in_size + chain->out_size;
        requests--;
        block->full = !serve(block, queue, chain, &r);
        more = !block->full;
    }
    if (more) {
        backend_serve_again(block->backend, index);
    }
    backend_notify(block->backend, index);
    if (r < 0 && block->on_full) {
        block->on_full(block->on_full_data, r);
    }
}

/* It was not done: who starts the queue again where it stood finds it there. */
static void
block_queue_stopped(void *device, unsigned int index)
{
    struct block *block = device;

    if (block->kept) {
        queue_unpop(backend_queue(block->backend, index), take_pointer(block->kept));
    }
}

/* Its buffers are elsewhere now: it is looked up anew. */
static void
block_memory_changed(void *device)
{
    block_queue_stopped(device, 0);
}

static void
block_features_set(void *device, uint64_t features)
{
    struct block *block = device;

    block->disk.write_through = !(features & BIT(VIRTIO_BLK_F_FLUSH));
}

static void
block_config_read(void *device, uint32_t offset, void *data, uint32_t size)
{
    const struct block *block = device;

    memcpy(data, (const char *)&block->config + offset, size);
}

static const struct backend_ops block_ops = {
    .n_queues = 1,
    .kicked = block_kicked,
    .queue_stopped = block_queue_stopped,
    .memory_changed = block_memory_changed,
    .features_set = block_features_set,
    .config_read = block_config_read,
    .config_size = sizeof(struct virtio_blk_config),
};

static uint64_t
features_of(const struct block_setup *setup)
{
    uint64_t features =
        BIT(VIRTIO_BLK_F_SEG_MAX) | BIT(VIRTIO_BLK_F_BLK_SIZE) | BIT(VIRTIO_BLK_F_FLUSH);

    if (setup->flags & BLOCK_READ_ONLY) {
        return features | BIT(VIRTIO_BLK_F_RO);
    }
    return features | BIT(VIRTIO_BLK_F_DISCARD) | BIT(VIRTIO_BLK_F_WRITE_ZEROES);
}

static void
fill_config(struct virtio_blk_config *config, const struct block_setup *setup, uint64_t n_sectors)
{
    store_le64(&config->capacity, n_sectors);
    store_le32(&config->seg_max, DATA_SEGMENTS_MAX);
    store_le32(&config->blk_size, setup->block_size);
    if (setup->flags & BLOCK_READ_ONLY) {
        return;
    }
    store_le32(&config->max_discard_sectors, REQUEST_DISCARD_SECTORS_MAX);
    store_le32(&config->max_discard_seg, REQUEST_DISCARD_SEGMENTS_MAX);
    store_le32(&config->discard_sector_alignment, setup->block_size / REQUEST_SECTOR_SIZE);
    store_le32(&config->max_write_zeroes_sectors, REQUEST_ZEROES_SECTORS_MAX);
    store_le32(&config->max_write_zeroes_seg, 1);
    config->write_zeroes_may_unmap = setup->flags & BLOCK_SPARSE ? 1 : 0;
}

static int
open_disk(struct request_disk *disk, const struct block_setup *setup)
{
    disk->n_sectors = align_down(setup->size, setup->block_size) / REQUEST_SECTOR_SIZE;
    disk->read_only = setup->flags & BLOCK_READ_ONLY;
    disk->write_through = true;
    disk->waits_for_room = setup->flags & BLOCK_WAITS_FOR_ROOM;
    disk->features = features_of(setup);
    memcpy(disk->serial, setup->serial, sizeof(disk->serial));
    return images_open(setup, &disk->disk);
}

/* Without a page of the supervisor's the figures stay with us. */
static void
map_counters(struct block *block, int fd)
{
    void *page =
        fd > 0 ? mmap(NULL, sizeof(*block->counters), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)
               : MAP_FAILED;

    block->counters = page == MAP_FAILED ? &block->no_counters : page;
}

int
block_resize(struct block *block, uint64_t size)
{
    int r = size % load_le32(&block->config.blk_size) == 0 ? 0 : -EINVAL;

    if (r == 0) {
        r = disk_grow(block->disk.disk, size);
    }
    if (r < 0) {
        return r;
    }
    block->disk.n_sectors = size / REQUEST_SECTOR_SIZE;
    store_le64(&block->config.capacity, block->disk.n_sectors);
    (void)backend_config_changed(block->backend); /* without a driver there is nobody to tell */
    return 0;
}

void
block_on_full(struct block *block, block_full_fn full, void *data)
{
    block->on_full = full;
    block->on_full_data = data;
}

int
block_retry(struct block *block)
{
    int r = 0;

    if (block->kept &&
        !serve(block, backend_queue(block->backend, 0), take_pointer(block->kept), &r)) {
        backend_notify(block->backend, 0);
        return r;
    }
    block->full = false;
    backend_notify(block->backend, 0);
    backend_serve_again(block->backend, 0);
    return 0;
}

int
block_create(struct loop *loop, const struct block_setup *setup, struct block **ret_block)
{
    cleanup(block_destroyp) struct block *block = xalloc(sizeof(*block));
    int r;

    if (setup->block_size != 512 && setup->block_size != 4096) {
        return -EINVAL;
    }
    r = open_disk(&block->disk, setup);
    if (r < 0) {
        return r;
    }
    map_counters(block, setup->counters_fd);
    fill_config(&block->config, setup, block->disk.n_sectors);
    block->ops = block_ops;
    block->ops.features = block->disk.features;
    block->backend = backend_create(loop, setup->device.vhost_fd, &block->ops, block);
    if (!block->backend) {
        return -errno;
    }
    *ret_block = take_pointer(block);
    return 0;
}

void
block_destroy(struct block *block)
{
    if (block) {
        backend_destroy(block->backend);
        disk_close(block->disk.disk);
        if (block->counters && block->counters != &block->no_counters) {
            munmap(block->counters, sizeof(*block->counters));
        }
        free(block);
    }
}
