/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A qcow2 image as a disk: opened and closed, flushed and made longer. */

#include "vmm/disk/qcow2.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/disk/qcow2-private.h"

enum {
    HEADER_AUTOCLEAR = 88,
};

static int
image_flush(struct disk *disk)
{
    struct qcow2 *image = (struct qcow2 *)disk;
    int r = qcow2_commit(image);

    return r < 0 ? r : qcow2_sync(image);
}

static int
image_grow(struct disk *disk, uint64_t size)
{
    struct qcow2 *image = (struct qcow2 *)disk;
    const uint64_t old = disk->size;
    int r;

    if (image->read_only) {
        return -EROFS;
    }
    if (size < disk->size || size > INT64_MAX || size % 512 != 0) {
        return -EINVAL;
    }
    r = qcow2_grow(image, size);
    if (r == 0) {
        disk->size = size;
    }
    if (r == 0 && image->backing && image->backing->size > old) {
        /* A longer backing file must not show there. */
        r = qcow2_write_zeroes(disk, old, MIN_OF(size, image->backing->size) - old, true);
    }
    return r;
}

static void
image_release(struct qcow2 *image)
{
    qcow2_cache_release(&image->l2);
    qcow2_cache_release(&image->refcounts);
    qcow2_unpacker_destroy(image->unpacker);
    disk_close(image->backing);
    free(image->l1);
    free(image->refcount_table);
    free(image->freed);
    free(image->copy);
    free(image->unpacked);
    free(image->packed);
    free(image);
}

static void
image_close(struct disk *disk)
{
    struct qcow2 *image = (struct qcow2 *)disk;

    (void)qcow2_commit(image);
    image_release(image);
}

static const struct disk_ops qcow2_ops = {
    .read = qcow2_read,
    .write = qcow2_write,
    .flush = image_flush,
    .grow = image_grow,
    .discard = qcow2_discard,
    .write_zeroes = qcow2_write_zeroes,
    .close = image_close,
};

static int
allocate_buffers(struct qcow2 *image, const struct qcow2_setup *setup)
{
    const uint64_t bytes = setup->cache_bytes ? setup->cache_bytes : QCOW2_CACHE_BYTES;
    const uint64_t tables = bytes >> image->cluster_bits;
    int r =
        qcow2_cache_init(&image->l2, (size_t)MIN_OF(MAX_OF(tables, (uint64_t)QCOW2_L2_TABLES_MIN),
                                                    (uint64_t)QCOW2_L2_TABLES_MAX));

    r = r < 0 ? r : qcow2_cache_init(&image->refcounts, QCOW2_REFCOUNT_BLOCKS);
    image->freed = calloc(QCOW2_FREED_MAX, sizeof(*image->freed));
    image->copy = malloc(image->cluster_size);
    image->unpacked = malloc(image->cluster_size);
    image->packed = malloc(2 * image->cluster_size + 512);
    return r < 0 || !image->freed || !image->copy || !image->unpacked || !image->packed ? -ENOMEM
                                                                                        : 0;
}

static int
load_tables(struct qcow2 *image, const struct qcow2_header *header)
{
    const size_t l1_bytes = (size_t)header->l1_size * 8;
    const size_t refcount_bytes = (size_t)header->refcount_table_clusters << image->cluster_bits;
    int r;

    image->l1 = malloc(MAX_OF(l1_bytes, 8));
    image->refcount_table = malloc(MAX_OF(refcount_bytes, 8));
    if (!image->l1 || !image->refcount_table) {
        return -ENOMEM;
    }
    r = qcow2_read_bytes(image, image->l1, l1_bytes, header->l1_offset, false);
    if (r == 0) {
        r = qcow2_read_bytes(image, image->refcount_table, refcount_bytes,
                             header->refcount_table_offset, false);
    }
    return r;
}

/* What we do not know of and keep no account of is out of date from now on. */
static int
clear_autoclear(struct qcow2 *image, const struct qcow2_header *header)
{
    uint8_t zeroes[8] = {0};

    if (image->read_only || header->autoclear == 0) {
        return 0;
    }
    return qcow2_write_bytes(image, zeroes, sizeof(zeroes), HEADER_AUTOCLEAR);
}

static void
apply_header(struct qcow2 *image, const struct qcow2_header *header)
{
    image->version = header->version;
    image->cluster_bits = header->cluster_bits;
    image->cluster_size = UINT64_C(1) << header->cluster_bits;
    image->l2_bits = header->cluster_bits - 3;
    image->compression = header->compression;
    image->refcount_order = header->refcount_order;
    image->l1_size = header->l1_size;
    image->l1_offset = header->l1_offset;
    image->refcount_table_offset = header->refcount_table_offset;
    image->refcount_entries =
        (uint64_t)header->refcount_table_clusters << header->cluster_bits >> 3;
}

static int
read_header(const struct qcow2_setup *setup, uint64_t file_size, struct qcow2_header *header,
            const char **ret_why)
{
    cleanup_free uint8_t *bytes = malloc(QCOW2_HEADER_BYTES_MAX);
    struct iovec iov = {.iov_base = bytes, .iov_len = QCOW2_HEADER_BYTES_MAX};
    ssize_t n;
    int r;

    if (!bytes) {
        return -ENOMEM;
    }
    n = preadv(setup->fd, &iov, 1, 0);
    if (n < 0) {
        return -errno;
    }
    const struct qcow2_start start = {
        .bytes = bytes, .size = (size_t)n, .file_size = file_size, .writable = !setup->read_only};
    r = qcow2_header_read(&start, header, ret_why);
    if (r == 0 && (header->backing[0] != '\0') != (setup->backing != NULL)) {
        *ret_why = "its backing file is not the one that was given";
        r = -EINVAL;
    }
    return r;
}

int
qcow2_open(const struct qcow2_setup *setup, struct disk **ret_disk, const char **ret_why)
{
    struct qcow2_header header = {0};
    struct qcow2 *image;
    struct stat st;
    int r;

    *ret_why = "it cannot be read";
    if (fstat(setup->fd, &st) < 0) {
        return -errno;
    }
    if (!S_ISREG(st.st_mode) || st.st_size < 0) {
        *ret_why = "it is not a file";
        return -EINVAL;
    }
    r = read_header(setup, (uint64_t)st.st_size, &header, ret_why);
    if (r < 0) {
        return r;
    }
    image = calloc(1, sizeof(*image));
    if (!image) {
        return -ENOMEM;
    }
    image->disk = (struct disk){.ops = &qcow2_ops, .size = header.size};
    image->fd = setup->fd;
    image->read_only = setup->read_only;
    image->sparse = setup->sparse;
    image->file_end = (uint64_t)st.st_size;
    apply_header(image, &header);
    r = allocate_buffers(image, setup);
    r = r < 0 ? r : load_tables(image, &header);
    r = r < 0 ? r : clear_autoclear(image, &header);
    if (r < 0) {
        image_release(image);
        return r;
    }
    image->backing = setup->backing;
    *ret_disk = &image->disk;
    return 0;
}
