/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The two ends of a session: the client's socket and the host's pages. */

#include "vmm/guest/wayland-proxy/session.h"

#include <errno.h>
#include <stdlib.h>

#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/base/memory.h"
#include "vmm/guest/wayland-proxy/session-private.h"

static void
tell_client(struct session *session, const char *why)
{
    struct wire_writer writer;

    wire_begin(&writer, WIRE_DISPLAY, WIRE_WL_DISPLAY_EVENT_ERROR);
    wire_put(&writer, WIRE_DISPLAY);
    wire_put(&writer, 3); /* implementation */
    wire_put_string(&writer, why);
    int size = wire_end(&writer);
    if (size > 0) {
        (void)outbox_add(&session->outbox, writer.bytes, (size_t)size, NULL, 0);
    }
}

void
session_end(struct session *session, const char *why)
{
    if (session->over) {
        return;
    }
    session->over = true;
    if (why) {
        log_warning("A client was disconnected: %s", why);
        tell_client(session, why);
    }
    (void)outbox_send(&session->outbox, session->client);
    session->ended(session->data);
}

int
session_flush_host(struct session *session)
{
    struct session_batch *batch = &session->batch;
    size_t size = sizeof(batch->message) + batch->size;

    if (batch->size == 0) {
        return 0;
    }
    batch->message.header =
        (struct cross_header){.command = CROSS_SEND, .size = htole16((uint16_t)size)};
    batch->message.n_ids = htole32(batch->n_ids);
    batch->message.data_size = htole32((uint32_t)batch->size);
    batch->size = 0;
    batch->n_ids = 0;
    return session->channel.ops->submit(session->channel.data, &batch->message, size);
}

int
session_name_to_host(struct session *session, uint32_t type, uint32_t id, uint32_t size)
{
    struct session_batch *batch = &session->batch;
    /* Room for the name and for the beginning of its message. */
    int r = batch->n_ids == CROSS_IDS_MAX || sizeof(batch->data) - batch->size < 64
                ? session_flush_host(session)
                : 0;

    if (r < 0 || batch->n_ids == CROSS_IDS_MAX) {
        return r < 0 ? r : -ENOBUFS;
    }
    batch->message.ids[batch->n_ids] = htole32(id);
    batch->message.types[batch->n_ids] = htole32(type);
    batch->message.sizes[batch->n_ids] = htole32(size);
    batch->n_ids++;
    return 0;
}

int
session_to_host(struct session *session, const void *data, size_t size)
{
    struct session_batch *batch = &session->batch;
    const uint8_t *bytes = data;
    int r = 0;

    while (r == 0 && size > 0) {
        size_t part = MIN_OF(size, sizeof(batch->data) - batch->size);

        memcpy(batch->data + batch->size, bytes, part);
        batch->size += part;
        bytes += part;
        size -= part;
        if (batch->size == sizeof(batch->data)) {
            r = session_flush_host(session);
        }
    }
    return r;
}

static void
watch_client(struct session *session)
{
    const uint32_t out = list_empty(&session->outbox.chunks) ? 0 : EPOLLOUT;

    loop_modify(session->client_watch, EPOLLIN | out);
}

int
session_to_client(struct session *session, const void *data, size_t size, const int *fds,
                  size_t n_fds)
{
    return outbox_add(&session->outbox, data, size, fds, n_fds);
}

void
session_set_data(struct session *session, uint32_t id, void *data)
{
    struct wire_object *object = wire_object_get(session->objects, id);

    if (object) {
        object->data = data;
    }
}

void
session_poll(struct session *session)
{
    if (session->polled || session->over ||
        session->outbox.queued + pipes_queued(session) > SESSION_QUEUED_MAX) {
        return;
    }
    int r = session->channel.ops->poll(session->channel.data);
    if (r < 0) {
        session_end(session, "the host's channel is closed");
    }
    session->polled = r == 0;
}

/* End the session for `r`; what the sentence is about is in the call. */
static void
fail(struct session *session, const struct wire_call *call, int r, const char *who)
{
    cleanup_free char *text = NULL;
    const char *interface = call->object ? call->object->interface->name : "an object";

    if (r == -EPROTO && call->why) {
        text = xasprintf("%s broke the protocol: message %u of %s@%u: %s", who, call->opcode,
                         interface, call->id, call->why);
    } else {
        text = xasprintf("message %u of %s@%u cannot be passed on: %s", call->opcode, interface,
                         call->id, strerror(-r));
    }
    session_end(session, text);
}

/* All whole messages of a buffer; the bytes that are left move to its beginning. */
static void
read_messages(struct session *session, enum wire_side side, uint8_t *data, size_t *n)
{
    size_t at = 0;
    int r = 1;

    while (!session->over && r > 0) {
        struct wire_call call;

        r = wire_read(session->objects, side, data + at, *n - at, &call);
        int failed = r;
        if (r > 0) {
            failed = side == WIRE_REQUEST ? forward_request(session, &call, data + at)
                                          : forward_event(session, &call, data + at);
            at += (size_t)r;
        }
        if (failed < 0) {
            fail(session, &call, failed, side == WIRE_REQUEST ? "it" : "the host");
            return;
        }
    }
    memmove(data, data + at, *n - at);
    *n -= at;
}

static void
keep_fds(struct session *session, struct message_fds *fds)
{
    for (size_t i = 0; i < fds->count && session->n_client_fds < SESSION_FDS_MAX; i++) {
        session->client_fds[session->n_client_fds++] = message_take_fd(fds, i);
    }
    message_close_fds(fds);
}

static void
receive_from_client(struct session *session)
{
    struct message_fds fds = {.count = 0};
    ssize_t n = message_receive(session->client, session->from_client + session->n_from_client,
                                sizeof(session->from_client) - session->n_from_client, &fds);

    if (n == -EAGAIN || n == -EINTR) {
        return;
    }
    if (n <= 0) {
        session_end(session, NULL);
        return;
    }
    keep_fds(session, &fds);
    session->n_from_client += (size_t)n;
    read_messages(session, WIRE_REQUEST, session->from_client, &session->n_from_client);
    if (!session->over && session_flush_host(session) < 0) {
        session_end(session, "the host's channel is closed");
    }
}

static void
on_client(void *data, uint32_t events)
{
    struct session *session = data;

    if (session->over) {
        return;
    }
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
        receive_from_client(session);
    }
    if (!session->over && outbox_send(&session->outbox, session->client) < 0) {
        session_end(session, NULL);
    }
    watch_client(session);
    session_poll(session);
}

static void
on_received(struct session *session, const uint8_t *page)
{
    struct cross_message message;

    memcpy(&message, page, sizeof(message));
    size_t size = le32toh(message.data_size);
    size_t n_ids = le32toh(message.n_ids);
    if (size > CROSS_RECEIVE_MAX || n_ids > CROSS_IDS_MAX ||
        n_ids > SESSION_FDS_MAX - session->n_items ||
        size > sizeof(session->from_host) - session->n_from_host) {
        session_end(session, "the host sent what cannot be");
        return;
    }
    if (size == 0) {
        session_end(session, NULL); /* it hung up, and said why in an event before */
        return;
    }
    for (size_t i = 0; i < n_ids; i++) {
        session->items[session->n_items++] =
            (struct session_item){.id = le32toh(message.ids[i]),
                                  .type = le32toh(message.types[i]),
                                  .size = le32toh(message.sizes[i])};
    }
    memcpy(session->from_host + session->n_from_host, page + sizeof(message), size);
    session->n_from_host += size;
    read_messages(session, WIRE_EVENT, session->from_host, &session->n_from_host);
}

static void
on_page(struct session *session, const uint8_t *page)
{
    struct cross_pipe_data pipe;

    memcpy(&pipe, page, sizeof(pipe));
    if (pipe.header.command == CROSS_RECEIVE) {
        on_received(session, page);
        return;
    }
    size_t size = le32toh(pipe.data_size);
    if (pipe.header.command != CROSS_READ || size > CROSS_READ_MAX) {
        session_end(session, "the host sent what cannot be");
        return;
    }
    pipe_data(session, le32toh(pipe.id), page + sizeof(pipe), size, pipe.hang_up != 0);
}

static void
on_channel(void *data, uint32_t events)
{
    struct session *session = data;
    uint8_t page[CROSS_PAGE_SIZE];

    (void)events;
    if (session->over) {
        return;
    }
    int r = session->channel.ops->answer(session->channel.data, page);
    if (r < 0) {
        session_end(session, "the host's channel is closed");
        return;
    }
    if (r == 0) {
        return;
    }
    session->polled = false;
    on_page(session, page);
    if (!session->over &&
        (session_flush_host(session) < 0 || outbox_send(&session->outbox, session->client) < 0)) {
        session_end(session, NULL);
    }
    watch_client(session);
    session_poll(session);
}

struct session *
session_create(struct loop *loop, int client, struct channel channel, void (*ended)(void *data),
               void *data)
{
    struct session *session = xalloc(sizeof(*session));

    session->loop = loop;
    session->client = client;
    session->channel = channel;
    session->ended = ended;
    session->data = data;
    outbox_init(&session->outbox);
    list_init(&session->pipes);
    list_init(&session->buffers);
    list_init(&session->imports);
    list_init(&session->hidden);
    session->objects = wire_objects_create(WIRE_OBJECTS_MAX);
    session->client_watch = loop_add(loop, client, EPOLLIN, on_client, session);
    session->channel_watch = loop_add(loop, channel.fd, EPOLLIN, on_channel, session);
    if (!session->objects || !session->client_watch || !session->channel_watch) {
        session_destroy(session);
        return NULL;
    }
    session_poll(session);
    return session;
}

void
session_destroy(struct session *session)
{
    if (!session) {
        return;
    }
    loop_remove(session->client_watch);
    loop_remove(session->channel_watch);
    pipes_clear(session);
    if (session->objects) {
        shm_clear(session);
    }
    wire_objects_destroy(session->objects);
    outbox_clear(&session->outbox);
    for (size_t i = 0; i < session->n_client_fds; i++) {
        close(session->client_fds[i]);
    }
    session->channel.ops->destroy(session->channel.data);
    fd_closep(&session->client);
    free(session);
}

struct session_statistics
session_statistics(const struct session *session)
{
    return session->statistics;
}
