/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The middle of a Wayland connection: Xwayland on one side, the host's compositor (by way of the
 * proxy) on the other. Messages pass, and this program's own objects stand between Xwayland's on the
 * host's side. So an object has two ids: Xwayland's is the inner one, the host's the outer one.
 *
 * The compositor never makes objects for Xwayland here: the globals whose interfaces do so are not shown
 * to it.
 */

#include "vmm/base/loop.h"
#include "vmm/wayland-wire/wire.h"

enum {
    HOP_OBJECTS_MAX = 16384,
    HOP_FDS_MAX = 128,        /* that came before their message */
    HOP_QUEUED_MAX = 1 << 20, /* bytes for either side; the other one has to wait then */
};

/* An object that both sides have. */
struct hop_object {
    uint32_t inner;
    uint32_t outer;
    void *data; /* the user's */
};

struct hop;

/* Ids of a request are inner ones, of events outer ones. `call` is valid during the call only. */
struct hop_ops {
    /* A request of Xwayland's, before it passes: 0, or 1 when it shall not. */
    int (*request)(void *data, const struct wire_call *call, struct hop_object *object);
    /* A request that made an object on both sides, or passed: after it did. */
    void (*passed)(void *data, const struct wire_call *call);
    /* An event for an object of Xwayland's, before it passes: the same. */
    int (*event)(void *data, const struct wire_call *call, struct hop_object *object);
    /* An event for an object of ours. */
    void (*own_event)(void *data, const struct wire_call *call);
    /* The compositor forgot an object with data. */
    void (*forgotten)(void *data, struct hop_object *object);
    /* Either side is gone; `why` is a sentence's end, or NULL. */
    void (*ended)(void *data, const char *why);
};

/* Both descriptors are taken over, non-blocking. NULL when memory or the kernel refuses. */
struct hop *hop_create(struct loop *loop, const int fds[2], const struct hop_ops *ops, void *data);
void hop_destroy(struct hop *hop);
CLEANUP_DEFINE(struct hop, hop_destroy)

/* An id for an object of ours, to be made by the next hop_send(); 0 when there are too many. */
uint32_t hop_new_id(struct hop *hop);
/* A request of ours to the host. Failure ends the connection. */
void hop_send(struct hop *hop, struct wire_writer *writer);
/* The same for one that gives a descriptor away, which stays the caller's. */
void hop_send_fd(struct hop *hop, struct wire_writer *writer, int fd);
/* An event to Xwayland of our making. */
void hop_tell(struct hop *hop, struct wire_writer *writer);
/* Xwayland may bind this interface too, which the tables lack. */
void hop_know(struct hop *hop, const struct wire_interface *interface);
/*
 * In request(), of one that shall not pass: what it makes is Xwayland's alone, or for `outer` an object
 * that hop_send() made on the host's side. 0 or -EPROTO.
 */
int hop_keep(struct hop *hop, const struct wire_call *call, uint32_t outer);
/* The same: the descriptor that comes with it (the caller's from then on), or -1. */
int hop_take_request_fd(struct hop *hop);
/* In own_event(): the descriptor that came with it (the caller's from then on), or -1. */
int hop_take_fd(struct hop *hop);
/* NULL when there is none, or it is dead, or of another kind. */
struct hop_object *hop_by_inner(struct hop *hop, uint32_t inner,
                                const struct wire_interface *interface);
struct hop_object *hop_by_outer(struct hop *hop, uint32_t outer,
                                const struct wire_interface *interface);
/* Version of the host's object, 0 when it is not there. */
uint32_t hop_version(struct hop *hop, uint32_t outer);
/* Write what was sent since. */
void hop_flush(struct hop *hop);
/* Whether Xwayland has read all that passed. */
bool hop_is_read(const struct hop *hop);
/* Let the host's events wait from the next one on, until hop_go_on(). */
void hop_hold(struct hop *hop);
void hop_go_on(struct hop *hop);
/* End the connection. */
void hop_end(struct hop *hop, const char *why);
