/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Wayland's messages: what a message of either side says, and which objects a connection has. No
 * sockets and no descriptors: a caller passes bytes and is told how many descriptors belong to them.
 * Everything that is read is taken as hostile.
 *
 * On the wire, in host byte order: object id, size << 16 | opcode, arguments in words. A client names
 * its objects from 1, the compositor from 0xff000000 on. The tables of interfaces
 * (wayland-wire-protocols.h, made in the build folder) are made from the XML files that meson.build lists.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm/base/cleanup.h"

enum {
    WIRE_HEADER_SIZE = 8,
    WIRE_MESSAGE_MAX = 4096,  /* libwayland has no room for more either */
    WIRE_ARGUMENTS_MAX = 20,  /* the same */
    WIRE_OBJECTS_MAX = 65536, /* of either side of a connection, unless fewer are asked for */
    WIRE_DISPLAY = 1,         /* wl_display's id */
};

#define WIRE_SERVER_IDS UINT32_C(0xff000000)

struct wire_interface;

struct wire_argument {
    char type; /* as in wayland-scanner's signatures: i u f s o n a h */
    bool nullable;
    const struct wire_interface *interface; /* of o and n; NULL: any */
};

struct wire_message {
    const char *name;
    uint32_t since;
    bool destructor;
    uint8_t n_arguments;
    uint8_t n_fds;
    const struct wire_argument *argument;
};

struct wire_interface {
    const char *name;
    uint32_t version; /* the newest that is known */
    uint32_t n_requests;
    uint32_t n_events;
    const struct wire_message *request;
    const struct wire_message *event;
};

/* All that are known, sorted by name. */
extern const struct wire_interface *const wire_interfaces[];
extern const size_t wire_n_interfaces;

/* NULL when it is not known. `name` needs no NUL. */
const struct wire_interface *wire_interface_find(const char *name, size_t length);

struct wire_object {
    const struct wire_interface *interface; /* NULL: the id is free */
    uint32_t version;
    bool dead;  /* its destructor was sent; events may come until the compositor says delete_id */
    void *data; /* the caller's; NULL at first */
};

/* The objects of one connection: wl_display at first. */
struct wire_objects;

/* `limit` objects of each side at most. NULL when memory runs out. */
struct wire_objects *wire_objects_create(uint32_t limit);
void wire_objects_destroy(struct wire_objects *objects);
CLEANUP_DEFINE(struct wire_objects, wire_objects_destroy)

/* NULL when there is none. Valid until the next wire_apply(). */
struct wire_object *wire_object_get(struct wire_objects *objects, uint32_t id);
/* An interface outside of the tables, which this connection's client may bind too: one at most. */
void wire_objects_know(struct wire_objects *objects, const struct wire_interface *interface);
/* Call `visit` with each object that has data. */
void wire_objects_each(struct wire_objects *objects,
                       void (*visit)(void *data, uint32_t id, struct wire_object *object),
                       void *data);

enum wire_side {
    WIRE_REQUEST, /* of the client */
    WIRE_EVENT,   /* of the compositor */
};

struct wire_value {
    uint32_t word;       /* i u f o n as they are; the length of s (with its NUL) and a; 0 for h */
    const uint8_t *data; /* of s and a, inside the message; NULL for a null string */
};

/* One message that keeps all rules. Pointers are into the bytes it was read from. */
struct wire_call {
    enum wire_side side;
    uint32_t id;
    uint16_t opcode;
    uint16_t size;
    const struct wire_object *object; /* valid until the next wire_apply() */
    const struct wire_message *message;
    struct wire_value value[WIRE_ARGUMENTS_MAX];
    /* What wl_registry.bind made, where the interface is no part of the message. */
    const struct wire_interface *bound;
    uint32_t bound_version;
    const char *why; /* after -EPROTO: a sentence's part that tells what is wrong */
};

/* The bytes of the message at `data`: 0 when not even its header is there; -EPROTO. */
int wire_message_size(const uint8_t *data, size_t size);

/*
 * Read the message at `data`. Its size; 0 when not all of it is there; -EPROTO when it breaks the
 * protocol: an unknown or wrong object, an opcode or version that the object has not, arguments that
 * do not fit, strings without their end, a bind to an unknown interface. `why` of the call
 * tells which. Object ids of arguments must exist, new ones be free.
 */
int wire_read(struct wire_objects *objects, enum wire_side side, const uint8_t *data, size_t size,
              struct wire_call *ret_call);
#define wire_is(call, of, opcode_) \
    ((call)->object->interface == &wire_##of && (call)->opcode == (opcode_))

/*
 * Make it so: new objects, dead ones, deleted ones. Once for each call that was read, before the next
 * is. 0, -EPROTO, or -ENOBUFS when the side has too many objects.
 */
int wire_apply(struct wire_objects *objects, const struct wire_call *call);

/* A message in the making. Too much leaves `failed` behind. */
struct wire_writer {
    uint8_t bytes[WIRE_MESSAGE_MAX];
    size_t size;
    bool failed;
};

void wire_begin(struct wire_writer *writer, uint32_t id, uint16_t opcode);
void wire_put(struct wire_writer *writer, uint32_t word);
void wire_put_string(struct wire_writer *writer, const char *text);
/* The message's size, or -EMSGSIZE. */
int wire_end(struct wire_writer *writer);
