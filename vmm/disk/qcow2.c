/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/disk/qcow2.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/disk/iov.h"
#include "vmm/disk/qcow2-private.h"

enum {
    RUN_MAX = 4 << 20, /* bytes that are looked up at once */
    HEADER_AUTOCLEAR = 88,
    ZEROES_SIZE = 8192,
};

enum kind {
    KIND_NONE, /* the backing file's, or zeros */
    KIND_ZERO,
    KIND_DATA,
    KIND_COMPRESSED,
};

/* Clusters after each other that are kept in the same way, from a place in the disk on. */
struct run {
    enum kind kind;
    uint64_t offset; /* in the disk */
    uint64_t size;   /* bytes, up to the end of the last cluster or of what was asked for */
    uint64_t host;   /* with KIND_DATA: of the first byte */
    uint64_t entry;  /* of the first cluster */
};

static uint64_t
iov_size(const struct iovec *iov, size_t n)
{
    uint64_t size = 0;

    for (size_t i = 0; i < n && i < DISK_IOV_MAX; i++) {
        size += iov[i].iov_len;
    }
    return MIN_OF(size, (uint64_t)RUN_MAX);
}

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

static uint32_t
l1_index_of(const struct qcow2 *image, uint64_t offset)
{
    return (uint32_t)(offset >> (image->cluster_bits + image->l2_bits));
}

static uint32_t
l2_index_of(const struct qcow2 *image, uint64_t offset)
{
    return (uint32_t)(offset >> image->cluster_bits) & ((1U << image->l2_bits) - 1);
}

static int
classify(struct qcow2 *image, uint64_t entry, enum kind *ret_kind)
{
    const uint64_t offset = entry & QCOW2_OFFSET_MASK;

    if (entry & QCOW2_COMPRESSED) {
        *ret_kind = KIND_COMPRESSED;
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
        *ret_kind = KIND_ZERO;
    } else if (offset != 0) {
        *ret_kind = KIND_DATA;
    } else {
        *ret_kind = KIND_NONE;
    }
    return 0;
}

/* Does a cluster go on where the run ends? */
static bool
continues(struct qcow2 *image, const struct run *run, uint64_t n, uint64_t entry)
{
    enum kind kind = KIND_NONE;

    if (classify(image, entry, &kind) < 0 || kind != run->kind || kind == KIND_COMPRESSED) {
        return false;
    }
    return kind != KIND_DATA || (((entry ^ run->entry) & QCOW2_COPIED) == 0 &&
                                 (entry & QCOW2_OFFSET_MASK) ==
                                     (run->entry & QCOW2_OFFSET_MASK) + n * image->cluster_size);
}

/* How many clusters from `index` of a table on are kept as the first, at most `most`. */
static int
count_clusters(struct qcow2 *image, const struct qcow2_table *table, struct run *run, uint64_t most,
               uint64_t *ret_n)
{
    const uint32_t index = l2_index_of(image, run->offset);
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

static int
find_run(struct qcow2 *image, uint64_t offset, uint64_t size, struct run *ret_run)
{
    const uint64_t in_cluster = offset & (image->cluster_size - 1);
    const uint32_t index = l2_index_of(image, offset);
    const uint64_t whole = (in_cluster + size + image->cluster_size - 1) >> image->cluster_bits;
    const uint64_t most = MIN_OF(whole, (UINT64_C(1) << image->l2_bits) - index);
    struct run run = {.kind = KIND_NONE, .offset = offset};
    struct qcow2_table *table = NULL;
    uint64_t n = most;
    int r = qcow2_l2_get(image, l1_index_of(image, offset), false, &table);

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
read_backing(struct qcow2 *image, const struct run *run, const struct iovec *iov, size_t n)
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

static ssize_t
read_run(struct qcow2 *image, const struct run *run, const struct iovec *iov, size_t n)
{
    struct iovec part[DISK_IOV_MAX];
    int r;

    if (run->kind == KIND_NONE) {
        return read_backing(image, run, iov, n);
    }
    n = iov_cut(part, iov, n, run->size);
    if (run->kind == KIND_DATA) {
        return read_data(image, part, n, run->host);
    }
    if (run->kind == KIND_ZERO) {
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

static ssize_t
image_read(struct disk *disk, const struct iovec *iov, size_t n, uint64_t offset)
{
    struct qcow2 *image = (struct qcow2 *)disk;
    struct run run = {0};
    uint64_t size;
    int r;

    if (offset >= disk->size) {
        return -EINVAL;
    }
    size = MIN_OF(iov_size(iov, n), disk->size - offset);
    if (size == 0) {
        return 0;
    }
    r = find_run(image, offset, size, &run);
    return r < 0 ? r : read_run(image, &run, iov, n);
}

/* What the guest sees now of [offset, offset + size), inside of one cluster, to a place in the file. */
static int
copy_part(struct qcow2 *image, uint64_t offset, uint64_t size, uint64_t host)
{
    const uint64_t behind = offset < image->disk.size ? image->disk.size - offset : 0;
    const uint64_t readable = MIN_OF(size, behind);
    uint64_t done = 0;
    enum kind kind = KIND_NONE;

    while (done < readable) {
        struct iovec iov = {.iov_base = image->copy + done, .iov_len = (size_t)(readable - done)};
        struct run run = {0};
        ssize_t n;
        int r = find_run(image, offset + done, readable - done, &run);

        if (r < 0) {
            return r;
        }
        kind = run.kind;
        n = read_run(image, &run, &iov, 1);
        if (n <= 0) {
            return n < 0 ? (int)n : -EIO;
        }
        done += (uint64_t)n;
    }
    memset(image->copy + readable, 0, size - readable);
    if (size == 0 || (kind <= KIND_ZERO && !image->backing && host >= image->file_end)) {
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
fill_clusters(struct qcow2 *image, const struct run *run, uint64_t host, const struct iovec *iov,
              size_t n)
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
    int r = qcow2_l2_get(image, l1_index_of(image, offset), true, &table);

    for (uint64_t i = 0; r == 0 && i < n; i++) {
        const uint32_t index = l2_index_of(image, offset) + (uint32_t)i;
        const uint64_t old = load_be64(table->bytes + (size_t)index * 8);

        qcow2_l2_set(image, table, index, (host + (i << image->cluster_bits)) | QCOW2_COPIED);
        r = qcow2_give_up(image, old);
    }
    return r;
}

/* Write into clusters that are not the image's own yet. */
static ssize_t
write_new(struct qcow2 *image, struct run *run, const struct iovec *iov, size_t n)
{
    const uint64_t head = run->offset & (image->cluster_size - 1);
    uint64_t want = (head + run->size + image->cluster_size - 1) >> image->cluster_bits;
    struct iovec part[DISK_IOV_MAX];
    struct qcow2_table *table = NULL;
    uint64_t host = 0;
    uint64_t got = 0;
    int r = qcow2_l2_get(image, l1_index_of(image, run->offset), true, &table);

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
write_own(struct qcow2 *image, const struct run *run, const struct iovec *iov, size_t n)
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

static ssize_t
image_write(struct disk *disk, const struct iovec *iov, size_t n, uint64_t offset)
{
    struct qcow2 *image = (struct qcow2 *)disk;
    struct run run = {0};
    uint64_t size;
    int r;

    if (image->read_only) {
        return -EROFS;
    }
    if (offset >= disk->size) {
        return -EINVAL;
    }
    size = MIN_OF(iov_size(iov, n), disk->size - offset);
    if (size == 0) {
        return 0;
    }
    r = find_run(image, offset, size, &run);
    if (r < 0) {
        return r;
    }
    if (run.kind == KIND_DATA && (run.entry & QCOW2_COPIED)) {
        return write_own(image, &run, iov, n);
    }
    return write_new(image, &run, iov, n);
}

static int
image_flush(struct disk *disk)
{
    struct qcow2 *image = (struct qcow2 *)disk;
    int r = qcow2_commit(image);

    return r < 0 ? r : qcow2_sync(image);
}

/* Whole clusters inside of a range become `entry`, which keeps no place in the file. */
static int
clear_clusters(struct qcow2 *image, uint64_t offset, uint64_t length, uint64_t entry)
{
    const uint64_t end = offset + length;
    int r = 0;

    while (r == 0 && offset < end) {
        const uint32_t index = l2_index_of(image, offset);
        struct qcow2_table *table = NULL;
        uint64_t old;

        r = qcow2_l2_get(image, l1_index_of(image, offset), entry != 0, &table);
        if (r < 0) {
            return r;
        }
        offset += image->cluster_size;
        old = table ? load_be64(table->bytes + (size_t)index * 8) : 0;
        if (old == entry) {
            continue;
        }
        r = qcow2_l2_get(image, l1_index_of(image, offset - image->cluster_size), true, &table);
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

static int
image_discard(struct disk *disk, uint64_t offset, uint64_t length)
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
        struct run run = {0};
        ssize_t n;
        int r = find_run(image, offset, iov.iov_len, &run);

        if (r < 0) {
            return r;
        }
        if (run.kind == KIND_ZERO || (run.kind == KIND_NONE && !image->backing)) {
            offset += run.size;
            continue;
        }
        n = image_write(&image->disk, &iov, 1, offset);
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

static int
image_write_zeroes(struct disk *disk, uint64_t offset, uint64_t length, bool unmap)
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
        r = write_zeroes(image, old, MIN_OF(size, image->backing->size) - old);
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
    .read = image_read,
    .write = image_write,
    .flush = image_flush,
    .grow = image_grow,
    .discard = image_discard,
    .write_zeroes = image_write_zeroes,
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
