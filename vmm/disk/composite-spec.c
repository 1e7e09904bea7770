/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/disk/composite-spec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/base/bytes.h"

static const uint8_t magic[] = "composite_disk\x1d"; /* without its NUL */

enum {
    MAGIC_SIZE = sizeof(magic) - 1,
    VERSION_MAX = 2,
    VARINT_BYTES_MAX = 10,
};

/* Kinds of values in a protocol buffer. */
enum wire {
    WIRE_VARINT = 0,
    WIRE_64_BIT = 1,
    WIRE_BYTES = 2,
    WIRE_32_BIT = 5,
};

enum disk_field {
    DISK_VERSION = 1,
    DISK_PART = 2,
    DISK_LENGTH = 3,
};

enum part_field {
    PART_PATH = 1,
    PART_OFFSET = 2,
    PART_CAPABILITY = 3,
    PART_FILE_OFFSET = 4,
};

enum capability {
    CAPABILITY_READ_ONLY = 0,
    CAPABILITY_READ_WRITE = 1,
};

/* What is left of a message. */
struct reader {
    const uint8_t *at;
    size_t left;
};

/* One field: a number, or bytes inside of the message. */
struct field {
    uint64_t number;
    unsigned int wire; /* enum wire */
    uint64_t value;
    struct reader bytes;
};

static bool
read_varint(struct reader *reader, uint64_t *ret_value)
{
    uint64_t value = 0;

    for (unsigned int i = 0; i < VARINT_BYTES_MAX && i < reader->left; i++) {
        const uint8_t byte = reader->at[i];

        if (i == VARINT_BYTES_MAX - 1 && byte > 1) {
            return false; /* more than 64 bits */
        }
        value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (!(byte & 0x80)) {
            reader->at += i + 1;
            reader->left -= i + 1;
            *ret_value = value;
            return true;
        }
    }
    return false;
}

static bool
take_bytes(struct reader *reader, uint64_t size, struct reader *ret_bytes)
{
    if (size > reader->left) {
        return false;
    }
    *ret_bytes = (struct reader){.at = reader->at, .left = (size_t)size};
    reader->at += size;
    reader->left -= (size_t)size;
    return true;
}

/* The next field of a message that is not at its end. */
static bool
read_field(struct reader *reader, struct field *ret_field)
{
    uint64_t tag = 0;

    *ret_field = (struct field){0};
    if (!read_varint(reader, &tag) || tag >> 3 == 0 || tag > UINT32_MAX) {
        return false;
    }
    ret_field->number = tag >> 3;
    ret_field->wire = (unsigned int)(tag & 7);
    switch (ret_field->wire) {
    case WIRE_VARINT:
        return read_varint(reader, &ret_field->value);
    case WIRE_64_BIT:
        return take_bytes(reader, 8, &ret_field->bytes);
    case WIRE_32_BIT:
        return take_bytes(reader, 4, &ret_field->bytes);
    case WIRE_BYTES:
        return read_varint(reader, &ret_field->value) &&
               take_bytes(reader, ret_field->value, &ret_field->bytes);
    default:
        return false;
    }
}

static int
refuse(int error, const char *why, const char **ret_why)
{
    *ret_why = why;
    return error;
}

static int
refuse_damage(const char **ret_why)
{
    return refuse(-EINVAL, "it is damaged", ret_why);
}

static int
read_path(const struct field *field, struct composite_part *part, const char **ret_why)
{
    const struct reader *bytes = &field->bytes;

    if (bytes->left >= sizeof(part->path)) {
        return refuse(-EOPNOTSUPP, "the name of one of its parts is too long", ret_why);
    }
    for (size_t i = 0; i < bytes->left; i++) {
        if (bytes->at[i] < 0x20 || bytes->at[i] == 0x7f) {
            return refuse(-EINVAL, "the name of one of its parts holds control characters",
                          ret_why);
        }
    }
    memset(part->path, 0, sizeof(part->path));
    memcpy(part->path, bytes->at, bytes->left);
    return 0;
}

/* Fields that are not known are skipped, as the format wants it. */
static int
read_part_field(const struct field *field, struct composite_part *part, const char **ret_why)
{
    const unsigned int wanted = field->number == PART_PATH ? WIRE_BYTES : WIRE_VARINT;

    if (field->number > PART_FILE_OFFSET) {
        return 0;
    }
    if (field->wire != wanted) {
        return refuse_damage(ret_why);
    }
    switch (field->number) {
    case PART_PATH:
        return read_path(field, part, ret_why);
    case PART_OFFSET:
        part->offset = field->value;
        return 0;
    case PART_FILE_OFFSET:
        part->file_offset = field->value;
        return 0;
    default:
        if (field->value > CAPABILITY_READ_WRITE) {
            return refuse(-EOPNOTSUPP, "one of its parts may be neither read nor written", ret_why);
        }
        part->writable = field->value == CAPABILITY_READ_WRITE;
        return 0;
    }
}

static int
read_part(struct reader message, struct composite_spec *spec, const char **ret_why)
{
    struct composite_part *part = &spec->part[spec->n_parts];
    int r = 0;

    if (spec->n_parts == COMPOSITE_PARTS_MAX) {
        return refuse(-EOPNOTSUPP, "it has more than 24 parts", ret_why);
    }
    memset(part, 0, sizeof(*part));
    while (r == 0 && message.left > 0) {
        struct field field;

        r = read_field(&message, &field) ? read_part_field(&field, part, ret_why)
                                         : refuse_damage(ret_why);
    }
    if (r == 0 && part->path[0] == '\0') {
        return refuse(-EINVAL, "one of its parts has no name", ret_why);
    }
    spec->n_parts++;
    return r;
}

static int
read_disk_field(const struct field *field, struct composite_spec *spec, const char **ret_why)
{
    if (field->number > DISK_LENGTH) {
        return 0;
    }
    if (field->wire != (field->number == DISK_PART ? WIRE_BYTES : WIRE_VARINT)) {
        return refuse_damage(ret_why);
    }
    if (field->number == DISK_PART) {
        return read_part(field->bytes, spec, ret_why);
    }
    if (field->number == DISK_VERSION && field->value > VERSION_MAX) {
        return refuse(-EOPNOTSUPP, "its version is newer than 2", ret_why);
    }
    if (field->number == DISK_LENGTH) {
        spec->length = field->value;
    }
    return 0;
}

static int
compare_parts(const void *a, const void *b)
{
    const struct composite_part *first = a;
    const struct composite_part *second = b;

    if (first->offset == second->offset) {
        return 0;
    }
    return first->offset < second->offset ? -1 : 1;
}

/* Each part goes on to the next one. */
static int
place_parts(struct composite_spec *spec, const char **ret_why)
{
    if (spec->n_parts == 0) {
        return refuse(-EINVAL, "it has no parts", ret_why);
    }
    if (spec->length > INT64_MAX) {
        return refuse(-EINVAL, "its length makes no sense", ret_why);
    }
    qsort(spec->part, spec->n_parts, sizeof(spec->part[0]), compare_parts);
    if (spec->part[0].offset != 0) {
        return refuse(-EINVAL, "none of its parts is at its beginning", ret_why);
    }
    for (size_t i = 0; i < spec->n_parts; i++) {
        struct composite_part *part = &spec->part[i];
        const bool last = i + 1 == spec->n_parts;
        const uint64_t end = last ? spec->length : spec->part[i + 1].offset;

        if (part->offset >= end) {
            return refuse(-EINVAL,
                          last ? "it ends before its last part"
                               : "two of its parts begin at the same place",
                          ret_why);
        }
        part->length = end - part->offset;
        if (!range_inside(part->file_offset, part->length, INT64_MAX)) {
            return refuse(-EINVAL, "the place of a part in its file makes no sense", ret_why);
        }
    }
    return 0;
}

bool
composite_magic(const uint8_t *bytes, size_t size)
{
    return size >= MAGIC_SIZE && memcmp(bytes, magic, MAGIC_SIZE) == 0;
}

int
composite_spec_read(const uint8_t *bytes, size_t size, struct composite_spec *ret_spec,
                    const char **ret_why)
{
    struct reader message = {.at = bytes + MAGIC_SIZE};
    int r = 0;

    ret_spec->length = 0;
    ret_spec->n_parts = 0;
    if (!composite_magic(bytes, size)) {
        return refuse(-EINVAL, "it does not begin as a composite disk does", ret_why);
    }
    if (size > COMPOSITE_SPEC_BYTES_MAX) {
        return refuse(-EOPNOTSUPP, "it is longer than 64 KiB", ret_why);
    }
    message.left = size - MAGIC_SIZE;
    while (r == 0 && message.left > 0) {
        struct field field;

        r = read_field(&message, &field) ? read_disk_field(&field, ret_spec, ret_why)
                                         : refuse_damage(ret_why);
    }
    return r < 0 ? r : place_parts(ret_spec, ret_why);
}

/* Bytes that are written; counted only where there is no room. */
struct writer {
    uint8_t *bytes;
    size_t room;
    size_t size;
};

static void
write_bytes(struct writer *writer, const void *bytes, size_t size)
{
    if (writer->bytes && range_inside(writer->size, size, writer->room)) {
        memcpy(writer->bytes + writer->size, bytes, size);
    }
    writer->size += size;
}

static void
write_varint(struct writer *writer, uint64_t value)
{
    do {
        const uint8_t byte = (uint8_t)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));

        write_bytes(writer, &byte, 1);
        value >>= 7;
    } while (value > 0);
}

/* Numbers that are 0 are left out, as the format's third version does it. */
static void
write_number(struct writer *writer, unsigned int field, uint64_t value)
{
    if (value != 0) {
        write_varint(writer, (uint64_t)field << 3 | WIRE_VARINT);
        write_varint(writer, value);
    }
}

static void
write_part(struct writer *writer, const struct composite_part *part)
{
    write_varint(writer, PART_PATH << 3 | WIRE_BYTES);
    write_varint(writer, strlen(part->path));
    write_bytes(writer, part->path, strlen(part->path));
    write_number(writer, PART_OFFSET, part->offset);
    write_number(writer, PART_CAPABILITY,
                 part->writable ? CAPABILITY_READ_WRITE : CAPABILITY_READ_ONLY);
    write_number(writer, PART_FILE_OFFSET, part->file_offset);
}

size_t
/* NOLINTNEXTLINE(readability-non-const-parameter): it is written through `writer` */
composite_spec_write(const struct composite_spec *spec, uint8_t *bytes, size_t room)
{
    struct writer writer = {.bytes = bytes, .room = room};

    write_bytes(&writer, magic, MAGIC_SIZE);
    write_number(&writer, DISK_VERSION, VERSION_MAX);
    for (size_t i = 0; i < spec->n_parts; i++) {
        struct writer counted = {0};

        write_part(&counted, &spec->part[i]);
        write_varint(&writer, DISK_PART << 3 | WIRE_BYTES);
        write_varint(&writer, counted.size);
        write_part(&writer, &spec->part[i]);
    }
    write_number(&writer, DISK_LENGTH, spec->length);
    return writer.size <= room ? writer.size : 0;
}
