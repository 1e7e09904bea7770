/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * D-Bus messages as bytes (D-Bus specification, "Message Protocol"), for links that carry a frame's damage:
 * made without memory of their own, and read where they lie. What is read is an unknown peer's.
 */

#include <glib.h>

G_BEGIN_DECLS

enum {
    VM_WIRE_HEADER_MAX = 512,      /* of a message that we make, body included */
    VM_WIRE_MESSAGE_MAX = 1 << 16, /* of one that we read */
};

typedef enum {
    VM_WIRE_CALL = 1,
    VM_WIRE_RETURN,
    VM_WIRE_ERROR,
    VM_WIRE_SIGNAL,
} VmWireType;

/* Texts may be NULL: there is no such field. */
typedef struct {
    VmWireType type;
    gboolean no_reply; /* of a call: none is expected */
    guint32 serial;
    guint32 reply_serial; /* 0: none */
    guint32 n_fds;
    const char *path;
    const char *interface;
    const char *member;
    const char *error;
    const char *signature; /* of the body */
    const guint8 *body;    /* in the byte order of who made it */
    gsize body_size;
    gsize tail; /* when made: bytes of the body that follow what is written here */
} VmWireMessage;

/* A message in our own byte order; what it takes, without `tail`, must fit. */
typedef struct {
    guint8 bytes[VM_WIRE_HEADER_MAX];
    gsize size;
} VmWireBuffer;

void vm_wire_write(VmWireBuffer *buffer, const VmWireMessage *message);

/*
 * The message at the beginning of `data`; its texts point into it. Returns its size, 0 when more bytes are
 * needed, -1 when it is none, or larger than VM_WIRE_MESSAGE_MAX.
 */
gssize vm_wire_read(const guint8 *data, gsize size, VmWireMessage *ret_message);

G_END_DECLS
