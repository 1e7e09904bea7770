/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "vmm/base/bytes.h"
#include "vmm/wayland-wire/wire.h"

void
wire_begin(struct wire_writer *writer, uint32_t id, uint16_t opcode)
{
    const uint32_t header[2] = {id, opcode};

    memcpy(writer->bytes, header, sizeof(header));
    writer->size = sizeof(header);
    writer->failed = false;
}

static void
put_bytes(struct wire_writer *writer, const void *data, size_t size)
{
    uint64_t padded = align_up(size, 4);

    if (padded > sizeof(writer->bytes) - writer->size) {
        writer->failed = true;
        return;
    }
    memcpy(writer->bytes + writer->size, data, size);
    memset(writer->bytes + writer->size + size, 0, padded - size);
    writer->size += padded;
}

void
wire_put(struct wire_writer *writer, uint32_t word)
{
    put_bytes(writer, &word, sizeof(word));
}

void
wire_put_string(struct wire_writer *writer, const char *text)
{
    size_t size = strlen(text) + 1;

    if (size > sizeof(writer->bytes)) {
        writer->failed = true;
        return;
    }
    wire_put(writer, (uint32_t)size);
    put_bytes(writer, text, size);
}

int
wire_end(struct wire_writer *writer)
{
    uint32_t word;

    if (writer->failed) {
        return -EMSGSIZE;
    }
    memcpy(&word, writer->bytes + 4, sizeof(word));
    word |= (uint32_t)writer->size << 16;
    memcpy(writer->bytes + 4, &word, sizeof(word));
    return (int)writer->size;
}
