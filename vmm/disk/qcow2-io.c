/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Bytes of a qcow2 image's file, and its tables in memory. */

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/disk/qcow2-private.h"

int
qcow2_found_damage(struct qcow2 *image)
{
    if (!image->damaged) {
        log_error("disk-damaged: The qcow2 image is damaged: nothing is written to it any more. "
                  "End the machine and run “qemu-img check” on it.");
    }
    image->damaged = true;
    return -EIO;
}

int
qcow2_read_bytes(struct qcow2 *image, void *data, size_t size, uint64_t offset, bool may_end)
{
    uint8_t *at = data;

    while (size > 0) {
        struct iovec iov = {.iov_base = at, .iov_len = size};
        ssize_t n = preadv(image->fd, &iov, 1, (off_t)offset);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return -errno;
        }
        if (n == 0 && !may_end) {
            return -EIO;
        }
        if (n == 0) {
            memset(at, 0, size);
            return 0;
        }
        at += n;
        size -= (size_t)n;
        offset += (uint64_t)n;
    }
    return 0;
}

int
qcow2_write_bytes(struct qcow2 *image, const void *data, size_t size, uint64_t offset)
{
    if (image->damaged) {
        return -EIO;
    }
    image->file_end =
        MAX_OF(image->file_end, offset + size); /* also where a part of it is written */
    return fd_pwrite_full(image->fd, data, size, offset);
}

int
qcow2_sync(struct qcow2 *image)
{
    return disk_sync_fd(image->fd);
}

int
qcow2_check_offset(const struct qcow2 *image, uint64_t offset)
{
    return offset == 0 || offset % image->cluster_size != 0 || offset >= image->file_end ? -EIO : 0;
}

int
qcow2_cache_init(struct qcow2_cache *cache, size_t n)
{
    cache->table = calloc(n, sizeof(*cache->table));
    cache->n = cache->table ? n : 0;
    return cache->table ? 0 : -ENOMEM;
}

void
qcow2_cache_release(struct qcow2_cache *cache)
{
    for (size_t i = 0; i < cache->n; i++) {
        free(cache->table[i].bytes);
    }
    free(cache->table);
    *cache = (struct qcow2_cache){0};
}

struct qcow2_table *
qcow2_cache_find(struct qcow2_cache *cache, uint64_t offset)
{
    for (size_t i = 0; i < cache->n; i++) {
        if (cache->table[i].offset == offset) {
            cache->table[i].used = ++cache->clock;
            return &cache->table[i];
        }
    }
    return NULL;
}

struct qcow2_table *
qcow2_cache_oldest(struct qcow2_cache *cache)
{
    struct qcow2_table *oldest = &cache->table[0];

    for (size_t i = 1; i < cache->n; i++) {
        if (cache->table[i].used < oldest->used) {
            oldest = &cache->table[i];
        }
    }
    oldest->used = ++cache->clock;
    return oldest;
}

int
qcow2_table_reuse(struct qcow2 *image, struct qcow2_table *table)
{
    table->offset = 0;
    table->dirty_from = 0;
    table->dirty_to = 0;
    if (!table->bytes) {
        table->bytes = malloc(image->cluster_size);
    }
    return table->bytes ? 0 : -ENOMEM;
}
