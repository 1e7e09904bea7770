/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/machine/x86/aml.h"

#include <string.h>

#include "vmm/base/assert.h"
#include "vmm/base/bytes.h"

enum {
    OP_ZERO = 0x00,
    OP_ONE = 0x01,
    OP_NAME = 0x08,
    OP_BYTE = 0x0a,
    OP_WORD = 0x0b,
    OP_DWORD = 0x0c,
    OP_STRING = 0x0d,
    OP_QWORD = 0x0e,
    OP_SCOPE = 0x10,
    OP_BUFFER = 0x11,
    OP_PACKAGE = 0x12,
    OP_EXTENDED = 0x5b,
    OP_EXTENDED_DEVICE = 0x82,

    RESOURCE_IRQ = 0x22,
    RESOURCE_IO = 0x47,
    RESOURCE_END = 0x79,
    RESOURCE_MEMORY32 = 0x86,
    RESOURCE_DWORD = 0x87,
    RESOURCE_WORD = 0x88,
    RESOURCE_QWORD = 0x8a,

    SPACE_MEMORY = 0,
    SPACE_BUS_NUMBER = 2,
    SPACE_FIXED = 0x0c, /* both ends are fixed */
    MEMORY_WRITABLE = 0x01,
    MEMORY_PREFETCHABLE = 0x06,
};

void
aml_init(struct aml *aml, void *data, size_t capacity)
{
    *aml = (struct aml){.data = data, .capacity = capacity};
}

static void
put(struct aml *aml, const void *data, size_t size)
{
    if (!range_inside(aml->used, size, aml->capacity)) {
        aml->overflow = true;
        return;
    }
    memcpy(aml->data + aml->used, data, size);
    aml->used += size;
}

static void
put_byte(struct aml *aml, uint8_t byte)
{
    put(aml, &byte, 1);
}

static void
put_name(struct aml *aml, const char *name)
{
    if (*name == '\\') {
        put_byte(aml, '\\');
        name++;
    }
    assert(strlen(name) == 4);
    put(aml, name, 4);
}

/* PkgLength counts itself; returns how many bytes it has for `body` bytes after it. */
static size_t
encode_length(size_t body, uint8_t ret_bytes[4])
{
    size_t total = body + 1;

    if (total < 0x40) {
        ret_bytes[0] = (uint8_t)total;
        return 1;
    }
    total = body + 2;
    if (total < 0x1000) {
        ret_bytes[0] = (uint8_t)(0x40 | (total & 0xf));
        ret_bytes[1] = (uint8_t)(total >> 4);
        return 2;
    }
    total = body + 3;
    ret_bytes[0] = (uint8_t)(0x80 | (total & 0xf));
    ret_bytes[1] = (uint8_t)(total >> 4);
    ret_bytes[2] = (uint8_t)(total >> 12);
    return 3;
}

static void
open_length(struct aml *aml)
{
    assert(aml->depth < AML_DEPTH_MAX);
    aml->open[aml->depth++] = aml->used;
}

void
aml_close(struct aml *aml)
{
    uint8_t length[4];
    size_t at;
    size_t body;
    size_t n;

    assert(aml->depth > 0);
    at = aml->open[--aml->depth];
    body = aml->used - at;
    n = encode_length(body, length);
    if (!range_inside(aml->used, n, aml->capacity)) {
        aml->overflow = true;
        return;
    }
    memmove(aml->data + at + n, aml->data + at, body);
    memcpy(aml->data + at, length, n);
    aml->used += n;
}

void
aml_open_scope(struct aml *aml, const char *name)
{
    put_byte(aml, OP_SCOPE);
    open_length(aml);
    put_name(aml, name);
}

void
aml_open_device(struct aml *aml, const char *name)
{
    put_byte(aml, OP_EXTENDED);
    put_byte(aml, OP_EXTENDED_DEVICE);
    open_length(aml);
    put_name(aml, name);
}

void
aml_open_package(struct aml *aml, uint8_t n_elements)
{
    put_byte(aml, OP_PACKAGE);
    open_length(aml);
    put_byte(aml, n_elements);
}

void
aml_name(struct aml *aml, const char *name)
{
    put_byte(aml, OP_NAME);
    put_name(aml, name);
}

void
aml_integer(struct aml *aml, uint64_t value)
{
    uint8_t bytes[8];

    store_le64(bytes, value);
    if (value <= 1) {
        put_byte(aml, value == 0 ? OP_ZERO : OP_ONE);
    } else if (value <= UINT8_MAX) {
        put_byte(aml, OP_BYTE);
        put(aml, bytes, 1);
    } else if (value <= UINT16_MAX) {
        put_byte(aml, OP_WORD);
        put(aml, bytes, 2);
    } else if (value <= UINT32_MAX) {
        put_byte(aml, OP_DWORD);
        put(aml, bytes, 4);
    } else {
        put_byte(aml, OP_QWORD);
        put(aml, bytes, 8);
    }
}

void
aml_string(struct aml *aml, const char *text)
{
    put_byte(aml, OP_STRING);
    put(aml, text, strlen(text) + 1);
}

static uint32_t
hex_digit(char c)
{
    return (uint32_t)(c <= '9' ? c - '0' : c - 'A' + 10);
}

void
aml_eisa_id(struct aml *aml, const char *id)
{
    uint32_t value = 0;
    uint8_t bytes[4];

    assert(strlen(id) == 7);
    for (int i = 0; i < 3; i++) {
        value = value << 5 | (uint32_t)(id[i] - 0x40);
    }
    for (int i = 3; i < 7; i++) {
        value = value << 4 | hex_digit(id[i]);
    }
    put_byte(aml, OP_DWORD);
    store_le32(bytes, __builtin_bswap32(value)); /* the identifier is big-endian */
    put(aml, bytes, sizeof(bytes));
}

void
aml_buffer(struct aml *aml, const uint8_t *data, size_t size)
{
    put_byte(aml, OP_BUFFER);
    open_length(aml);
    aml_integer(aml, size);
    put(aml, data, size);
    aml_close(aml);
}

/* -- resources -- */

static void
add(struct aml_resources *resources, const uint8_t *data, size_t size)
{
    if (!range_inside(resources->used, size, sizeof(resources->data))) {
        resources->overflow = true;
        return;
    }
    memcpy(resources->data + resources->used, data, size);
    resources->used += size;
}

void
aml_add_io(struct aml_resources *resources, uint16_t port, uint8_t length)
{
    uint8_t item[8] = {RESOURCE_IO, 1 /* 16 bits decoded */, 0, 0, 0, 0, 1 /* alignment */, length};

    store_le16(item + 2, port);
    store_le16(item + 4, port);
    add(resources, item, sizeof(item));
}

void
aml_add_irq(struct aml_resources *resources, unsigned int line)
{
    uint8_t item[3] = {RESOURCE_IRQ};

    store_le16(item + 1, (uint16_t)(1U << line));
    add(resources, item, sizeof(item));
}

void
aml_add_memory(struct aml_resources *resources, uint32_t start, uint32_t size)
{
    uint8_t item[12] = {RESOURCE_MEMORY32, 9, 0, MEMORY_WRITABLE};

    store_le32(item + 4, start);
    store_le32(item + 8, size);
    add(resources, item, sizeof(item));
}

void
aml_add_bus_numbers(struct aml_resources *resources, uint16_t first, uint16_t last)
{
    uint8_t item[16] = {RESOURCE_WORD, 13, 0, SPACE_BUS_NUMBER, SPACE_FIXED};

    store_le16(item + 8, first);
    store_le16(item + 10, last);
    store_le16(item + 14, (uint16_t)(last - first + 1));
    add(resources, item, sizeof(item));
}

void
aml_add_window32(struct aml_resources *resources, const struct aml_window *window)
{
    uint8_t item[26] = {RESOURCE_DWORD, 23, 0, SPACE_MEMORY, SPACE_FIXED, MEMORY_WRITABLE};

    store_le32(item + 10, (uint32_t)window->start);
    store_le32(item + 14, (uint32_t)(window->start + window->size - 1));
    store_le32(item + 22, (uint32_t)window->size);
    add(resources, item, sizeof(item));
}

void
aml_add_window64(struct aml_resources *resources, const struct aml_window *window)
{
    uint8_t item[46] = {RESOURCE_QWORD, 43,          0,
                        SPACE_MEMORY,   SPACE_FIXED, MEMORY_WRITABLE | MEMORY_PREFETCHABLE};

    store_le64(item + 14, window->start);
    store_le64(item + 22, window->start + window->size - 1);
    store_le64(item + 38, window->size);
    add(resources, item, sizeof(item));
}

void
aml_current_resources(struct aml *aml, struct aml_resources *resources)
{
    static const uint8_t end[2] = {RESOURCE_END, 0 /* no checksum */};

    add(resources, end, sizeof(end));
    aml->overflow = aml->overflow || resources->overflow;
    aml_name(aml, "_CRS");
    aml_buffer(aml, resources->data, resources->used);
}
