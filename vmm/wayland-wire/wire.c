/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/wayland-wire/wire.h"

#include <errno.h>

#include "vmm/base/bytes.h"
#include "vmm/wayland-wire/objects.h"
#include "wayland-wire-protocols.h"

/* The bytes of one message, read from `at` on. */
struct reader {
    const uint8_t *data;
    size_t size;
    size_t at;
    struct wire_objects *objects;
    struct wire_call *call;
};

static uint32_t
word_at(const uint8_t *data)
{
    uint32_t word;

    memcpy(&word, data, sizeof(word));
    return word;
}

static int
refuse(struct reader *reader, const char *why)
{
    reader->call->why = why;
    return -EPROTO;
}

int
wire_message_size(const uint8_t *data, size_t size)
{
    if (size < WIRE_HEADER_SIZE) {
        return 0;
    }
    uint32_t length = word_at(data + 4) >> 16;
    return length < WIRE_HEADER_SIZE || length > WIRE_MESSAGE_MAX || length % 4 != 0 ? -EPROTO
                                                                                     : (int)length;
}

static int
read_word(struct reader *reader, struct wire_value *value)
{
    if (reader->size - reader->at < 4) {
        return refuse(reader, "it is too short");
    }
    value->word = word_at(reader->data + reader->at);
    reader->at += 4;
    return 0;
}

static int
read_bytes(struct reader *reader, struct wire_value *value)
{
    int r = read_word(reader, value);

    if (r < 0) {
        return r;
    }
    uint64_t padded = align_up((uint64_t)value->word, 4);
    if (padded > reader->size - reader->at) {
        return refuse(reader, "a string or array is longer than the message");
    }
    value->data = reader->data + reader->at;
    reader->at += (size_t)padded;
    return 0;
}

static int
read_string(struct reader *reader, const struct wire_argument *argument, struct wire_value *value)
{
    int r = read_bytes(reader, value);

    if (r < 0) {
        return r;
    }
    if (value->word == 0) {
        value->data = NULL;
        return argument->nullable ? 0 : refuse(reader, "a string is missing");
    }
    if (memchr(value->data, '\0', value->word) != value->data + value->word - 1) {
        return refuse(reader, "a string does not end where it should");
    }
    return 0;
}

static int
read_object(struct reader *reader, const struct wire_argument *argument, struct wire_value *value)
{
    int r = read_word(reader, value);

    if (r < 0) {
        return r;
    }
    if (value->word == 0) {
        return argument->nullable ? 0 : refuse(reader, "an object is missing");
    }
    const struct wire_object *object = wire_object_get(reader->objects, value->word);
    /* What the client destroyed already may be in events that were on their way. */
    if (!object || (object->dead && reader->call->side == WIRE_REQUEST)) {
        return refuse(reader, "it names an object that is not there");
    }
    if (argument->interface && object->interface != argument->interface) {
        return refuse(reader, "it names an object of another kind");
    }
    return 0;
}

static int
read_new_id(struct reader *reader, const struct wire_argument *argument, struct wire_value *value)
{
    int r = read_word(reader, value);

    if (r < 0) {
        return r;
    }
    if (!wire_objects_may_add(reader->objects, reader->call->side, value->word)) {
        return refuse(reader, "a new object's id is not free");
    }
    if (argument->interface) {
        return 0;
    }
    /* The interface's name and version are the two arguments before. */
    const struct wire_value *name = value - 2;
    const struct wire_interface *bound =
        name->data ? wire_objects_find(reader->objects, (const char *)name->data, name->word - 1)
                   : NULL;
    uint32_t version = value[-1].word;
    if (!bound || version == 0 || version > bound->version) {
        return refuse(reader, "it binds an interface or version that is not known");
    }
    reader->call->bound = bound;
    reader->call->bound_version = version;
    return 0;
}

static int
read_argument(struct reader *reader, const struct wire_argument *argument, struct wire_value *value)
{
    *value = (struct wire_value){0};
    switch (argument->type) {
    case 's':
        return read_string(reader, argument, value);
    case 'a':
        return read_bytes(reader, value);
    case 'o':
        return read_object(reader, argument, value);
    case 'n':
        return read_new_id(reader, argument, value);
    case 'h':
        return 0;
    default:
        return read_word(reader, value);
    }
}

static int
find_message(struct reader *reader)
{
    struct wire_call *call = reader->call;
    struct wire_object *object = wire_object_get(reader->objects, call->id);

    if (!object || (object->dead && call->side == WIRE_REQUEST)) {
        return refuse(reader, "its object is not there");
    }
    const struct wire_interface *interface = object->interface;
    const bool request = call->side == WIRE_REQUEST;
    if (call->opcode >= (request ? interface->n_requests : interface->n_events)) {
        return refuse(reader, "its object has no such message");
    }
    call->object = object;
    call->message = (request ? interface->request : interface->event) + call->opcode;
    if (call->message->since > object->version) {
        return refuse(reader, "its object's version has no such message");
    }
    return 0;
}

static int
read_whole(struct reader *reader)
{
    struct wire_call *call = reader->call;
    int r = find_message(reader);

    for (uint8_t i = 0; r == 0 && i < call->message->n_arguments; i++) {
        r = read_argument(reader, &call->message->argument[i], &call->value[i]);
    }
    if (r == 0 && reader->at != reader->size) {
        r = refuse(reader, "it is too long");
    }
    return r;
}

int
wire_read(struct wire_objects *objects, enum wire_side side, const uint8_t *data, size_t size,
          struct wire_call *ret_call)
{
    int length = wire_message_size(data, size);
    struct reader reader = {
        .data = data, .at = WIRE_HEADER_SIZE, .objects = objects, .call = ret_call};

    if (length == 0 || (length > 0 && (size_t)length > size)) {
        return 0;
    }
    *ret_call = (struct wire_call){.side = side};
    if (length < 0) {
        return refuse(&reader, "its length cannot be");
    }
    reader.size = (size_t)length;
    ret_call->id = word_at(data);
    ret_call->opcode = (uint16_t)(word_at(data + 4) & 0xffff);
    ret_call->size = (uint16_t)length;
    int r = read_whole(&reader);
    return r < 0 ? r : length;
}

static int
add_object(struct wire_objects *objects, const struct wire_call *call, uint32_t id,
           const struct wire_interface *interface)
{
    const struct wire_object object = {
        .interface = interface ? interface : call->bound,
        .version = interface ? call->object->version : call->bound_version,
    };

    return wire_objects_add(objects, call->side, id, &object);
}

int
wire_apply(struct wire_objects *objects, const struct wire_call *call)
{
    const struct wire_call kept = *call;
    const struct wire_object parent = *call->object; /* adding may move it */
    struct wire_call with_parent = kept;
    int r = 0;

    with_parent.object = &parent;
    for (uint8_t i = 0; r == 0 && i < kept.message->n_arguments; i++) {
        if (kept.message->argument[i].type == 'n') {
            r = add_object(objects, &with_parent, kept.value[i].word,
                           kept.message->argument[i].interface);
        }
    }
    if (r == 0 && kept.message->destructor) {
        wire_object_get(objects, kept.id)->dead = true;
    }
    if (r == 0 && wire_is(&with_parent, wl_display, WIRE_WL_DISPLAY_EVENT_DELETE_ID) &&
        kept.side == WIRE_EVENT) {
        wire_objects_delete(objects, kept.value[0].word);
    }
    return r;
}

const struct wire_interface *
wire_interface_find(const char *name, size_t length)
{
    for (size_t i = 0; i < wire_n_interfaces; i++) {
        const char *known = wire_interfaces[i]->name;
        if (strlen(known) == length && memcmp(known, name, length) == 0) {
            return wire_interfaces[i];
        }
    }
    return NULL;
}
