/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* ICCCM 2.2 to 2.7: a property at a time, and INCR for content that is longer than one. */

#include "vmm/guest/x11/transfer.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/base/memory.h"
#include "vmm/wayland-wire/outbox.h"

enum {
    PART = 64 << 10,      /* bytes of a property that we make */
    ASK_WORDS = 64 << 10, /* of a property that we read */
    PROPERTY_CHANGE = 1 << 22,
    NEW_VALUE = 0,
    DELETED = 1,
    REQUEST_SIZE = X_EVENT_SIZE,
};

/* From the host into an X11 program's property. */
struct to_x {
    struct list link;
    struct transfers *transfers;
    uint8_t request[REQUEST_SIZE];
    int fd;
    struct loop_source *watch;
    uint8_t *content;
    size_t size;
    size_t sent;
    bool incremental;
};

/* From an X11 program's selection into a pipe. */
struct from_x {
    uint32_t property; /* its atom; 0 until the server numbered it */
    bool used;
    bool incremental;
    bool over; /* all was read */
    uint32_t selection;
    uint32_t target;
    uint32_t offset; /* words of a long property that were read */
    int fd;
    struct loop_source *watch;
    struct transfers *transfers;
    struct outbox outbox;
};

struct transfers {
    struct x11 *x11;
    struct list to_x;
    uint32_t n_to_x;
    struct from_x from_x[TRANSFERS_MAX];
};

struct transfers *
transfers_create(struct x11 *x11)
{
    struct transfers *transfers = xalloc(sizeof(*transfers));

    transfers->x11 = x11;
    list_init(&transfers->to_x);
    for (int i = 0; i < TRANSFERS_MAX; i++) {
        transfers->from_x[i].transfers = transfers;
        transfers->from_x[i].fd = -1;
        outbox_init(&transfers->from_x[i].outbox);
    }
    return transfers;
}

void
transfers_begin(struct transfers *transfers)
{
    for (uint32_t i = 0; i < TRANSFERS_MAX; i++) {
        cleanup_free char *name = xasprintf("_VITRINE_CONTENT_%u", i);

        x_intern(transfers->x11->conn, name, (struct x_ticket){TICKET_CONTENT_ATOM, 0, i});
    }
}

static void
to_x_end(struct to_x *self)
{
    loop_remove(self->watch);
    fd_closep(&self->fd);
    free(self->content);
    list_remove(&self->link);
    self->transfers->n_to_x--;
    free(self);
}

void
transfer_answer(struct x11 *x11, const uint8_t *request, uint32_t property)
{
    x_send(x11->conn,
           &(struct x_request){.opcode = X_SEND_EVENT,
                               .n_words = 10,
                               .word = {x_u32(request + 12), 0, X_EVENT_SELECTION_NOTIFY,
                                        x_u32(request + 4), x_u32(request + 12),
                                        x_u32(request + 16), x_u32(request + 20), property, 0, 0}});
}

/* Old programs name no property: the target stands for it (ICCCM 2.2). */
static uint32_t
property_of(const uint8_t *request)
{
    return x_u32(request + 24) ? x_u32(request + 24) : x_u32(request + 20);
}

static void
set_part(struct to_x *self)
{
    const size_t size = MIN_OF(self->size - self->sent, (size_t)PART);
    const struct x_property property = {
        .name = property_of(self->request),
        .type = x_u32(self->request + 20),
        .format = 8,
        .data = self->content + self->sent,
        .count = size,
    };

    x_set_property(self->transfers->x11->conn, x_u32(self->request + 12), &property);
    self->sent += size;
}

/* All is here: into the property, or the word that it comes in parts. */
static void
to_x_give(struct to_x *self)
{
    struct x11 *x11 = self->transfers->x11;
    const uint32_t requestor = x_u32(self->request + 12);

    loop_remove(self->watch);
    self->watch = NULL;
    fd_closep(&self->fd);
    if (self->size <= PART) {
        set_part(self);
        transfer_answer(x11, self->request, property_of(self->request));
        to_x_end(self);
        return;
    }
    const uint32_t size = (uint32_t)self->size;
    const struct x_property incremental = {.name = property_of(self->request),
                                           .type = x11->atoms[ATOM_INCR],
                                           .format = 32,
                                           .data = &size,
                                           .count = 1};
    self->incremental = true;
    x_select_input(x11->conn, requestor, PROPERTY_CHANGE);
    x_set_property(x11->conn, requestor, &incremental);
    transfer_answer(x11, self->request, property_of(self->request));
}

static void
on_to_x(void *data, uint32_t events)
{
    struct to_x *self = data;
    struct x11 *x11 = self->transfers->x11;
    uint8_t *grown = realloc(self->content, self->size + PART);

    (void)events;
    self->content = grown ? grown : self->content;
    ssize_t n = grown ? read(self->fd, grown + self->size, PART) : -1;
    if (n < 0 && grown && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (n < 0 || self->size + (size_t)n > CONTENT_MAX) {
        transfer_answer(x11, self->request, 0);
        to_x_end(self);
    } else if (n == 0) {
        to_x_give(self);
    } else {
        self->size += (size_t)n;
    }
    x_flush(x11->conn);
}

void
transfer_to_x(struct transfers *transfers, const uint8_t *request, int fd)
{
    if (transfers->n_to_x >= TRANSFERS_MAX) { /* somebody asked and does not listen */
        to_x_end(list_container(transfers->to_x.next, struct to_x, link));
    }
    struct to_x *self = xalloc(sizeof(*self));
    self->transfers = transfers;
    self->fd = fd;
    memcpy(self->request, request, REQUEST_SIZE);
    list_append(&transfers->to_x, &self->link);
    transfers->n_to_x++;
    self->watch = loop_add(transfers->x11->loop, fd, EPOLLIN, on_to_x, self);
    if (!self->watch) {
        transfer_answer(transfers->x11, request, 0);
        to_x_end(self);
    }
}

static void
from_x_end(struct from_x *self)
{
    loop_remove(self->watch);
    self->watch = NULL;
    fd_closep(&self->fd);
    outbox_clear(&self->outbox);
    self->used = self->incremental = self->over = false;
    self->offset = 0;
}

static void
from_x_write(struct from_x *self)
{
    const int r = outbox_write(&self->outbox, self->fd);
    const bool empty = list_empty(&self->outbox.chunks);

    if (r < 0 || (empty && self->over)) {
        from_x_end(self);
    } else {
        loop_modify(self->watch, empty ? 0 : EPOLLOUT);
    }
}

static void
on_from_x(void *data, uint32_t events)
{
    struct from_x *self = data;

    if (events & EPOLLERR) { /* nobody reads */
        from_x_end(self);
    } else {
        from_x_write(self);
    }
}

void
transfer_from_x(struct transfers *transfers, uint32_t selection, uint32_t target, int fd)
{
    struct x11 *x11 = transfers->x11;
    struct from_x *self = NULL;

    for (int i = 0; i < TRANSFERS_MAX && !self; i++) {
        struct from_x *one = &transfers->from_x[i];
        self = !one->used && one->property != 0 ? one : NULL;
    }
    struct loop_source *watch =
        self && fd_set_nonblocking(fd) == 0 ? loop_add(x11->loop, fd, 0, on_from_x, self) : NULL;
    if (!watch) {
        close(fd);
        return;
    }
    self->used = true;
    self->selection = selection;
    self->target = target;
    self->fd = fd;
    self->watch = watch;
    x_convert(x11, selection, target, self->property);
}

static void
ask_content(struct from_x *self)
{
    struct x11 *x11 = self->transfers->x11;

    x_send(x11->conn,
           &(struct x_request){
               .opcode = X_GET_PROPERTY,
               .byte = 1, /* delete it, when nothing is left */
               .n_words = 5,
               .word = {x11->own_window, self->property, 0, self->offset, ASK_WORDS},
               .reply = true,
               .ticket = {TICKET_CONTENT, 0, (uint32_t)(self - self->transfers->from_x)}});
}

static void
on_content(struct from_x *self, const uint8_t *reply, size_t size)
{
    const uint64_t length =
        reply && size >= X_EVENT_SIZE ? (uint64_t)x_u32(reply + 16) * reply[1] / 8 : 0;

    if (!self->used) {
        return;
    }
    if (!reply || !range_inside(X_EVENT_SIZE, length, size) ||
        self->outbox.queued + length > CONTENT_MAX) {
        from_x_end(self);
        return;
    }
    if (x_u32(reply + 8) == self->transfers->x11->atoms[ATOM_INCR]) {
        self->incremental = true; /* the parts follow now that it is deleted */
        return;
    }
    const bool more = x_u32(reply + 12) > 0 && length > 0;
    self->over = !more && (!self->incremental || length == 0);
    if (outbox_add(&self->outbox, reply + X_EVENT_SIZE, (size_t)length, NULL, 0) < 0) {
        self->over = true;
    }
    self->offset = more ? self->offset + ASK_WORDS : 0;
    if (more) {
        ask_content(self);
    }
    from_x_write(self);
}

int
transfers_reply(struct transfers *transfers, const struct x_ticket *ticket, const uint8_t *reply,
                size_t size)
{
    if (ticket->kind == TICKET_CONTENT_ATOM) {
        transfers->from_x[ticket->detail].property = reply ? x_u32(reply + 8) : 0;
    } else if (ticket->kind == TICKET_CONTENT) {
        on_content(&transfers->from_x[ticket->detail], reply, size);
    } else {
        return 0;
    }
    return 1;
}

/* The owner's answer, or its refusal. */
static int
on_notify(struct transfers *transfers, const uint8_t *event)
{
    const uint32_t property = x_u32(event + 20);

    for (int i = 0; i < TRANSFERS_MAX; i++) {
        struct from_x *self = &transfers->from_x[i];

        if (!self->used || self->selection != x_u32(event + 12) ||
            self->target != x_u32(event + 16) || (property && property != self->property)) {
            continue;
        }
        if (property) {
            ask_content(self);
        } else {
            from_x_end(self);
        }
        return 1;
    }
    return 0;
}

static int
on_new_value(struct transfers *transfers, uint32_t property)
{
    for (int i = 0; i < TRANSFERS_MAX; i++) {
        struct from_x *self = &transfers->from_x[i];

        if (self->used && self->incremental && self->property == property) {
            ask_content(self);
            return 1;
        }
    }
    return 0;
}

/* The other program took a part away: the next one, and at the end an empty one. */
static int
on_deleted(struct transfers *transfers, uint32_t window, uint32_t property)
{
    list_for_each(link, &transfers->to_x) {
        struct to_x *self = list_container(link, struct to_x, link);

        if (!self->incremental || x_u32(self->request + 12) != window ||
            property_of(self->request) != property) {
            continue;
        }
        const bool last = self->sent == self->size;
        set_part(self);
        if (last) {
            to_x_end(self);
        }
        return 1;
    }
    return 0;
}

static void
on_gone(struct transfers *transfers, uint32_t window)
{
    list_for_each_safe(link, &transfers->to_x) {
        struct to_x *self = list_container(link, struct to_x, link);
        if (x_u32(self->request + 12) == window) {
            to_x_end(self);
        }
    }
}

int
transfers_event(struct transfers *transfers, uint8_t code, const uint8_t *event)
{
    if (code == X_EVENT_SELECTION_NOTIFY) {
        return on_notify(transfers, event);
    }
    if (code == X_EVENT_DESTROY) {
        on_gone(transfers, x_u32(event + 8));
    } else if (code == X_EVENT_PROPERTY) {
        const uint32_t window = x_u32(event + 4);
        const uint32_t property = x_u32(event + 8);

        return window == transfers->x11->own_window
                   ? event[16] == NEW_VALUE && on_new_value(transfers, property)
                   : event[16] == DELETED && on_deleted(transfers, window, property);
    }
    return 0;
}

void
transfers_destroy(struct transfers *transfers)
{
    if (!transfers) {
        return;
    }
    list_for_each_safe(link, &transfers->to_x) {
        to_x_end(list_container(link, struct to_x, link));
    }
    for (int i = 0; i < TRANSFERS_MAX; i++) {
        from_x_end(&transfers->from_x[i]);
    }
    free(transfers);
}
