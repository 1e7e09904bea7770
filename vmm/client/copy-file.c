/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/client/copy-file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    PIECE = 4 << 20,
};

struct copying {
    int from;
    int to;
    guint8 *buffer; /* where the kernel cannot copy by itself */
};

gboolean
vm_copy_shares(int from, int to)
{
    return ioctl(to, FICLONE, from) == 0;
}

static int
write_all(int fd, const guint8 *bytes, gsize size, off_t at)
{
    while (size > 0) {
        const gssize n = pwrite(fd, bytes, size, at);

        if (n <= 0 && !(n < 0 && errno == EINTR)) {
            return n < 0 ? -errno : -EIO;
        }
        if (n > 0) {
            bytes += n;
            size -= (gsize)n;
            at += n;
        }
    }
    return 0;
}

/* Bytes that were copied, or -errno; 0: the file ended. */
static gssize
copy_piece(struct copying *copying, off_t at, gsize size)
{
    gssize n = -1;

    if (!copying->buffer) {
        off_t in = at;
        off_t out = at;

        n = copy_file_range(copying->from, &in, copying->to, &out, size, 0);
        if (n > 0 || (n < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EIO))) {
            return n < 0 ? -errno : n;
        }
        /* Some file systems answer 0 where they cannot: only what reading says is the end. */
        copying->buffer = g_malloc(PIECE);
    }
    n = pread(copying->from, copying->buffer, size, at);
    if (n > 0) {
        const int r = write_all(copying->to, copying->buffer, (gsize)n, at);
        return r < 0 ? r : n;
    }
    return n < 0 ? -errno : 0;
}

/* The next bytes that are no hole, from `at` on; FALSE: there are none. */
static gboolean
next_data(int fd, off_t at, off_t size, off_t *ret_begin, off_t *ret_end)
{
    const off_t begin = lseek(fd, at, SEEK_DATA);
    off_t end;

    if (begin < 0 && errno == ENXIO) {
        return FALSE;
    }
    *ret_begin = begin < 0 ? at : begin;
    end = begin < 0 ? size : lseek(fd, begin, SEEK_HOLE);
    *ret_end = end < 0 ? size : MIN(end, size);
    return *ret_begin < *ret_end;
}

int
vm_copy_bytes(int from, int to, GCancellable *cancellable, VmCopiedFunc copied, gpointer data)
{
    struct copying copying = {.from = from, .to = to};
    struct stat status;
    off_t at = 0;
    off_t end = 0;
    gssize n = 1;

    if (fstat(from, &status) < 0 || ftruncate(to, status.st_size) < 0) {
        return -errno;
    }
    while (n > 0 && (at < end || next_data(from, at, status.st_size, &at, &end))) {
        n = g_cancellable_is_cancelled(cancellable)
                ? -ECANCELED
                : copy_piece(&copying, at, (gsize)MIN(end - at, PIECE));
        if (n > 0) {
            /* Begun now, so that the caller's fsync() does not wait for all of it at the end. */
            (void)sync_file_range(to, at, n, SYNC_FILE_RANGE_WRITE);
            at += n;
            copied((guint64)n, data);
        }
    }
    g_free(copying.buffer);
    if (n == 0) {
        return -EIO; /* it became shorter: what was copied is not what it was */
    }
    return n < 0 ? (int)n : 0;
}
