/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Writing to a qcow2 image, and giving up what it holds. */

#include <errno.h>

#include "vmm/disk/iov.h"
#include "vmm/disk/qcow2-private.h"

enum {
    ZEROES_SIZE = 8192,
};

/* What the guest sees now of [offset, offset + size), inside of one cluster, to a place in the file. */
static int
copy_part(struct qcow2 *image, uint64_t offset, uint64_t size, uint64_t host)
{
    const uint64_t behind = offset < image->disk.size ? image->disk.size - offset : 0;
    const uint64_t readable = MIN_OF(size, behind);
    uint64_t done = 0;
    enum qcow2_kind kind = QCOW2_KIND_NONE;

    while (done < readable) {
        struct iovec iov = {.iov_base = image->copy + done, .iov_len = (size_t)(readable - done)};
        struct qcow2_run run = {0};
        ssize_t n;
        int r = qcow2_find_run(image, offset + done, readable - done, &run);

        if (r < 0) {
            return r;
        }
        kind = run.kind;
        n = qcow2_read_run(image, &run, &iov, 1);
        if (n <= 0) {
            return n < 0 ? (int)n : -EIO;
        }
        done += (uint64_t)n;
    }
    memset(image->copy + readable, 0, size - readable);
    if (size == 0 || (kind <= QCOW2_KIND_ZERO && !image->backing && host >= image->file_end)) {
        return 0; /* reads as zeros already */
    }
    return qcow2_write_bytes(image, image->copy, (size_t)size, host);
}

static int
write_all(struct qcow2 *image, const struct iovec *iov, size_t n, uint64_t size, uint64_t host)
{
    uint64_t done = 0;

    for (size_t i = 0; i < n; i++) {
        int r = qcow2_write_bytes(image, iov[i].iov_base, iov[i].iov_len, host + done);

        if (r < 0) {
            return r;
        }
        done += iov[i].iov_len;
    }
    return done == size ? 0 : -EIO;
}

/* Fill new clusters with what was there before around `run`, and the guest's bytes in it. */
static int
fill_clusters(struct qcow2 *image, const struct qcow2_run *run, uint64_t host,
              const struct iovec *iov, size_t n)
{
    const uint64_t head = run->offset & (image->cluster_size - 1);
    const uint64_t end = run->offset + run->size;
    const uint64_t tail = align_up(end, image->cluster_size) - end;
    int r = copy_part(image, run->offset - head, head, host);

    if (r == 0) { /* from here on the file is longer: behind it zeros are free */
        r = copy_part(image, end, tail, host + head + run->size);
    }
    return r < 0 ? r : write_all(image, iov, n, run->size, host + head);
}

/* Enter new clusters, and give up what was there. */
static int
enter_clusters(struct qcow2 *image, uint64_t offset, uint64_t host, uint64_t n)
{
    struct qcow2_table *table = NULL;
    int r = qcow2_l2_get(image, qcow2_l1_index(image, offset), true, &table);

    for (uint64_t i = 0; r == 0 && i < n; i++) {
        const uint32_t index = qcow2_l2_index(image, offset) + (uint32_t)i;
        const uint64_t old = load_be64(table->bytes + (size_t)index * 8);

        qcow2_l2_set(image, table, index, (host + (i << image->cluster_bits)) | QCOW2_COPIED);
        r = qcow2_give_up(image, old);
    }
    return r;
}

/* Write into clusters that are not the image's own yet. */
static ssize_t
write_new(struct qcow2 *image, struct qcow2_run *run, const struct iovec *iov, size_t n)
{
    const uint64_t head = run->offset & (image->cluster_size - 1);
    uint64_t want = (head + run->size + image->cluster_size - 1) >> image->cluster_bits;
    struct iovec part[DISK_IOV_MAX];
    struct qcow2_table *table = NULL;
    uint64_t host = 0;
    uint64_t got = 0;
    int r = qcow2_l2_get(image, qcow2_l1_index(image, run->offset), true, &table);

    if (r == 0) {
        r = qcow2_allocate(image, want, false, &host, &got);
    }
    if (r < 0) {
        return r;
    }
    run->size = MIN_OF(run->size, (got << image->cluster_bits) - head);
    n = iov_cut(part, iov, n, run->size);
    r = fill_clusters(image, run, host, part, n);
    if (r < 0) {
        for (uint64_t i = 0; i < got; i++) { /* at worst they stay counted */
            (void)qcow2_release(image, host + (i << image->cluster_bits));
        }
        return r;
    }
    r = enter_clusters(image, run->offset, host, got);
    return r < 0 ? r : (ssize_t)run->size;
}

static ssize_t
write_own(struct qcow2 *image, const struct qcow2_run *run, const struct iovec *iov, size_t n)
{
    struct iovec part[DISK_IOV_MAX];
    ssize_t done;

    if (image->damaged) {
        return -EIO;
    }
    n = iov_cut(part, iov, n, run->size);
    do {
        done = pwritev(image->fd, part, (int)n, (off_t)run->host);
    } while (done < 0 && errno == EINTR);
    if (done > 0) {
        image->file_end = MAX_OF(image->file_end, run->host + (uint64_t)done);
    }
    return done < 0 ? -errno : done;
}

ssize_t
qcow2_write(struct disk *disk, const struct iovec *iov, size_t n, uint64_t offset)
{
    struct qcow2 *image = (struct qcow2 *)disk;
    struct qcow2_run run = {0};
    uint64_t size;
    int r;

    if (image->read_only) {
        return -EROFS;
    }
    if (offset >= disk->size) {
        return -EINVAL;
    }
    size = MIN_OF(MIN_OF(iov_size(iov, n), (uint64_t)QCOW2_RUN_MAX), disk->size - offset);
    if (size == 0) {
        return 0;
    }
    r = qcow2_find_run(image, offset, size, &run);
    if (r < 0) {
        return r;
    }
    if (run.kind == QCOW2_KIND_DATA && (run.entry & QCOW2_COPIED)) {
        return write_own(image, &run, iov, n);
    }
    return write_new(image, &run, iov, n);
}

/* Whole clusters inside of a range become `entry`, which keeps no place in the file. */
static int
clear_clusters(struct qcow2 *image, uint64_t offset, uint64_t length, uint64_t entry)
{
    const uint64_t end = offset + length;
    int r = 0;

    while (r == 0 && offset < end) {
        const uint32_t index = qcow2_l2_index(image, offset);
        struct qcow2_table *table = NULL;
        uint64_t old;

        r = qcow2_l2_get(image, qcow2_l1_index(image, offset), entry != 0, &table);
        if (r < 0) {
            return r;
        }
        offset += image->cluster_size;
        old = table ? load_be64(table->bytes + (size_t)index * 8) : 0;
        if (old == entry) {
            continue;
        }
        r = qcow2_l2_get(image, qcow2_l1_index(image, offset - image->cluster_size), true, &table);
        if (r == 0) {
            qcow2_l2_set(image, table, index, entry);
            r = qcow2_give_up(image, old);
        }
    }
    return r;
}

/* The whole clusters of a range; one that is cut by the end of the disk is whole. */
static void
whole_clusters(const struct qcow2 *image, uint64_t offset, uint64_t length, uint64_t *ret_from,
               uint64_t *ret_to)
{
    const uint64_t end = offset + length;

    *ret_from = align_up(offset, image->cluster_size);
    *ret_to = end == image->disk.size ? align_up(end, image->cluster_size)
                                      : align_down(end, image->cluster_size);
    *ret_to = MAX_OF(*ret_from, *ret_to);
}

int
qcow2_discard(struct disk *disk, uint64_t offset, uint64_t length)
{
    struct qcow2 *image = (struct qcow2 *)disk;
    uint64_t from = 0;
    uint64_t to = 0;

    if (image->read_only) {
        return -EROFS;
    }
    if (!range_inside(offset, length, disk->size)) {
        return -EINVAL;
    }
    if (!image->sparse || (image->backing && image->version < 3)) {
        return 0; /* version 2 cannot say that nothing is there: the backing file would show */
    }
    whole_clusters(image, offset, length, &from, &to);
    return clear_clusters(image, from, to - from, image->backing ? QCOW2_ZERO : 0);
}

static int
write_zero_bytes(struct qcow2 *image, uint64_t offset, uint64_t end)
{
    uint8_t zeroes[ZEROES_SIZE] = {0};

    while (offset < end) {
        struct iovec iov = {.iov_base = zeroes,
                            .iov_len = (size_t)MIN_OF(end - offset, (uint64_t)sizeof(zeroes))};
        struct qcow2_run run = {0};
        ssize_t n;
        int r = qcow2_find_run(image, offset, iov.iov_len, &run);

        if (r < 0) {
            return r;
        }
        if (run.kind == QCOW2_KIND_ZERO || (run.kind == QCOW2_KIND_NONE && !image->backing)) {
            offset += run.size;
            continue;
        }
        n = qcow2_write(&image->disk, &iov, 1, offset);
        if (n <= 0) {
            return n < 0 ? (int)n : -EIO;
        }
        offset += (uint64_t)n;
    }
    return 0;
}

/* The range reads as zeros, without room in the file where that can be said. */
static int
write_zeroes(struct qcow2 *image, uint64_t offset, uint64_t length)
{
    const bool can_clear = image->version >= 3 || !image->backing;
    uint64_t from = 0;
    uint64_t to = 0;
    int r;

    whole_clusters(image, offset, length, &from, &to);
    if (!can_clear || from >= to) {
        return write_zero_bytes(image, offset, offset + length);
    }
    r = write_zero_bytes(image, offset, from);
    if (r == 0) {
        r = clear_clusters(image, from, to - from, image->version >= 3 ? QCOW2_ZERO : 0);
    }
    return r == 0 && to < offset + length ? write_zero_bytes(image, to, offset + length) : r;
}

int
qcow2_write_zeroes(struct disk *disk, uint64_t offset, uint64_t length, bool unmap)
{
    struct qcow2 *image = (struct qcow2 *)disk;

    if (image->read_only) {
        return -EROFS;
    }
    if (!range_inside(offset, length, disk->size)) {
        return -EINVAL;
    }
    return unmap || image->sparse ? write_zeroes(image, offset, length)
                                  : write_zero_bytes(image, offset, offset + length);
}
