/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "vmm/base/bytes.h"
#include "vmm/virtio/queue.h"

/*
 * One half of a chain from a position on: each next() gives a piece that lies in one segment.
 * `left` is what the caller asked for, cut to what the half still has.
 */
struct cursor {
    const struct iovec *iov;
    const struct iovec *end;
    size_t offset; /* into *iov */
    size_t left;
};

static struct cursor
cursor_at(const struct iovec *iov, size_t n, uint64_t position, size_t size)
{
    struct cursor cursor = {.iov = iov, .end = iov + n, .left = size};

    while (cursor.iov < cursor.end && position >= cursor.iov->iov_len) {
        position -= cursor.iov->iov_len;
        cursor.iov++;
    }
    cursor.offset = (size_t)position;
    return cursor;
}

/* The next piece, or one of length 0 at the end. */
static struct iovec
cursor_next(struct cursor *cursor)
{
    struct iovec piece = {.iov_base = NULL};

    if (cursor->left == 0 || cursor->iov >= cursor->end) {
        return piece;
    }
    piece.iov_base = (char *)cursor->iov->iov_base + cursor->offset;
    piece.iov_len = MIN_OF(cursor->left, cursor->iov->iov_len - cursor->offset);
    cursor->left -= piece.iov_len;
    cursor->iov++;
    cursor->offset = 0;
    return piece;
}

static struct cursor
out_cursor(const struct chain *chain, size_t size)
{
    return cursor_at(chain->iov, chain->n_out, chain->out_position, size);
}

static struct cursor
in_cursor(const struct chain *chain, size_t size)
{
    return cursor_at(chain->iov + chain->n_out, chain->n_in, chain->in_position, size);
}

size_t
chain_read(struct chain *chain, void *data, size_t size)
{
    struct cursor cursor = out_cursor(chain, size);
    size_t done = 0;

    for (;;) {
        struct iovec piece = cursor_next(&cursor);
        if (piece.iov_len == 0) {
            break;
        }
        memcpy((char *)data + done, piece.iov_base, piece.iov_len);
        done += piece.iov_len;
    }
    chain->out_position += done;
    return done;
}

size_t
chain_write(struct chain *chain, const void *data, size_t size)
{
    struct cursor cursor = in_cursor(chain, size);
    size_t done = 0;

    for (;;) {
        struct iovec piece = cursor_next(&cursor);
        if (piece.iov_len == 0) {
            break;
        }
        memcpy(piece.iov_base, (const char *)data + done, piece.iov_len);
        done += piece.iov_len;
    }
    chain->in_position += done;
    return done;
}

size_t
chain_skip_out(struct chain *chain, size_t size)
{
    size_t skipped = (size_t)MIN_OF((uint64_t)size, chain->out_size - chain->out_position);

    chain->out_position += skipped;
    return skipped;
}

size_t
chain_skip_in(struct chain *chain, size_t size)
{
    size_t skipped = (size_t)MIN_OF((uint64_t)size, chain->in_size - chain->in_position);

    chain->in_position += skipped;
    return skipped;
}

static size_t
take(struct cursor *cursor, struct iovec *iov, size_t max, size_t *ret_size)
{
    size_t n = 0;

    *ret_size = 0;
    while (n < max) {
        iov[n] = cursor_next(cursor);
        if (iov[n].iov_len == 0) {
            break;
        }
        *ret_size += iov[n].iov_len;
        n++;
    }
    return n;
}

size_t
chain_take_out(struct chain *chain, size_t size, struct iovec *iov, size_t max, size_t *ret_size)
{
    struct cursor cursor = out_cursor(chain, size);
    size_t n = take(&cursor, iov, max, ret_size);

    chain->out_position += *ret_size;
    return n;
}

size_t
chain_take_in(struct chain *chain, size_t size, struct iovec *iov, size_t max, size_t *ret_size)
{
    struct cursor cursor = in_cursor(chain, size);
    size_t n = take(&cursor, iov, max, ret_size);

    chain->in_position += *ret_size;
    return n;
}
