/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Clipboard and drag-and-drop: pipes whose other end is a program on the other side. */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/base/memory.h"
#include "vmm/guest/wayland-proxy/session-private.h"

enum {
    PART_SIZE = CROSS_RECEIVE_MAX
};

struct pipe_end {
    struct list link;
    struct session *session;
    uint32_t id;
    bool to_host;
    bool closing; /* when all is written */
    int fd;
    struct loop_source *watch;
    struct outbox outbox;
};

static void
pipe_destroy(struct pipe_end *end)
{
    loop_remove(end->watch);
    fd_closep(&end->fd);
    outbox_clear(&end->outbox);
    list_remove(&end->link);
    end->session->n_pipes--;
    free(end);
}

/* What the client wrote, or that it is done. */
static void
read_for_host(struct pipe_end *end)
{
    struct session *session = end->session;
    struct {
        struct cross_pipe_data pipe;
        uint8_t data[PART_SIZE];
    } write = {.pipe.header.command = CROSS_WRITE};
    ssize_t n = read(end->fd, write.data, sizeof(write.data));

    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    size_t size = n > 0 ? (size_t)n : 0;
    write.pipe.header.size = htole16((uint16_t)(sizeof(write.pipe) + size));
    write.pipe.id = htole32(end->id);
    write.pipe.hang_up = htole32(size == 0);
    write.pipe.data_size = htole32((uint32_t)size);
    if (size == 0) {
        pipe_destroy(end);
    }
    if (session->channel.ops->submit(session->channel.data, &write, sizeof(write.pipe) + size) <
        0) {
        session_end(session, "the host's channel is closed");
    }
}

static void
write_for_client(struct pipe_end *end)
{
    struct session *session = end->session;
    int r = outbox_write(&end->outbox, end->fd);
    const bool empty = list_empty(&end->outbox.chunks);

    if (r < 0 || (empty && end->closing)) {
        pipe_destroy(end);
    } else {
        loop_modify(end->watch, empty ? 0 : EPOLLOUT);
    }
    session_poll(session);
}

static void
on_pipe(void *data, uint32_t events)
{
    struct pipe_end *end = data;

    if (end->to_host) {
        read_for_host(end);
    } else if (events & EPOLLERR) { /* nobody reads */
        struct session *session = end->session;
        pipe_destroy(end);
        session_poll(session);
    } else {
        write_for_client(end);
    }
}

/* `fd` is taken over. */
static int
pipe_add(struct session *session, uint32_t id, bool to_host, int fd)
{
    cleanup_fd int owned = fd;

    if (session->n_pipes >= SESSION_PIPES_MAX) {
        return -EMFILE;
    }
    int r = fd_set_nonblocking(fd);
    if (r < 0) {
        return r;
    }
    struct pipe_end *end = xalloc(sizeof(*end));
    end->session = session;
    end->id = id;
    end->to_host = to_host;
    outbox_init(&end->outbox);
    end->watch = loop_add(session->loop, fd, to_host ? EPOLLIN : 0, on_pipe, end);
    if (!end->watch) {
        free(end);
        return -EBADF; /* a file, which no pipe is */
    }
    end->fd = take_fd(&owned);
    list_append(&session->pipes, &end->link);
    session->n_pipes++;
    return 0;
}

int
pipe_to_host(struct session *session, uint32_t id)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) < 0) {
        return -errno;
    }
    int r = pipe_add(session, id, true, ends[0]);
    if (r < 0) {
        close(ends[1]);
        return r;
    }
    return ends[1];
}

int
pipe_to_client(struct session *session, int fd, uint32_t *ret_id)
{
    uint32_t id = CROSS_READ_PIPE_BASE + session->last_read_pipe + 1;
    int r = pipe_add(session, id, false, fd);

    if (r == 0) {
        session->last_read_pipe++;
        *ret_id = id;
    }
    return r;
}

static struct pipe_end *
find_for_client(const struct session *session, uint32_t id)
{
    list_for_each(link, &session->pipes) {
        struct pipe_end *end = list_container(link, struct pipe_end, link);

        if (end->id == id && !end->to_host) {
            return end;
        }
    }
    return NULL; /* its reader went away, which the host cannot know */
}

void
pipe_data(struct session *session, uint32_t id, const uint8_t *data, size_t size, bool hang_up)
{
    struct pipe_end *end = find_for_client(session, id);

    if (!end) {
        return;
    }
    end->closing = end->closing || hang_up;
    if (outbox_add(&end->outbox, data, size, NULL, 0) < 0) {
        end->closing = true;
    }
    write_for_client(end);
}

uint64_t
pipes_queued(const struct session *session)
{
    uint64_t queued = 0;

    list_for_each(link, &session->pipes) {
        queued += list_container(link, struct pipe_end, link)->outbox.queued;
    }
    return queued;
}

void
pipes_clear(struct session *session)
{
    list_for_each_safe(link, &session->pipes) {
        pipe_destroy(list_container(link, struct pipe_end, link));
    }
}
