/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/disk/composite.h"

#include <errno.h>
#include <stdlib.h>

#include "vmm/base/bytes.h"
#include "vmm/disk/iov.h"

struct part {
    struct composite_slice slice;
    uint64_t offset; /* in the disk */
    bool dirty;      /* changed since it was flushed */
};

struct composite {
    struct disk disk;
    size_t n;
    struct part part[COMPOSITE_DISKS_MAX];
};

/* Bytes of one part, in its own disk. */
struct piece {
    struct part *part;
    uint64_t from;
    uint64_t length;
};

/* What of a range, which begins inside of the disk, lies in the part where it begins. */
static struct piece
find_piece(struct composite *composite, uint64_t offset, uint64_t length)
{
    size_t i = composite->n - 1;

    while (composite->part[i].offset > offset) {
        i--;
    }
    struct part *part = &composite->part[i];
    const uint64_t within = offset - part->offset;

    return (struct piece){
        .part = part,
        .from = part->slice.from + within,
        .length = MIN_OF(length, part->slice.length - within),
    };
}

static ssize_t
composite_read(struct disk *disk, const struct iovec *iov, size_t n, uint64_t offset)
{
    struct iovec cut[DISK_IOV_MAX];
    struct piece piece;

    if (offset >= disk->size) {
        return -EINVAL;
    }
    piece = find_piece((struct composite *)disk, offset, UINT64_MAX);
    n = iov_cut(cut, iov, n, piece.length);
    return n == 0 ? 0 : disk_read(piece.part->slice.disk, cut, n, piece.from);
}

static ssize_t
composite_write(struct disk *disk, const struct iovec *iov, size_t n, uint64_t offset)
{
    struct iovec cut[DISK_IOV_MAX];
    struct piece piece;

    if (offset >= disk->size) {
        return -EINVAL;
    }
    piece = find_piece((struct composite *)disk, offset, UINT64_MAX);
    if (piece.part->slice.read_only) {
        return -EROFS;
    }
    n = iov_cut(cut, iov, n, piece.length);
    piece.part->dirty = true;
    return n == 0 ? 0 : disk_write(piece.part->slice.disk, cut, n, piece.from);
}

/* One that cannot be flushed keeps none of the others from it; what cannot be tried again is told first. */
static int
composite_flush(struct disk *disk)
{
    struct composite *composite = (struct composite *)disk;
    int result = 0;

    for (size_t i = 0; i < composite->n; i++) {
        struct part *part = &composite->part[i];
        int r = part->dirty ? disk_flush(part->slice.disk) : 0;

        part->dirty = r < 0;
        result = result < 0 && r != -DISK_BYTES_LOST ? result : r;
    }
    return result;
}

static int
composite_grow(struct disk *disk, uint64_t size)
{
    (void)disk;
    (void)size;
    return -EMEDIUMTYPE;
}

static int
composite_discard(struct disk *disk, uint64_t offset, uint64_t length)
{
    int r = range_inside(offset, length, disk->size) ? 0 : -EINVAL;

    while (r == 0 && length > 0) {
        const struct piece piece = find_piece((struct composite *)disk, offset, length);

        if (!piece.part->slice.read_only) {
            piece.part->dirty = true;
            r = disk_discard(piece.part->slice.disk, piece.from, piece.length);
        }
        offset += piece.length;
        length -= piece.length;
    }
    return r;
}

static int
composite_write_zeroes(struct disk *disk, uint64_t offset, uint64_t length, bool unmap)
{
    int r = range_inside(offset, length, disk->size) ? 0 : -EINVAL;

    while (r == 0 && length > 0) {
        const struct piece piece = find_piece((struct composite *)disk, offset, length);

        if (piece.part->slice.read_only) {
            return -EROFS;
        }
        piece.part->dirty = true;
        r = disk_write_zeroes(piece.part->slice.disk, piece.from, piece.length, unmap);
        offset += piece.length;
        length -= piece.length;
    }
    return r;
}

static void
composite_close(struct disk *disk)
{
    struct composite *composite = (struct composite *)disk;

    for (size_t i = 0; i < composite->n; i++) {
        disk_close(composite->part[i].slice.disk);
    }
    free(composite);
}

static const struct disk_ops composite_ops = {
    .read = composite_read,
    .write = composite_write,
    .flush = composite_flush,
    .grow = composite_grow,
    .discard = composite_discard,
    .write_zeroes = composite_write_zeroes,
    .close = composite_close,
};

int
composite_open(const struct composite_slice *slices, size_t n, struct disk **ret_disk)
{
    struct composite *composite;
    uint64_t size = 0;

    if (n == 0 || n > COMPOSITE_DISKS_MAX) {
        return -EINVAL;
    }
    for (size_t i = 0; i < n; i++) {
        const struct composite_slice *slice = &slices[i];

        if (slice->length == 0 || !range_inside(slice->from, slice->length, slice->disk->size) ||
            !range_inside(size, slice->length, INT64_MAX)) {
            return -EINVAL;
        }
        size += slice->length;
    }
    composite = calloc(1, sizeof(*composite));
    if (!composite) {
        return -ENOMEM;
    }
    composite->disk.ops = &composite_ops;
    composite->n = n;
    for (size_t i = 0; i < n; i++) {
        composite->part[i] = (struct part){.slice = slices[i], .offset = composite->disk.size};
        composite->disk.size += slices[i].length;
    }
    *ret_disk = &composite->disk;
    return 0;
}
