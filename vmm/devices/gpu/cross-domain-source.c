/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Sockets and pipes of the host: what the guest sends waits here while they are full. */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/base/memory.h"
#include "vmm/devices/gpu/cross-domain-private.h"

/* Bytes that wait; the descriptors go with the first of them. */
struct cross_chunk {
    struct list link;
    size_t size;
    size_t sent;
    size_t n_fds;
    int fds[CROSS_IDS_MAX];
    uint8_t data[];
};

static void source_ready(void *data, uint32_t events);

static void
chunk_free(struct cross_source *source, struct cross_chunk *chunk)
{
    source->context->queued -= chunk->size + sizeof(*chunk);
    for (size_t i = 0; i < chunk->n_fds; i++) {
        cross_close_fd(source->context, &chunk->fds[i]);
    }
    list_remove(&chunk->link);
    free(chunk);
}

/* A descriptor that is listened to for nothing reports hang-ups still: it is not watched then. */
static void
source_watch(struct cross_source *source, uint32_t events)
{
    if (source->fd < 0 || events == source->events) {
        return;
    }
    if (events == 0) {
        loop_remove(source->watch);
        source->watch = NULL;
    } else if (source->watch) {
        (void)loop_modify(source->watch, events);
    } else {
        source->watch =
            loop_add(source->context->domain->loop, source->fd, events, source_ready, source);
    }
    source->events = source->watch ? events : 0;
}

void
cross_source_listen(struct cross_source *source, bool on)
{
    const bool reads = on && source->kind != CROSS_SOURCE_WRITE_PIPE;

    source_watch(source, (reads ? (uint32_t)EPOLLIN : 0) |
                             (list_empty(&source->outbox) ? 0 : (uint32_t)EPOLLOUT));
}

/* Bytes sent, or -errno. */
static ssize_t
source_put(struct cross_source *source, const void *data, size_t size, const int *fds, size_t n_fds)
{
    ssize_t n;

    if (source->kind == CROSS_SOURCE_CHANNEL) {
        return message_send_part(source->fd, data, size, fds, n_fds);
    }
    do {
        n = write(source->fd, data, size);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

static int
chunk_send(struct cross_source *source, struct cross_chunk *chunk)
{
    while (chunk->sent < chunk->size) {
        ssize_t n = source_put(source, chunk->data + chunk->sent, chunk->size - chunk->sent,
                               chunk->fds, chunk->sent == 0 ? chunk->n_fds : 0);

        if (n < 0) {
            return (int)n;
        }
        chunk->sent += (size_t)n;
    }
    return 0;
}

/* -EAGAIN while something is left. */
static int
source_flush(struct cross_source *source)
{
    list_for_each_safe(link, &source->outbox) {
        struct cross_chunk *chunk = list_container(link, struct cross_chunk, link);
        int r = chunk_send(source, chunk);

        if (r < 0) {
            return r;
        }
        chunk_free(source, chunk);
    }
    return 0;
}

static void
source_ready(void *data, uint32_t events)
{
    struct cross_source *source = data;
    struct cross_context *context = source->context;
    const bool out = source->events & EPOLLOUT;

    if (out && (events & (EPOLLOUT | EPOLLERR | EPOLLHUP))) {
        int r = source_flush(source);

        if (r < 0 && r != -EAGAIN && source->kind == CROSS_SOURCE_CHANNEL) {
            cross_context_kill(context, "the compositor hung up");
            return;
        }
        if ((r < 0 && r != -EAGAIN) || (r == 0 && source->closing)) {
            cross_source_remove(source);
            return;
        }
        cross_source_listen(source, source->events & EPOLLIN);
    }
    if (events & ~(uint32_t)EPOLLOUT) {
        cross_poll_serve(context);
    }
}

struct cross_source *
cross_source_add(struct cross_context *context, enum cross_source_kind kind, uint32_t id, int fd)
{
    struct cross_source *source = xalloc(sizeof(*source));

    *source = (struct cross_source){.context = context, .kind = kind, .id = id, .fd = fd};
    list_init(&source->outbox);
    list_append(&context->sources, &source->link);
    if (kind == CROSS_SOURCE_CHANNEL) {
        context->channel = source;
    } else {
        context->n_pipes++;
    }
    return source;
}

void
cross_source_remove(struct cross_source *source)
{
    struct cross_context *context = source->context;

    list_for_each_safe(link, &source->outbox) {
        chunk_free(source, list_container(link, struct cross_chunk, link));
    }
    loop_remove(source->watch);
    cross_close_fd(context, &source->fd);
    list_remove(&source->link);
    if (source->kind == CROSS_SOURCE_CHANNEL) {
        context->channel = NULL;
    } else {
        context->n_pipes--;
    }
    free(source);
}

struct cross_source *
cross_source_find(const struct cross_context *context, enum cross_source_kind kind, uint32_t id)
{
    list_for_each(link, &context->sources) {
        struct cross_source *source = list_container(link, struct cross_source, link);
        if (source->kind == kind && source->id == id) {
            return source;
        }
    }
    return NULL;
}

void
cross_source_connect(struct cross_source *source, int fd)
{
    source->fd = fd;
    int r = source_flush(source);

    if (r < 0 && r != -EAGAIN) {
        cross_context_kill(source->context, "the compositor hung up");
        return;
    }
    cross_poll_arm(source->context);
}

/* The chunk's own descriptors: the caller keeps his. */
static int
chunk_take_fds(struct cross_context *context, struct cross_chunk *chunk, const int *fds,
               size_t n_fds)
{
    for (size_t i = 0; i < n_fds; i++) {
        int fd = fcntl(fds[i], F_DUPFD_CLOEXEC, 0);

        fd = cross_own_fd(context, fd < 0 ? -errno : fd);
        if (fd < 0) {
            return fd;
        }
        chunk->fds[chunk->n_fds++] = fd;
    }
    return 0;
}

static int
source_keep(struct cross_source *source, const uint8_t *data, size_t size, const int *fds,
            size_t n_fds)
{
    struct cross_context *context = source->context;
    const size_t cost = size + sizeof(struct cross_chunk);

    if (cost > CROSS_QUEUED_MAX - context->queued) {
        return -ENOBUFS;
    }
    struct cross_chunk *chunk = malloc(cost);
    if (!chunk) {
        return -ENOMEM;
    }
    *chunk = (struct cross_chunk){.size = size};
    memcpy(chunk->data, data, size);
    context->queued += cost;
    list_append(&source->outbox, &chunk->link);
    int r = chunk_take_fds(context, chunk, fds, n_fds);
    if (r < 0) {
        chunk_free(source, chunk);
        return r;
    }
    cross_source_listen(source, source->events & EPOLLIN);
    return 0;
}

int
cross_source_send(struct cross_source *source, const void *data, size_t size, const int *fds,
                  size_t n_fds)
{
    const uint8_t *from = data;
    ssize_t n = -EAGAIN;

    if (source->fd >= 0 && list_empty(&source->outbox) && size > 0) {
        n = source_put(source, data, size, fds, n_fds);
    }
    if (n < 0 && n != -EAGAIN) {
        return (int)n;
    }
    if (n == (ssize_t)size) {
        return 0;
    }
    size_t sent = n > 0 ? (size_t)n : 0;
    return source_keep(source, from + sent, size - sent, fds, sent > 0 ? 0 : n_fds);
}
