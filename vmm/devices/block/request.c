/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/devices/block/request.h"

#include <errno.h>
#include <linux/virtio_blk.h>
#include <string.h>

#include "vmm/base/bytes.h"

enum {
    SEGMENTS_MAX = 128, /* of one preadv() or pwritev() */
    TRANSFER_MAX = 1 << 20,
    HEADER_SIZE = 16,
    RANGE_SIZE = 16,
    UNSUPPORTED = -EOPNOTSUPP,
};

/* The header, copied out of guest memory. */
struct header {
    uint32_t type;
    uint64_t sector;
};

/* Bytes on disk that a request is about; checked. */
struct extent {
    uint64_t offset;
    uint64_t size;
};

static int
check_extent(const struct request_disk *disk, uint64_t sector, uint64_t size,
             struct extent *ret_extent)
{
    if (size % REQUEST_SECTOR_SIZE != 0 ||
        !range_inside(sector, size / REQUEST_SECTOR_SIZE, disk->n_sectors)) {
        return -ERANGE;
    }
    *ret_extent = (struct extent){.offset = sector * REQUEST_SECTOR_SIZE, .size = size};
    return 0;
}

static int
serve_read(struct request_disk *disk, struct chain *chain, uint64_t sector)
{
    struct iovec iov[SEGMENTS_MAX];
    struct extent extent;
    int r = check_extent(disk, sector, chain->in_size - 1, &extent);

    while (r == 0 && extent.size > 0) {
        uint64_t before = chain->in_position;
        size_t size = (size_t)MIN_OF(extent.size, (uint64_t)TRANSFER_MAX);
        size_t n = chain_take_in(chain, size, iov, SEGMENTS_MAX, &size);
        ssize_t done = disk_read(disk->disk, iov, n, extent.offset);

        if (done <= 0) {
            return done < 0 ? (int)done : -EIO;
        }
        chain->in_position = before + (uint64_t)done;
        extent.offset += (uint64_t)done;
        extent.size -= (uint64_t)done;
    }
    return r;
}

static int
serve_write(struct request_disk *disk, struct chain *chain, uint64_t sector)
{
    struct iovec iov[SEGMENTS_MAX];
    struct extent extent;
    int r = disk->read_only ? -EROFS
                            : check_extent(disk, sector, chain->out_size - HEADER_SIZE, &extent);

    if (r < 0) {
        return r;
    }
    while (extent.size > 0) {
        uint64_t before = chain->out_position;
        size_t size = (size_t)MIN_OF(extent.size, (uint64_t)TRANSFER_MAX);
        size_t n = chain_take_out(chain, size, iov, SEGMENTS_MAX, &size);
        ssize_t done = disk_write(disk->disk, iov, n, extent.offset);

        if (done <= 0) {
            return done < 0 ? (int)done : -EIO;
        }
        chain->out_position = before + (uint64_t)done;
        extent.offset += (uint64_t)done;
        extent.size -= (uint64_t)done;
    }
    return disk->write_through ? disk_flush(disk->disk) : 0;
}

static int
serve_range(struct request_disk *disk, uint32_t type, const uint8_t *bytes)
{
    const bool zeroes = type == VIRTIO_BLK_T_WRITE_ZEROES;
    uint64_t sector = load_le64(bytes);
    uint32_t n_sectors = load_le32(bytes + 8);
    uint32_t flags = load_le32(bytes + 12);
    struct extent extent;
    int r;

    if (flags & ~(zeroes ? VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP : 0U)) {
        return UNSUPPORTED;
    }
    if (n_sectors > (zeroes ? REQUEST_ZEROES_SECTORS_MAX : REQUEST_DISCARD_SECTORS_MAX)) {
        return -ERANGE;
    }
    r = check_extent(disk, sector, (uint64_t)n_sectors * REQUEST_SECTOR_SIZE, &extent);
    if (r < 0) {
        return r;
    }
    if (!zeroes) {
        return disk_discard(disk->disk, extent.offset, extent.size);
    }
    r = disk_write_zeroes(disk->disk, extent.offset, extent.size, flags != 0);
    return r == 0 && disk->write_through ? disk_flush(disk->disk) : r;
}

/* Discard and write-zeroes: a list of ranges in the place of data. */
static int
serve_ranges(struct request_disk *disk, struct chain *chain, uint32_t type)
{
    const bool zeroes = type == VIRTIO_BLK_T_WRITE_ZEROES;
    const unsigned int feature = zeroes ? VIRTIO_BLK_F_WRITE_ZEROES : VIRTIO_BLK_F_DISCARD;
    uint64_t size = chain->out_size - HEADER_SIZE;
    uint64_t n = size / RANGE_SIZE;
    uint8_t bytes[RANGE_SIZE];
    int r = 0;

    if (!(disk->features & (UINT64_C(1) << feature))) {
        return UNSUPPORTED;
    }
    if (size == 0 || size % RANGE_SIZE != 0 || n > (zeroes ? 1 : REQUEST_DISCARD_SEGMENTS_MAX)) {
        return -EINVAL;
    }
    while (r == 0 && n-- > 0) {
        /* The chain may have lost its memory meanwhile: then it is short. */
        r = chain_read(chain, bytes, sizeof(bytes)) == sizeof(bytes)
                ? serve_range(disk, type, bytes)
                : -EFAULT;
    }
    return r;
}

static int
serve_id(const struct request_disk *disk, struct chain *chain)
{
    uint64_t room = chain->in_size - 1;

    chain_write(chain, disk->serial, (size_t)MIN_OF(room, (uint64_t)sizeof(disk->serial)));
    return 0;
}

static int
serve(struct request_disk *disk, struct chain *chain, const struct header *header)
{
    switch (header->type) {
    case VIRTIO_BLK_T_IN:
        return serve_read(disk, chain, header->sector);
    case VIRTIO_BLK_T_OUT:
        return serve_write(disk, chain, header->sector);
    case VIRTIO_BLK_T_FLUSH:
        return disk->read_only ? 0 : disk_flush(disk->disk);
    case VIRTIO_BLK_T_GET_ID:
        return serve_id(disk, chain);
    case VIRTIO_BLK_T_DISCARD:
    case VIRTIO_BLK_T_WRITE_ZEROES:
        return serve_ranges(disk, chain, header->type);
    default:
        return UNSUPPORTED;
    }
}

static bool
is_full(int r)
{
    return r == -ENOSPC || r == -EDQUOT;
}

/* One line each time the host's disk becomes full, and a limited number for all else. */
static void
report(struct request_disk *disk, const struct header *header, int r)
{
    disk->lost |= r == -DISK_BYTES_LOST;
    if (is_full(r) || r == -DISK_BYTES_LOST) {
        /* Who pauses the machine says so. */
        if (!disk->full_reported && !disk->waits_for_room) {
            log_error("disk-full: The host has no room left for the guest's disk: the guest sees "
                      "write errors. Free some space.");
        }
        disk->full_reported = true;
    } else if (r == 0 && header->type == VIRTIO_BLK_T_OUT) {
        disk->full_reported = false;
    } else if (r < 0 && r != UNSUPPORTED) {
        log_limited(&disk->limit, LOG_LEVEL_WARNING,
                    "a request of type %u at sector %llu is refused: %s", header->type,
                    (unsigned long long)header->sector, strerror(-r));
    }
}

static uint8_t
status_of(int r)
{
    if (r == UNSUPPORTED) {
        return VIRTIO_BLK_S_UNSUPP;
    }
    if (r < 0) {
        return VIRTIO_BLK_S_IOERR;
    }
    return VIRTIO_BLK_S_OK;
}

int
request_serve(struct request_disk *disk, struct chain *chain, uint32_t *ret_written)
{
    uint8_t bytes[HEADER_SIZE];
    struct header header = {.type = UINT32_MAX};
    int r = -EINVAL;

    if (chain->in_size == 0) {
        log_limited(&disk->limit, LOG_LEVEL_WARNING, "a request has no room for its status");
        *ret_written = 0;
        return 0;
    }
    if (chain_read(chain, bytes, sizeof(bytes)) == sizeof(bytes)) {
        header.type = load_le32(bytes);
        header.sector = load_le64(bytes + 8);
        r = serve(disk, chain, &header);
    }
    if (disk->waits_for_room && is_full(r)) {
        chain->out_position = 0;
        chain->in_position = 0;
        return r;
    }
    report(disk, &header, r);
    chain->in_position = chain->in_size - 1; /* the last byte, whatever was written before it */
    chain_write(chain, &(uint8_t){status_of(r)}, 1);
    *ret_written = (uint32_t)chain->in_size;
    return 0;
}
