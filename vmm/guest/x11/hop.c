/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/guest/x11/hop.h"

#include <errno.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/base/memory.h"
#include "vmm/base/message.h"
#include "vmm/wayland-wire/outbox.h"
#include "wayland-wire-protocols.h"

enum {
    INNER = WIRE_REQUEST, /* Xwayland: what it says are requests */
    OUTER = WIRE_EVENT,
};

struct side {
    struct hop *hop;
    int fd;
    struct loop_source *watch;
    struct outbox outbox;
    struct wire_objects *objects;
    uint8_t in[2 * WIRE_MESSAGE_MAX];
    size_t n_in;
    int fds[HOP_FDS_MAX];
    size_t n_fds;
};

struct hop {
    const struct hop_ops *ops;
    void *data;
    bool over;
    bool held; /* the host's events */
    struct side side[2];
    uint32_t last_id;
    uint32_t n_free;
    uint32_t free_ids[HOP_OBJECTS_MAX];
    int event_fd; /* of the event that is being handled */
};

void
hop_end(struct hop *hop, const char *why)
{
    if (!hop->over) {
        hop->over = true;
        hop->ops->ended(hop->data, why);
    }
}

static void
fail(struct hop *hop, const struct wire_call *call, const char *who)
{
    cleanup_free char *text = xasprintf("%s: message %u of object %u: %s", who, call->opcode,
                                        call->id, call->why ? call->why : "it cannot be passed on");

    hop_end(hop, text);
}

static struct hop_object *
object_at(struct side *side, uint32_t id)
{
    struct wire_object *object = id == 0 ? NULL : wire_object_get(side->objects, id);

    return object ? object->data : NULL;
}

static struct hop_object *
live_object(struct side *side, uint32_t id, const struct wire_interface *interface)
{
    struct wire_object *object = id == 0 ? NULL : wire_object_get(side->objects, id);

    return object && !object->dead && object->interface == interface ? object->data : NULL;
}

struct hop_object *
hop_by_inner(struct hop *hop, uint32_t inner, const struct wire_interface *interface)
{
    return live_object(&hop->side[INNER], inner, interface);
}

struct hop_object *
hop_by_outer(struct hop *hop, uint32_t outer, const struct wire_interface *interface)
{
    return live_object(&hop->side[OUTER], outer, interface);
}

uint32_t
hop_version(struct hop *hop, uint32_t outer)
{
    const struct wire_object *object =
        outer == 0 ? NULL : wire_object_get(hop->side[OUTER].objects, outer);

    return object ? object->version : 0;
}

uint32_t
hop_new_id(struct hop *hop)
{
    if (hop->n_free > 0) {
        return hop->free_ids[--hop->n_free];
    }
    return hop->last_id < HOP_OBJECTS_MAX ? ++hop->last_id : 0;
}

/* Both kinds of a link: the two tables' entries of one object. */
static void
link_object(struct hop *hop, uint32_t inner, uint32_t outer)
{
    struct hop_object *object = xalloc(sizeof(*object));

    object->inner = inner;
    object->outer = outer;
    wire_object_get(hop->side[INNER].objects, inner)->data = object;
    wire_object_get(hop->side[OUTER].objects, outer)->data = object;
}

/* What the bytes say, made so in a side's table. */
static int
apply(struct hop *hop, int side, enum wire_side kind, const uint8_t *data, size_t size)
{
    struct wire_call call;
    int r = wire_read(hop->side[side].objects, kind, data, size, &call);

    if (r != (int)size) {
        log_debug("Own message %u of object %u: %s", call.opcode, call.id,
                  call.why ? call.why : "not whole");
        return -EPROTO;
    }
    return wire_apply(hop->side[side].objects, &call);
}

static int
take_fds(struct side *side, size_t n, int *ret_fds)
{
    if (side->n_fds < n) {
        return -EPROTO;
    }
    memcpy(ret_fds, side->fds, n * sizeof(*ret_fds));
    side->n_fds -= n;
    memmove(side->fds, side->fds + n, side->n_fds * sizeof(side->fds[0]));
    return 0;
}

static void
close_all(const int *fds, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (fds[i] >= 0) {
            close(fds[i]);
        }
    }
}

/* The object's id on the other side; 0 for none. */
static uint32_t
other_id(struct hop *hop, enum wire_side from, uint32_t id)
{
    const struct hop_object *object = object_at(&hop->side[from], id);

    if (id == WIRE_DISPLAY) {
        return WIRE_DISPLAY;
    }
    return !object ? 0 : from == WIRE_REQUEST ? object->outer : object->inner;
}

/* The other side's id in place of an argument that is one; -ENOENT when it cannot be had. */
static int
translate_argument(struct hop *hop, const struct wire_call *call, uint8_t argument, uint8_t *bytes,
                   uint32_t *made)
{
    const char type = call->message->argument[argument].type;
    uint32_t word = call->value[argument].word;

    if (type == 'n') {
        *made = word = call->side == WIRE_REQUEST ? hop_new_id(hop) : 0;
    } else if (type == 'o' && word != 0) {
        word = other_id(hop, call->side, word);
    } else {
        return 0;
    }
    memcpy(bytes, &word, sizeof(word));
    return word == 0 ? -ENOENT : 0;
}

/* Bytes of an argument in the message. */
static size_t
argument_size(char type, const struct wire_value *value)
{
    return type == 'h' ? 0 : type == 's' || type == 'a' ? 4 + align_up(value->word, 4) : 4;
}

/* The message with the other side's ids; *made is the id of what it makes. 0 or -ENOENT. */
static int
translate(struct hop *hop, const struct wire_call *call, uint8_t *bytes, uint32_t *made)
{
    const uint32_t target = other_id(hop, call->side, call->id);
    size_t at = WIRE_HEADER_SIZE;
    int r = target == 0 ? -ENOENT : 0;

    memcpy(bytes, &target, sizeof(target));
    for (uint8_t i = 0; r == 0 && i < call->message->n_arguments; i++) {
        r = translate_argument(hop, call, i, bytes + at, made);
        at += argument_size(call->message->argument[i].type, &call->value[i]);
    }
    return r;
}

static uint32_t
made_id(const struct wire_call *call)
{
    for (uint8_t i = 0; i < call->message->n_arguments; i++) {
        if (call->message->argument[i].type == 'n') {
            return call->value[i].word;
        }
    }
    return 0;
}

static int
pass_request(struct hop *hop, const struct wire_call *call, const uint8_t *data)
{
    uint8_t bytes[WIRE_MESSAGE_MAX];
    int fds[WIRE_ARGUMENTS_MAX];
    const size_t n_fds = call->message->n_fds;
    uint32_t made = 0;

    memcpy(bytes, data, call->size);
    int r = translate(hop, call, bytes, &made);
    if (r == 0) {
        r = apply(hop, OUTER, WIRE_REQUEST, bytes, call->size);
    }
    if (r == 0) {
        r = wire_apply(hop->side[INNER].objects, call);
    }
    if (r == 0 && made != 0) {
        link_object(hop, made_id(call), made);
    }
    if (r == 0) {
        r = take_fds(&hop->side[INNER], n_fds, fds);
    }
    return r < 0 ? r : outbox_add(&hop->side[OUTER].outbox, bytes, call->size, fds, n_fds);
}

static int
on_request(struct hop *hop, struct wire_call *call, const uint8_t *data)
{
    const struct wire_object object = *call->object;

    call->object = &object; /* the table may move */
    int r = hop->ops->request(hop->data, call, object.data);
    if (r == 0 && !hop->over) {
        r = pass_request(hop, call, data);
        if (r == 0) {
            hop->ops->passed(hop->data, call);
        }
    }
    call->object = NULL;
    return MIN_OF(r, 0); /* 1: it stays here */
}

void
hop_know(struct hop *hop, const struct wire_interface *interface)
{
    wire_objects_know(hop->side[INNER].objects, interface);
}

int
hop_keep(struct hop *hop, const struct wire_call *call, uint32_t outer)
{
    if ((outer != 0 && !wire_object_get(hop->side[OUTER].objects, outer)) ||
        wire_apply(hop->side[INNER].objects, call) < 0) {
        return -EPROTO;
    }
    if (outer != 0) {
        link_object(hop, made_id(call), outer);
    }
    return 0;
}

int
hop_take_request_fd(struct hop *hop)
{
    int fd = -1;

    return take_fds(&hop->side[INNER], 1, &fd) < 0 ? -1 : fd;
}

static int
pass_event(struct hop *hop, const struct wire_call *call, const uint8_t *data, int *fd)
{
    uint8_t bytes[WIRE_MESSAGE_MAX];
    uint32_t made = 0;

    memcpy(bytes, data, call->size);
    if (translate(hop, call, bytes, &made) < 0 ||
        apply(hop, INNER, WIRE_EVENT, bytes, call->size) < 0) {
        return 0; /* about what Xwayland does not know */
    }
    const size_t n_fds = *fd >= 0;
    const int given = take_fd(fd);
    return outbox_add(&hop->side[INNER].outbox, bytes, call->size, &given, n_fds);
}

/* The host forgot an id: it may be used again. */
static int
on_delete(struct hop *hop, uint32_t id)
{
    struct hop_object *object = object_at(&hop->side[OUTER], id);
    struct wire_writer writer;

    if (!wire_object_get(hop->side[OUTER].objects, id) || id >= WIRE_SERVER_IDS ||
        id == WIRE_DISPLAY) {
        return 0;
    }
    if (hop->n_free < HOP_OBJECTS_MAX) {
        hop->free_ids[hop->n_free++] = id;
    }
    if (!object) {
        return 0;
    }
    hop->ops->forgotten(hop->data, object);
    wire_begin(&writer, WIRE_DISPLAY, WIRE_WL_DISPLAY_EVENT_DELETE_ID);
    wire_put(&writer, object->inner);
    free(object);
    hop_tell(hop, &writer);
    return 0;
}

static int
on_display(struct hop *hop, const struct wire_call *call)
{
    if (call->opcode == WIRE_WL_DISPLAY_EVENT_DELETE_ID) {
        return on_delete(hop, call->value[0].word);
    }
    const struct wire_object *about =
        wire_object_get(hop->side[OUTER].objects, call->value[0].word);
    cleanup_free char *text =
        xasprintf("the host's compositor reports an error of %s@%u: code %u, %.512s",
                  about ? about->interface->name : "an object", call->value[0].word,
                  call->value[1].word, (const char *)call->value[2].data);
    hop_end(hop, text);
    return 0;
}

/* 1 when it shall not pass. */
static int
give_event(struct hop *hop, const struct wire_call *call, int *fd)
{
    int r = 1;

    hop->event_fd = take_fd(fd);
    if (call->object->data) {
        r = hop->ops->event(hop->data, call, call->object->data);
    } else {
        hop->ops->own_event(hop->data, call);
    }
    *fd = take_fd(&hop->event_fd);
    return r;
}

static int
handle_event(struct hop *hop, struct wire_call *call, const uint8_t *data, int *fd)
{
    const struct wire_object object = *call->object;
    int r = 0;

    call->object = &object; /* the table may move */
    if (call->id == WIRE_DISPLAY) {
        r = on_display(hop, call);
        r = r < 0 || hop->over ? r : wire_apply(hop->side[OUTER].objects, call);
        call->object = NULL;
        return r;
    }
    r = wire_apply(hop->side[OUTER].objects, call);
    if (r == 0) {
        r = give_event(hop, call, fd);
    }
    if (r == 0 && !hop->over) {
        r = pass_event(hop, call, data, fd);
    }
    call->object = NULL;
    return MIN_OF(r, 0);
}

static int
on_event(struct hop *hop, struct wire_call *call, const uint8_t *data)
{
    int fds[WIRE_ARGUMENTS_MAX];
    const size_t n_fds = call->message->n_fds;

    if (n_fds > 1 || take_fds(&hop->side[OUTER], n_fds, fds) < 0) {
        call->why = "its descriptor is missing";
        return -EPROTO;
    }
    int fd = n_fds > 0 ? fds[0] : -1;
    int r = handle_event(hop, call, data, &fd);
    fd_closep(&fd);
    return r;
}

int
hop_take_fd(struct hop *hop)
{
    return take_fd(&hop->event_fd);
}

void
hop_send_fd(struct hop *hop, struct wire_writer *writer, int fd)
{
    const int size = wire_end(writer);
    const int copy = fd >= 0 ? dup(fd) : -1;

    if (size < 0 || (fd >= 0 && copy < 0) ||
        apply(hop, OUTER, WIRE_REQUEST, writer->bytes, (size_t)size) < 0) {
        close_all(&copy, 1);
        hop_end(hop, "a request of ours cannot be sent");
        return;
    }
    if (outbox_add(&hop->side[OUTER].outbox, writer->bytes, (size_t)size, &copy, copy >= 0) < 0) {
        hop_end(hop, "there is no memory");
    }
}

void
hop_send(struct hop *hop, struct wire_writer *writer)
{
    hop_send_fd(hop, writer, -1);
}

void
hop_tell(struct hop *hop, struct wire_writer *writer)
{
    const int size = wire_end(writer);

    if (size < 0 || apply(hop, INNER, WIRE_EVENT, writer->bytes, (size_t)size) < 0) {
        return; /* what it was about is gone */
    }
    if (outbox_add(&hop->side[INNER].outbox, writer->bytes, (size_t)size, NULL, 0) < 0) {
        hop_end(hop, "there is no memory");
    }
}

static void
read_messages(struct hop *hop, enum wire_side kind)
{
    struct side *side = &hop->side[kind];
    size_t at = 0;
    int r = 1;

    while (!hop->over && r > 0 && !(hop->held && kind == WIRE_EVENT)) {
        struct wire_call call;

        r = wire_read(side->objects, kind, side->in + at, side->n_in - at, &call);
        int failed = r;
        if (r > 0) {
            failed = kind == WIRE_REQUEST ? on_request(hop, &call, side->in + at)
                                          : on_event(hop, &call, side->in + at);
            at += (size_t)r;
        }
        if (failed < 0) {
            fail(hop, &call, kind == WIRE_REQUEST ? "Xwayland" : "the host");
            return;
        }
    }
    memmove(side->in, side->in + at, side->n_in - at);
    side->n_in -= at;
}

static void
receive(struct hop *hop, enum wire_side kind)
{
    struct side *side = &hop->side[kind];
    struct message_fds fds = {.count = 0};
    ssize_t n =
        message_receive_part(side->fd, side->in + side->n_in, sizeof(side->in) - side->n_in, &fds);

    if (n == -EAGAIN || n == -EINTR) {
        return;
    }
    for (size_t i = 0; i < fds.count && side->n_fds < HOP_FDS_MAX; i++) {
        side->fds[side->n_fds++] = message_take_fd(&fds, i);
    }
    message_close_fds(&fds);
    if (n <= 0) {
        hop_end(hop, kind == WIRE_REQUEST ? NULL : "the host's end of the connection is closed");
        return;
    }
    side->n_in += (size_t)n;
    read_messages(hop, kind);
}

/* Write what fits of both sides; a side whose messages the other does not take has to wait. */
void
hop_flush(struct hop *hop)
{
    for (int i = 0; i < 2 && !hop->over; i++) {
        struct side *side = &hop->side[i];

        if (outbox_send(&side->outbox, side->fd) < 0) {
            hop_end(hop, i == INNER ? NULL : "the host does not listen");
        }
    }
    for (int i = 0; i < 2 && !hop->over; i++) {
        const struct side *side = &hop->side[i];
        const bool waits =
            hop->side[!i].outbox.queued > HOP_QUEUED_MAX || (i == OUTER && hop->held);
        const uint32_t in = waits ? 0 : EPOLLIN;
        const uint32_t out = list_empty(&side->outbox.chunks) ? 0 : EPOLLOUT;

        loop_modify(side->watch, in | out);
    }
}

bool
hop_is_read(const struct hop *hop)
{
    const struct side *side = &hop->side[INNER];
    int unread = 0;

    return list_empty(&side->outbox.chunks) &&
           (ioctl(side->fd, SIOCOUTQ, &unread) < 0 || unread == 0);
}

void
hop_hold(struct hop *hop)
{
    hop->held = true;
}

void
hop_go_on(struct hop *hop)
{
    if (hop->held && !hop->over) {
        hop->held = false;
        read_messages(hop, WIRE_EVENT);
        hop_flush(hop);
    }
}

static void
on_side(void *data, uint32_t events)
{
    struct side *side = data;
    struct hop *hop = side->hop;

    const bool waits = hop->held && side == &hop->side[OUTER] && !(events & EPOLLHUP);
    if (!hop->over && !waits && events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
        receive(hop, side == &hop->side[INNER] ? WIRE_REQUEST : WIRE_EVENT);
    }
    hop_flush(hop);
}

static bool
side_open(struct hop *hop, struct side *side, struct loop *loop, int fd)
{
    side->hop = hop;
    side->fd = fd;
    outbox_init(&side->outbox);
    side->objects = wire_objects_create(HOP_OBJECTS_MAX);
    side->watch = loop_add(loop, fd, EPOLLIN, on_side, side);
    return side->objects && side->watch;
}

struct hop *
hop_create(struct loop *loop, const int fds[2], const struct hop_ops *ops, void *data)
{
    struct hop *hop = xalloc(sizeof(*hop));

    hop->ops = ops;
    hop->data = data;
    hop->last_id = WIRE_DISPLAY;
    hop->event_fd = -1;
    const bool inner = side_open(hop, &hop->side[INNER], loop, fds[INNER]);
    const bool outer = side_open(hop, &hop->side[OUTER], loop, fds[OUTER]);
    if (!inner || !outer) {
        hop_destroy(hop);
        return NULL;
    }
    return hop;
}

static void
forget(void *data, uint32_t id, struct wire_object *object)
{
    struct hop *hop = data;

    (void)id;
    hop->ops->forgotten(hop->data, object->data);
    free(object->data);
    object->data = NULL;
}

void
hop_destroy(struct hop *hop)
{
    if (!hop) {
        return;
    }
    hop->over = true;
    if (hop->side[OUTER].objects) { /* every shared object is in both tables */
        wire_objects_each(hop->side[OUTER].objects, forget, hop);
    }
    for (int i = 0; i < 2; i++) {
        struct side *side = &hop->side[i];

        loop_remove(side->watch);
        wire_objects_destroy(side->objects);
        outbox_clear(&side->outbox);
        close_all(side->fds, side->n_fds);
        fd_closep(&side->fd);
    }
    free(hop);
}
