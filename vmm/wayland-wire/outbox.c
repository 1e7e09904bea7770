/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/wayland-wire/outbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm/base/bytes.h"
#include "vmm/base/message.h"

enum {
    CHUNK_SIZE = 4096
};

struct chunk {
    struct list link;
    size_t size;
    size_t sent;
    size_t n_fds;
    int fds[OUTBOX_FDS_MAX];
    uint8_t data[CHUNK_SIZE];
};

static void
close_fds(const int *fds, size_t n_fds)
{
    for (size_t i = 0; i < n_fds; i++) {
        close(fds[i]);
    }
}

static void
chunk_destroy(struct chunk *chunk)
{
    close_fds(chunk->fds, chunk->n_fds);
    list_remove(&chunk->link);
    free(chunk);
}

void
outbox_init(struct outbox *outbox)
{
    list_init(&outbox->chunks);
    outbox->queued = 0;
}

void
outbox_clear(struct outbox *outbox)
{
    list_for_each_safe(link, &outbox->chunks) {
        chunk_destroy(list_container(link, struct chunk, link));
    }
    outbox->queued = 0;
}

/* The last chunk where it has room, else a new one. Descriptors begin a chunk. */
static struct chunk *
chunk_for(struct outbox *outbox, size_t n_fds)
{
    struct list *tail = outbox->chunks.prev;

    if (tail != &outbox->chunks && n_fds == 0) {
        struct chunk *last = list_container(tail, struct chunk, link);
        if (last->size < CHUNK_SIZE) {
            return last;
        }
    }
    struct chunk *chunk = malloc(sizeof(*chunk));
    if (chunk) {
        chunk->size = chunk->sent = chunk->n_fds = 0;
        list_append(&outbox->chunks, &chunk->link);
    }
    return chunk;
}

int
outbox_add(struct outbox *outbox, const void *data, size_t size, const int *fds, size_t n_fds)
{
    const uint8_t *bytes = data;

    while (size > 0) {
        struct chunk *chunk = n_fds <= OUTBOX_FDS_MAX ? chunk_for(outbox, n_fds) : NULL;
        if (!chunk) {
            close_fds(fds, n_fds);
            return -ENOMEM;
        }
        size_t part = MIN_OF(size, CHUNK_SIZE - chunk->size);
        memcpy(chunk->data + chunk->size, bytes, part);
        chunk->size += part;
        if (n_fds > 0) {
            memcpy(chunk->fds, fds, n_fds * sizeof(*fds));
            chunk->n_fds = n_fds;
            n_fds = 0;
        }
        outbox->queued += part;
        bytes += part;
        size -= part;
    }
    return 0;
}

static ssize_t
write_chunk(const struct chunk *chunk, int fd)
{
    ssize_t n = write(fd, chunk->data + chunk->sent, chunk->size - chunk->sent);

    return n < 0 ? -errno : n;
}

static ssize_t
send_chunk(const struct chunk *chunk, int fd)
{
    return message_send_part(fd, chunk->data + chunk->sent, chunk->size - chunk->sent, chunk->fds,
                             chunk->n_fds);
}

/* All of a chunk, or as much as fits: what `put` said last. */
static ssize_t
put_chunk(struct outbox *outbox, struct chunk *chunk, int fd,
          ssize_t (*put)(const struct chunk *chunk, int fd))
{
    ssize_t n = 1;

    while (n > 0 && chunk->sent < chunk->size) {
        n = put(chunk, fd);
        if (n <= 0) {
            return n;
        }
        close_fds(chunk->fds, chunk->n_fds);
        chunk->n_fds = 0;
        chunk->sent += (size_t)n;
        outbox->queued -= (size_t)n;
    }
    return n;
}

static int
flush(struct outbox *outbox, int fd, ssize_t (*put)(const struct chunk *chunk, int fd))
{
    list_for_each_safe(link, &outbox->chunks) {
        struct chunk *chunk = list_container(link, struct chunk, link);
        ssize_t n = put_chunk(outbox, chunk, fd, put);

        if (chunk->sent < chunk->size) {
            return n == 0 || n == -EAGAIN || n == -EINTR ? 0 : (int)n;
        }
        chunk_destroy(chunk);
    }
    return 0;
}

int
outbox_send(struct outbox *outbox, int socket)
{
    return flush(outbox, socket, send_chunk);
}

int
outbox_write(struct outbox *outbox, int pipe)
{
    return flush(outbox, pipe, write_chunk);
}
