/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A connection to an X server, core protocol (X11R7 "X Window System Protocol", appendix B), in the host's
 * byte order (little-endian on all machines that we know) and without waiting: a reply comes later, with the ticket that was given to its request.
 * What the server sends is checked for its length before it is read.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm/base/loop.h"

enum {
    X_EVENT_SIZE = 32,
    X_WORDS_MAX = 12,
    X_REPLY_MAX = 512 << 10, /* more ends the connection; nobody here asks for as much */
    X_SEND_MAX = 200 << 10,  /* bytes of data in one request: servers take 256 KiB at least */
    X_QUEUED_MAX = 8 << 20,
    X_TICKETS_MAX = 65536 / 2, /* sequence numbers have 16 bits */
};

/* Opcodes of requests. */
enum {
    X_CREATE_WINDOW = 1,
    X_CHANGE_WINDOW_ATTRIBUTES = 2,
    X_MAP_WINDOW = 8,
    X_UNMAP_WINDOW = 10,
    X_CONFIGURE_WINDOW = 12,
    X_INTERN_ATOM = 16,
    X_GET_ATOM_NAME = 17,
    X_CHANGE_PROPERTY = 18,
    X_DELETE_PROPERTY = 19,
    X_GET_PROPERTY = 20,
    X_SET_SELECTION_OWNER = 22,
    X_CONVERT_SELECTION = 24,
    X_SEND_EVENT = 25,
    X_SET_INPUT_FOCUS = 42,
    X_QUERY_POINTER = 38,
    X_GET_INPUT_FOCUS = 43,
    X_QUERY_EXTENSION = 98,
    X_KILL_CLIENT = 113,
};

/* Codes of events. */
enum {
    X_EVENT_ERROR = 0,
    X_EVENT_REPLY = 1,
    X_EVENT_CREATE = 16,
    X_EVENT_DESTROY = 17,
    X_EVENT_UNMAP = 18,
    X_EVENT_MAP = 19,
    X_EVENT_MAP_REQUEST = 20,
    X_EVENT_CONFIGURE = 22,
    X_EVENT_CONFIGURE_REQUEST = 23,
    X_EVENT_PROPERTY = 28,
    X_EVENT_SELECTION_CLEAR = 29,
    X_EVENT_SELECTION_REQUEST = 30,
    X_EVENT_SELECTION_NOTIFY = 31,
    X_EVENT_CLIENT_MESSAGE = 33,
    X_EVENT_GENERIC = 35,
};

/* Atoms that need no asking. */
enum {
    XA_ATOM = 4,
    XA_CARDINAL = 6,
    XA_INTEGER = 19,
    XA_STRING = 31,
    XA_WINDOW = 33,
    XA_WM_HINTS = 35,
    XA_WM_NAME = 39,
    XA_WM_NORMAL_HINTS = 40,
    XA_WM_CLASS = 67,
    XA_WM_TRANSIENT_FOR = 68,
    XA_LAST = 68,
};

/* What a reply is about: the user's. */
struct x_ticket {
    uint32_t kind;
    uint32_t window;
    uint32_t detail;
};

struct x_request {
    uint8_t opcode;
    uint8_t byte; /* the header's second */
    uint8_t n_words;
    uint32_t word[X_WORDS_MAX];
    const void *data; /* after the words; padded here */
    size_t size;
    bool reply;
    struct x_ticket ticket;
};

struct xconn_setup {
    uint32_t root;
    uint32_t id_base; /* of ids for this connection's own windows */
    uint32_t id_mask;
};

struct xconn_ops {
    void (*ready)(void *data, const struct xconn_setup *setup);
    /* 32 bytes; `code` without the bit that says that a client sent it. */
    void (*event)(void *data, uint8_t code, const uint8_t *event);
    /* At least 32 bytes, or NULL when the server answered with an error. */
    void (*reply)(void *data, const struct x_ticket *ticket, const uint8_t *reply, size_t size);
    void (*ended)(void *data, const char *why);
};

struct xconn;

/* `fd`, non-blocking, is taken over. NULL when memory or the kernel refuses. */
struct xconn *xconn_create(struct loop *loop, int fd, const struct xconn_ops *ops, void *data);
void xconn_destroy(struct xconn *conn);
CLEANUP_DEFINE(struct xconn, xconn_destroy)

/* Requests before ready() are dropped; so are those whose data is longer than X_SEND_MAX. */
void x_send(struct xconn *conn, const struct x_request *request);
/* Write what was sent since. */
void x_flush(struct xconn *conn);

static inline uint16_t
x_u16(const uint8_t *data)
{
    return (uint16_t)(data[0] | data[1] << 8);
}

static inline uint32_t
x_u32(const uint8_t *data)
{
    return (uint32_t)x_u16(data) | (uint32_t)x_u16(data + 2) << 16;
}
