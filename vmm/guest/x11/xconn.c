/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/guest/x11/xconn.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/base/list.h"
#include "vmm/base/log.h"
#include "vmm/base/memory.h"
#include "vmm/wayland-wire/outbox.h"

enum {
    SETUP_HEADER = 8,
    SETUP_FIXED = 40, /* with the header, before the vendor's name */
    FORMAT_SIZE = 8,
    SCREEN_SIZE = 40,
};

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "words are sent as they are");

struct ticket {
    struct list link;
    uint16_t sequence;
    struct x_ticket ticket;
};

struct xconn {
    struct loop_source *watch;
    const struct xconn_ops *ops;
    void *data;
    int fd;
    bool ready;
    bool over;
    uint16_t sequence; /* of the last request */
    struct list tickets;
    uint32_t n_tickets;
    struct outbox outbox;
    size_t n_in;
    uint8_t in[X_REPLY_MAX + X_EVENT_SIZE];
};

static void
end(struct xconn *conn, const char *why)
{
    if (!conn->over) {
        conn->over = true;
        conn->ops->ended(conn->data, why);
    }
}

static void
put(struct xconn *conn, const void *data, size_t size)
{
    static const uint8_t zeros[4];

    if (outbox_add(&conn->outbox, data, size, NULL, 0) < 0 ||
        outbox_add(&conn->outbox, zeros, align_up(size, 4) - size, NULL, 0) < 0 ||
        conn->outbox.queued > X_QUEUED_MAX) {
        end(conn, "the X server does not listen");
    }
}

static void
add_ticket(struct xconn *conn, const struct x_ticket *given)
{
    struct ticket *ticket = xalloc(sizeof(*ticket));

    if (conn->n_tickets >= X_TICKETS_MAX) {
        end(conn, "the X server does not answer");
    }
    ticket->sequence = conn->sequence;
    ticket->ticket = *given;
    list_append(&conn->tickets, &ticket->link);
    conn->n_tickets++;
}

void
x_send(struct xconn *conn, const struct x_request *request)
{
    const size_t words = 1 + request->n_words + align_up(request->size, 4) / 4;
    const uint32_t header = request->opcode | (uint32_t)request->byte << 8 | (uint32_t)words << 16;

    if (!conn->ready || conn->over || request->size > X_SEND_MAX) {
        return;
    }
    conn->sequence++;
    put(conn, &header, sizeof(header));
    put(conn, request->word, request->n_words * sizeof(request->word[0]));
    put(conn, request->data, request->size);
    if (request->reply) {
        add_ticket(conn, &request->ticket);
    }
}

static void
drop_ticket(struct xconn *conn, struct ticket *ticket)
{
    list_remove(&ticket->link);
    free(ticket);
    conn->n_tickets--;
}

/* The ticket of that answer; those before it got none, which only a broken server does. */
static bool
find_ticket(struct xconn *conn, uint16_t sequence, struct x_ticket *ret_ticket)
{
    list_for_each_safe(link, &conn->tickets) {
        struct ticket *ticket = list_container(link, struct ticket, link);
        const bool found = ticket->sequence == sequence;

        if ((int16_t)(uint16_t)(ticket->sequence - sequence) > 0) {
            return false;
        }
        *ret_ticket = ticket->ticket;
        drop_ticket(conn, ticket);
        if (found) {
            return true;
        }
    }
    return false;
}

static void
on_answer(struct xconn *conn, const uint8_t *data, size_t size)
{
    const bool reply = data[0] == X_EVENT_REPLY;
    struct x_ticket ticket;

    if (find_ticket(conn, x_u16(data + 2), &ticket)) {
        conn->ops->reply(conn->data, &ticket, reply ? data : NULL, reply ? size : 0);
    } else if (!reply) { /* of a window that went away, mostly */
        log_debug("X error %u of request %u.%u about %#x", data[1], data[10], x_u16(data + 8),
                  x_u32(data + 4));
    }
}

/* Size of what is at `data`; 0 when not even that is known. */
static uint64_t
size_of(const struct xconn *conn, const uint8_t *data, size_t size)
{
    if (!conn->ready) {
        return size < SETUP_HEADER ? 0 : SETUP_HEADER + (uint64_t)x_u16(data + 6) * 4;
    }
    if (size < X_EVENT_SIZE) {
        return 0;
    }
    const uint8_t code = data[0] & 0x7f;
    return code == X_EVENT_REPLY || code == X_EVENT_GENERIC
               ? X_EVENT_SIZE + (uint64_t)x_u32(data + 4) * 4
               : X_EVENT_SIZE;
}

static void
on_setup(struct xconn *conn, const uint8_t *data, size_t size)
{
    if (data[0] != 1 || size < SETUP_FIXED) {
        end(conn, "the X server refuses its window manager");
        return;
    }
    const uint64_t screens =
        SETUP_FIXED + align_up(x_u16(data + 24), 4) + (uint64_t)data[29] * FORMAT_SIZE;
    if (data[28] == 0 || !range_inside(screens, SCREEN_SIZE, size)) {
        end(conn, "the X server has no screen");
        return;
    }
    const struct xconn_setup setup = {
        .root = x_u32(data + screens), .id_base = x_u32(data + 12), .id_mask = x_u32(data + 16)};
    conn->ready = true;
    conn->ops->ready(conn->data, &setup);
}

static void
on_message(struct xconn *conn, const uint8_t *data, size_t size)
{
    if (!conn->ready) {
        on_setup(conn, data, size);
    } else if (data[0] <= X_EVENT_REPLY) {
        on_answer(conn, data, size);
    } else {
        conn->ops->event(conn->data, data[0] & 0x7f, data);
    }
}

static void
read_messages(struct xconn *conn)
{
    size_t at = 0;

    while (!conn->over) {
        const uint64_t size = size_of(conn, conn->in + at, conn->n_in - at);

        if (size > X_REPLY_MAX) {
            end(conn, "the X server says more than was asked");
        }
        if (size == 0 || size > conn->n_in - at) {
            break;
        }
        on_message(conn, conn->in + at, (size_t)size);
        at += (size_t)size;
    }
    memmove(conn->in, conn->in + at, conn->n_in - at);
    conn->n_in -= at;
}

void
x_flush(struct xconn *conn)
{
    if (conn->over) {
        return;
    }
    if (outbox_send(&conn->outbox, conn->fd) < 0) {
        end(conn, NULL);
    }
    loop_modify(conn->watch, EPOLLIN | (list_empty(&conn->outbox.chunks) ? 0 : EPOLLOUT));
}

static void
on_socket(void *data, uint32_t events)
{
    struct xconn *conn = data;

    if (!conn->over && events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
        ssize_t n = read(conn->fd, conn->in + conn->n_in, sizeof(conn->in) - conn->n_in);

        if (n > 0) {
            conn->n_in += (size_t)n;
            read_messages(conn);
        } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
            end(conn, NULL);
        }
    }
    x_flush(conn);
}

struct xconn *
xconn_create(struct loop *loop, int fd, const struct xconn_ops *ops, void *data)
{
    /* Byte order, version 11.0, no authorisation: the server made this connection itself. */
    const uint16_t hello[6] = {'l', 11};
    struct xconn *conn = xalloc(sizeof(*conn));

    conn->ops = ops;
    conn->data = data;
    conn->fd = fd;
    list_init(&conn->tickets);
    outbox_init(&conn->outbox);
    put(conn, hello, sizeof(hello));
    conn->watch = loop_add(loop, fd, EPOLLIN | EPOLLOUT, on_socket, conn);
    if (!conn->watch) {
        xconn_destroy(conn);
        return NULL;
    }
    return conn;
}

void
xconn_destroy(struct xconn *conn)
{
    if (!conn) {
        return;
    }
    loop_remove(conn->watch);
    outbox_clear(&conn->outbox);
    list_for_each_safe(link, &conn->tickets) {
        drop_ticket(conn, list_container(link, struct ticket, link));
    }
    fd_closep(&conn->fd);
    free(conn);
}
