/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/disk/raw.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/base/bytes.h"
#include "vmm/base/memory.h"

enum {
    ZEROES_SIZE = 65536
};

struct raw {
    struct disk disk;
    struct raw_setup setup;
    bool is_file;
    uint64_t file_size; /* of a file */
    bool no_holes;      /* the file system refused: ask no more */
    bool no_zero_range; /* the same */
    char *zeroes;       /* ZEROES_SIZE bytes for where nothing better works */
};

static int
file_size(int fd, uint64_t *ret_size, bool *ret_is_file)
{
    struct stat st;

    if (fstat(fd, &st) < 0) {
        return -errno;
    }
    *ret_is_file = S_ISREG(st.st_mode);
    if (S_ISBLK(st.st_mode)) {
        return ioctl(fd, BLKGETSIZE64, ret_size) < 0 ? -errno : 0;
    }
    if (!S_ISREG(st.st_mode) || st.st_size < 0) {
        return -EINVAL;
    }
    *ret_size = (uint64_t)st.st_size;
    return 0;
}

/* 0 also where the file system cannot. */
static int
take_room(const struct raw *raw, uint64_t offset, uint64_t length)
{
    int r;

    do {
        r = fallocate(raw->setup.fd, 0, (off_t)offset, (off_t)length);
    } while (r < 0 && errno == EINTR);
    return r < 0 && errno != EOPNOTSUPP ? -errno : 0;
}

static int
raw_grow(struct disk *disk, uint64_t size)
{
    struct raw *raw = (struct raw *)disk;
    const uint64_t old = raw->setup.size;
    int r;

    if (raw->setup.read_only) {
        return -EROFS;
    }
    if (size < old || size > INT64_MAX) {
        return -EINVAL;
    }
    if (!raw->is_file) {
        return -EMEDIUMTYPE;
    }
    r = raw->setup.sparse || size == old ? 0 : take_room(raw, old, size - old);
    if (r == 0 && ftruncate(raw->setup.fd, (off_t)size) < 0) {
        r = -errno;
    }
    if (r < 0) {
        /* Some file systems have made it as long as there was room. */
        (void)!ftruncate(raw->setup.fd, (off_t)raw->file_size);
        return r;
    }
    raw->file_size = size;
    raw->setup.size = size;
    raw->disk.size = size;
    return 0;
}

static void
raw_close(struct disk *disk)
{
    struct raw *raw = (struct raw *)disk;

    free(raw->zeroes);
    free(raw);
}

static ssize_t
raw_read(struct disk *disk, const struct iovec *iov, size_t n, uint64_t offset)
{
    struct raw *raw = (struct raw *)disk;
    ssize_t done;

    if (offset >= raw->setup.size || n > IOV_MAX) {
        return -EINVAL;
    }
    do {
        done = preadv(raw->setup.fd, iov, (int)n, (off_t)offset);
    } while (done < 0 && errno == EINTR);
    return done < 0 ? -errno : done;
}

static ssize_t
raw_write(struct disk *disk, const struct iovec *iov, size_t n, uint64_t offset)
{
    struct raw *raw = (struct raw *)disk;
    ssize_t done;

    if (raw->setup.read_only) {
        return -EROFS;
    }
    if (offset >= raw->setup.size || n > IOV_MAX) {
        return -EINVAL;
    }
    do {
        done = pwritev(raw->setup.fd, iov, (int)n, (off_t)offset);
    } while (done < 0 && errno == EINTR);
    return done < 0 ? -errno : done;
}

static int
raw_flush(struct disk *disk)
{
    struct raw *raw = (struct raw *)disk;

    return disk_sync_fd(raw->setup.fd);
}

/* fallocate(2) keeping the size; remembers in *refused when the file system cannot do that. */
static int
allocate(const struct raw *raw, int mode, uint64_t offset, uint64_t length, bool *refused)
{
    int r;

    if (*refused) {
        return -EOPNOTSUPP;
    }
    do {
        r = fallocate(raw->setup.fd, mode | FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)length);
    } while (r < 0 && errno == EINTR);
    r = r < 0 ? -errno : 0;
    *refused = r == -EOPNOTSUPP || r == -ENOSYS || r == -ENODEV;
    return *refused ? -EOPNOTSUPP : r;
}

static int
check_range(const struct raw *raw, uint64_t offset, uint64_t length)
{
    if (raw->setup.read_only) {
        return -EROFS;
    }
    return range_inside(offset, length, raw->setup.size) ? 0 : -EINVAL;
}

static int
raw_discard(struct disk *disk, uint64_t offset, uint64_t length)
{
    struct raw *raw = (struct raw *)disk;
    int r = check_range(raw, offset, length);

    if (r < 0 || length == 0 || !raw->setup.sparse) {
        return r;
    }
    r = allocate(raw, FALLOC_FL_PUNCH_HOLE, offset, length, &raw->no_holes);
    return r == -EOPNOTSUPP ? 0 : r;
}

static int
write_zeroes(struct raw *raw, uint64_t offset, uint64_t length)
{
    while (length > 0) {
        struct iovec iov = {.iov_base = raw->zeroes,
                            .iov_len = (size_t)MIN_OF(length, (uint64_t)ZEROES_SIZE)};
        ssize_t n = raw_write(&raw->disk, &iov, 1, offset);

        if (n <= 0) {
            return n < 0 ? (int)n : -EIO;
        }
        offset += (uint64_t)n;
        length -= (uint64_t)n;
    }
    return 0;
}

static int
raw_write_zeroes(struct disk *disk, uint64_t offset, uint64_t length, bool unmap)
{
    struct raw *raw = (struct raw *)disk;
    int r = check_range(raw, offset, length);

    if (r < 0 || length == 0) {
        return r;
    }
    if (unmap && raw->setup.sparse) {
        r = allocate(raw, FALLOC_FL_PUNCH_HOLE, offset, length, &raw->no_holes);
    } else {
        r = allocate(raw, FALLOC_FL_ZERO_RANGE, offset, length, &raw->no_zero_range);
    }
    return r == -EOPNOTSUPP ? write_zeroes(raw, offset, length) : r;
}

static const struct disk_ops raw_ops = {
    .read = raw_read,
    .write = raw_write,
    .flush = raw_flush,
    .grow = raw_grow,
    .discard = raw_discard,
    .write_zeroes = raw_write_zeroes,
    .close = raw_close,
};

int
raw_open(const struct raw_setup *setup, struct disk **ret_disk)
{
    int flags = fcntl(setup->fd, F_GETFL);
    uint64_t size = 0;
    bool is_file = false;
    int r;

    if (flags < 0) {
        return -errno;
    }
    if ((flags & O_ACCMODE) == O_WRONLY || (!setup->read_only && (flags & O_ACCMODE) == O_RDONLY)) {
        return -EACCES;
    }
    r = file_size(setup->fd, &size, &is_file);
    if (r < 0) {
        return r;
    }
    if (setup->size > size || setup->size > INT64_MAX) {
        return -EINVAL;
    }
    struct raw *raw = xalloc(sizeof(*raw));
    raw->disk = (struct disk){.ops = &raw_ops, .size = setup->size};
    raw->setup = *setup;
    raw->is_file = is_file;
    raw->file_size = size;
    raw->zeroes = xalloc(ZEROES_SIZE);
    *ret_disk = &raw->disk;
    return 0;
}
