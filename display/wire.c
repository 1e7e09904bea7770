/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "display/wire.h"

#include <string.h>

#include "vmm/base/assert.h"
#include "vmm/base/bytes.h"

enum {
    FIXED_SIZE = 16, /* up to the length of the fields' array, and with it */
    NO_REPLY_EXPECTED = 0x1,
    PROTOCOL_VERSION = 1,
    STRUCT_ALIGNMENT = 8,
};

/* The codes of header fields. */
enum {
    FIELD_PATH = 1,
    FIELD_INTERFACE,
    FIELD_MEMBER,
    FIELD_ERROR,
    FIELD_REPLY_SERIAL,
    FIELD_DESTINATION,
    FIELD_SENDER,
    FIELD_SIGNATURE,
    FIELD_FDS,
};

/* -- writing -- */

static void
put(VmWireBuffer *buffer, const void *bytes, gsize size)
{
    assert(size <= sizeof(buffer->bytes) - buffer->size);
    memcpy(buffer->bytes + buffer->size, bytes, size);
    buffer->size += size;
}

static void
put_byte(VmWireBuffer *buffer, guint8 byte)
{
    put(buffer, &byte, sizeof(byte));
}

static void
put_padding(VmWireBuffer *buffer, gsize alignment)
{
    while (buffer->size % alignment != 0) {
        put_byte(buffer, 0);
    }
}

static void
put_number(VmWireBuffer *buffer, guint32 number)
{
    put_padding(buffer, sizeof(number));
    put(buffer, &number, sizeof(number));
}

static void
put_field(VmWireBuffer *buffer, guint8 code, char type)
{
    const guint8 head[] = {code, 1, (guint8)type, 0};

    put_padding(buffer, STRUCT_ALIGNMENT);
    put(buffer, head, sizeof(head));
}

static void
put_text(VmWireBuffer *buffer, guint8 code, char type, const char *text)
{
    gsize length;

    if (!text) {
        return;
    }
    length = strlen(text);
    put_field(buffer, code, type);
    if (type == 'g') {
        put_byte(buffer, (guint8)length);
    } else {
        put_number(buffer, (guint32)length);
    }
    put(buffer, text, length + 1);
}

static void
put_count(VmWireBuffer *buffer, guint8 code, guint32 number)
{
    if (number != 0) {
        put_field(buffer, code, 'u');
        put_number(buffer, number);
    }
}

void
vm_wire_write(VmWireBuffer *buffer, const VmWireMessage *message)
{
    const guint8 order = G_BYTE_ORDER == G_LITTLE_ENDIAN ? 'l' : 'B';
    const guint8 fixed[] = {order, (guint8)message->type, message->no_reply ? NO_REPLY_EXPECTED : 0,
                            PROTOCOL_VERSION};
    guint32 fields_size;

    buffer->size = 0;
    put(buffer, fixed, sizeof(fixed));
    put_number(buffer, (guint32)(message->body_size + message->tail));
    put_number(buffer, message->serial);
    put_number(buffer, 0);
    put_text(buffer, FIELD_PATH, 'o', message->path);
    put_text(buffer, FIELD_INTERFACE, 's', message->interface);
    put_text(buffer, FIELD_MEMBER, 's', message->member);
    put_text(buffer, FIELD_ERROR, 's', message->error);
    put_count(buffer, FIELD_REPLY_SERIAL, message->reply_serial);
    put_text(buffer, FIELD_SIGNATURE, 'g', message->signature);
    put_count(buffer, FIELD_FDS, message->n_fds);
    fields_size = (guint32)(buffer->size - FIXED_SIZE);
    memcpy(buffer->bytes + FIXED_SIZE - sizeof(fields_size), &fields_size, sizeof(fields_size));
    put_padding(buffer, STRUCT_ALIGNMENT);
    if (message->body_size > 0) {
        put(buffer, message->body, message->body_size);
    }
}

/* -- reading -- */

struct reader {
    const guint8 *data;
    gsize at;
    gsize end;
    gboolean is_big;
};

static gboolean
take(struct reader *reader, gsize size, const guint8 **ret_bytes)
{
    if (size > reader->end - reader->at) {
        return FALSE;
    }
    *ret_bytes = reader->data + reader->at;
    reader->at += size;
    return TRUE;
}

static gboolean
take_padding(struct reader *reader, gsize alignment)
{
    const guint8 *bytes;

    return take(reader, align_up(reader->at, alignment) - reader->at, &bytes);
}

static gboolean
take_number(struct reader *reader, guint32 *ret_number)
{
    const guint8 *bytes;

    if (!take_padding(reader, sizeof(*ret_number)) || !take(reader, sizeof(*ret_number), &bytes)) {
        return FALSE;
    }
    *ret_number = reader->is_big ? load_be32(bytes) : load_le32(bytes);
    return TRUE;
}

/* A text with its NUL, which stands nowhere else in it. */
static gboolean
take_text(struct reader *reader, gsize length, const char **ret_text)
{
    const guint8 *bytes;

    if (!take(reader, length + 1, &bytes) || memchr(bytes, '\0', length + 1) != bytes + length) {
        return FALSE;
    }
    *ret_text = (const char *)bytes;
    return TRUE;
}

static void
keep_text(VmWireMessage *message, guint8 code, const char *text)
{
    switch (code) {
    case FIELD_PATH:
        message->path = text;
        break;
    case FIELD_INTERFACE:
        message->interface = text;
        break;
    case FIELD_MEMBER:
        message->member = text;
        break;
    case FIELD_ERROR:
        message->error = text;
        break;
    case FIELD_SIGNATURE:
        message->signature = text;
        break;
    default: /* a destination, a sender, and what later versions add */
        break;
    }
}

/* One of a simple type; the specification names no other. */
static gboolean
read_field(struct reader *reader, VmWireMessage *message)
{
    const guint8 *head;
    const guint8 *length;
    const char *text;
    guint32 number;

    if (!take_padding(reader, STRUCT_ALIGNMENT) || !take(reader, 4, &head) || head[1] != 1 ||
        head[3] != 0) {
        return FALSE;
    }
    switch (head[2]) {
    case 'u':
        if (!take_number(reader, &number)) {
            return FALSE;
        }
        message->reply_serial = head[0] == FIELD_REPLY_SERIAL ? number : message->reply_serial;
        message->n_fds = head[0] == FIELD_FDS ? number : message->n_fds;
        return TRUE;
    case 's':
    case 'o':
        if (!take_number(reader, &number) || !take_text(reader, number, &text)) {
            return FALSE;
        }
        break;
    case 'g':
        if (!take(reader, 1, &length) || !take_text(reader, *length, &text)) {
            return FALSE;
        }
        break;
    default:
        return FALSE;
    }
    keep_text(message, head[0], text);
    return TRUE;
}

gssize
vm_wire_read(const guint8 *data, gsize size, VmWireMessage *ret_message)
{
    struct reader reader = {.data = data, .at = 4, .end = FIXED_SIZE};
    VmWireMessage message = {0};
    guint32 body_size;
    guint32 fields_size;
    guint64 total;

    if (size < FIXED_SIZE) {
        return 0;
    }
    reader.is_big = data[0] == 'B';
    if ((data[0] != 'l' && data[0] != 'B') || data[1] < VM_WIRE_CALL || data[1] > VM_WIRE_SIGNAL ||
        data[3] != PROTOCOL_VERSION || !take_number(&reader, &body_size) ||
        !take_number(&reader, &message.serial) || !take_number(&reader, &fields_size)) {
        return -1;
    }
    total = align_up((guint64)FIXED_SIZE + fields_size, STRUCT_ALIGNMENT) + body_size;
    if (total > VM_WIRE_MESSAGE_MAX || message.serial == 0) {
        return -1;
    }
    if (size < total) {
        return 0;
    }
    message.type = data[1];
    message.no_reply = (data[2] & NO_REPLY_EXPECTED) != 0;
    message.body = data + total - body_size;
    message.body_size = body_size;
    reader.end += fields_size;
    while (reader.at < reader.end) {
        if (!read_field(&reader, &message)) {
            return -1;
        }
    }
    *ret_message = message;
    return (gssize)total;
}
