/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is where in a qcow2 image, and reading it. */

#include <errno.h>

#include "vmm/disk/iov.h"
#include "vmm/disk/qcow2-private.h"

/* Fill from bytes, or with zeros when `data` is NULL. */
static void
iov_fill(const struct iovec *iov, size_t n, const uint8_t *data)
{
    for (size_t i = 0; i < n; i++) {
        if (data) {
            memcpy(iov[i].iov_base, data, iov[i].iov_len);
            data += iov[i].iov_len;
        } else {
            memset(iov[i].iov_base, 0, iov[i].iov_len);
        }
    }
}

static int
classify(struct qcow2 *image, uint64_t entry, enum qcow2_kind *ret_kind)
{
    const uint64_t offset = entry & QCOW2_OFFSET_MASK;

    if (entry & QCOW2_COMPRESSED) {
        *ret_kind = QCOW2_KIND_COMPRESSED;
        return entry & QCOW2_COPIED ? qcow2_found_damage(image) : 0;
    }
    if ((entry & QCOW2_L2_RESERVED) || ((entry & QCOW2_ZERO) && image->version < 3)) {
        return qcow2_found_damage(image);
    }
    if (offset != 0 &&
        (offset % image->cluster_size != 0 || qcow2_is_root_metadata(image, offset))) {
        return qcow2_found_damage(image);
    }
    if (entry & QCOW2_ZERO) {
        *ret_kind = QCOW2_KIND_ZERO;
    } else if (offset != 0) {
        *ret_kind = QCOW2_KIND_DATA;
    } else {
        *ret_kind = QCOW2_KIND_NONE;
    }
    return 0;
}

/* Does a cluster go on where the run ends? */
static bool
continues(struct qcow2 *image, const struct qcow2_run *run, uint64_t n, uint64_t entry)
{
    enum qcow2_kind kind = QCOW2_KIND_NONE;

    if (classify(image, entry, &kind) < 0 || kind != run->kind || kind == QCOW2_KIND_COMPRESSED) {
        return false;
    }
    return kind != QCOW2_KIND_DATA ||
           (((entry ^ run->entry) & QCOW2_COPIED) == 0 &&
            (entry & QCOW2_OFFSET_MASK) ==
                (run->entry & QCOW2_OFFSET_MASK) + n * image->cluster_size);
}

/* How many clusters from `index` of a table on are kept as the first, at most `most`. */
static int
count_clusters(struct qcow2 *image, const struct qcow2_table *table, struct qcow2_run *run,
               uint64_t most, uint64_t *ret_n)
{
    const uint32_t index = qcow2_l2_index(image, run->offset);
    uint64_t n = 1;
    int r;

    run->entry = load_be64(table->bytes + (size_t)index * 8);
    r = classify(image, run->entry, &run->kind);
    while (r == 0 && n < most &&
           continues(image, run, n, load_be64(table->bytes + (index + n) * 8))) {
        n++;
    }
    *ret_n = n;
    return r;
}

int
qcow2_find_run(struct qcow2 *image, uint64_t offset, uint64_t size, struct qcow2_run *ret_run)
{
    const uint64_t in_cluster = offset & (image->cluster_size - 1);
    const uint32_t index = qcow2_l2_index(image, offset);
    const uint64_t whole = (in_cluster + size + image->cluster_size - 1) >> image->cluster_bits;
    const uint64_t most = MIN_OF(whole, (UINT64_C(1) << image->l2_bits) - index);
    struct qcow2_run run = {.kind = QCOW2_KIND_NONE, .offset = offset};
    struct qcow2_table *table = NULL;
    uint64_t n = most;
    int r = qcow2_l2_get(image, qcow2_l1_index(image, offset), false, &table);

    if (r == 0 && table) {
        r = count_clusters(image, table, &run, most, &n);
    }
    run.size = MIN_OF((n << image->cluster_bits) - in_cluster, size);
    run.host = (run.entry & QCOW2_OFFSET_MASK) + in_cluster;
    if (r == 0) {
        *ret_run = run;
    }
    return r;
}

/* The first bytes of a run in the backing file, or zeros. */
static ssize_t
read_backing(struct qcow2 *image, const struct qcow2_run *run, const struct iovec *iov, size_t n)
{
    struct iovec part[DISK_IOV_MAX];
    uint64_t size = run->size;

    if (!image->backing || run->offset >= image->backing->size) {
        n = iov_cut(part, iov, n, size);
        iov_fill(part, n, NULL);
        return (ssize_t)size;
    }
    size = MIN_OF(size, image->backing->size - run->offset);
    n = iov_cut(part, iov, n, size);
    return disk_read(image->backing, part, n, run->offset);
}

static int
unpack_cluster(struct qcow2 *image, uint64_t entry)
{
    uint64_t offset;
    uint64_t size;
    int r = 0;

    if (image->unpacked_entry == entry) {
        return 0;
    }
    qcow2_packed_place(image, entry, &offset, &size);
    if (offset < image->cluster_size || size > 2 * image->cluster_size + 512 ||
        offset >= image->file_end) {
        return qcow2_found_damage(image);
    }
    if (!image->unpacker) {
        r = qcow2_unpacker_create(image->compression, &image->unpacker);
    }
    image->unpacked_entry = 0;
    if (r == 0) {
        r = qcow2_read_bytes(image, image->packed, (size_t)size, offset, true);
    }
    if (r == 0) {
        r = qcow2_unpack(image->unpacker, image->packed, (size_t)size, image->unpacked,
                         (size_t)image->cluster_size);
    }
    if (r == 0) {
        image->unpacked_entry = entry;
    }
    return r;
}

static ssize_t
read_data(struct qcow2 *image, const struct iovec *iov, size_t n, uint64_t host)
{
    ssize_t done;

    do {
        done = preadv(image->fd, iov, (int)n, (off_t)host);
    } while (done < 0 && errno == EINTR);
    if (done == 0) { /* the last cluster need not be whole */
        iov_fill(iov, n, NULL);
        return (ssize_t)iov_size(iov, n);
    }
    return done < 0 ? -errno : done;
}

ssize_t
qcow2_read_run(struct qcow2 *image, const struct qcow2_run *run, const struct iovec *iov, size_t n)
{
    struct iovec part[DISK_IOV_MAX];
    int r;

    if (run->kind == QCOW2_KIND_NONE) {
        return read_backing(image, run, iov, n);
    }
    n = iov_cut(part, iov, n, run->size);
    if (run->kind == QCOW2_KIND_DATA) {
        return read_data(image, part, n, run->host);
    }
    if (run->kind == QCOW2_KIND_ZERO) {
        iov_fill(part, n, NULL);
        return (ssize_t)run->size;
    }
    r = unpack_cluster(image, run->entry);
    if (r < 0) {
        return r;
    }
    iov_fill(part, n, image->unpacked + (run->offset & (image->cluster_size - 1)));
    return (ssize_t)run->size;
}

ssize_t
qcow2_read(struct disk *disk, const struct iovec *iov, size_t n, uint64_t offset)
{
    struct qcow2 *image = (struct qcow2 *)disk;
    struct qcow2_run run = {0};
    uint64_t size;
    int r;

    if (offset >= disk->size) {
        return -EINVAL;
    }
    size = MIN_OF(MIN_OF(iov_size(iov, n), (uint64_t)QCOW2_RUN_MAX), disk->size - offset);
    if (size == 0) {
        return 0;
    }
    r = qcow2_find_run(image, offset, size, &run);
    return r < 0 ? r : qcow2_read_run(image, &run, iov, n);
}
