/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/gdb/packet.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "vmm/base/bytes.h"

enum {
    INTERRUPT = 3
};

static int
digit_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static enum packet_event
between(struct packet_reader *reader, uint8_t byte)
{
    switch (byte) {
    case '$':
        reader->state = PACKET_IN_DATA;
        reader->too_long = false;
        reader->length = 0;
        reader->sum = 0;
        return PACKET_NONE;
    case INTERRUPT:
        return PACKET_INTERRUPT;
    case '-':
        return PACKET_REFUSED;
    default: /* '+', and noise */
        return PACKET_NONE;
    }
}

static enum packet_event
end(struct packet_reader *reader)
{
    reader->state = PACKET_BETWEEN;
    reader->data[reader->length] = '\0';
    return reader->too_long || reader->told != reader->sum ? PACKET_BAD : PACKET_WHOLE;
}

enum packet_event
packet_read(struct packet_reader *reader, uint8_t byte)
{
    const int digit = digit_value((char)byte);

    switch (reader->state) {
    case PACKET_BETWEEN:
        return between(reader, byte);
    case PACKET_IN_DATA:
        if (byte == '#') {
            reader->state = PACKET_IN_SUM;
        } else if (reader->length == PACKET_MAX) {
            reader->too_long = true;
        } else {
            reader->sum += byte;
            reader->data[reader->length++] = (char)byte;
        }
        return PACKET_NONE;
    case PACKET_IN_SUM:
        reader->too_long = reader->too_long || digit < 0;
        reader->told = (uint8_t)((unsigned int)digit << 4);
        reader->state = PACKET_IN_LAST_DIGIT;
        return PACKET_NONE;
    case PACKET_IN_LAST_DIGIT:
        reader->too_long = reader->too_long || digit < 0;
        reader->told |= (uint8_t)digit;
        return end(reader);
    }
    return PACKET_NONE;
}

static void
put(struct packet_writer *writer, const char *text, size_t n)
{
    if (!range_inside(writer->length, n, sizeof(writer->data))) {
        writer->full = true;
        return;
    }
    memcpy(writer->data + writer->length, text, n);
    writer->length += n;
}

void
packet_put(struct packet_writer *writer, const char *text)
{
    put(writer, text, strlen(text));
}

void
packet_printf(struct packet_writer *writer, const char *format, ...)
{
    char text[256];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    packet_put(writer, text);
}

void
packet_put_bytes(struct packet_writer *writer, const void *bytes, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *from = bytes;

    for (size_t i = 0; i < n; i++) {
        const char pair[2] = {digits[from[i] >> 4], digits[from[i] & 15]};

        put(writer, pair, sizeof(pair));
    }
}

void
packet_put_escaped(struct packet_writer *writer, const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strchr("}#$*", text[i])) {
            const char pair[2] = {'}', (char)(text[i] ^ 0x20)};

            put(writer, pair, sizeof(pair));
        } else {
            put(writer, &text[i], 1);
        }
    }
}

size_t
packet_frame(const struct packet_writer *writer, char *frame)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t sum = 0;
    size_t n = writer->length;

    for (size_t i = 0; i < n; i++) {
        sum += (uint8_t)writer->data[i];
    }
    frame[0] = '$';
    memcpy(frame + 1, writer->data, n);
    frame[n + 1] = '#';
    frame[n + 2] = digits[sum >> 4];
    frame[n + 3] = digits[sum & 15];
    return n + 4;
}

bool
packet_take_number(const char **text, uint64_t *ret_value)
{
    const char *p = *text;
    uint64_t value = 0;
    size_t n = 0;

    for (; digit_value(p[n]) >= 0; n++) {
        if (n == 16) {
            return false;
        }
        value = value << 4 | (uint64_t)digit_value(p[n]);
    }
    if (n == 0) {
        return false;
    }
    *text = p + n;
    *ret_value = value;
    return true;
}

bool
packet_take_char(const char **text, char c)
{
    if (**text != c) {
        return false;
    }
    (*text)++;
    return true;
}

bool
packet_take_word(const char **text, const char *word)
{
    const size_t n = strlen(word);

    if (strncmp(*text, word, n) != 0) {
        return false;
    }
    *text += n;
    return true;
}

bool
packet_take_bytes(const char **text, void *bytes, size_t n)
{
    uint8_t *to = bytes;

    for (size_t i = 0; i < n; i++) {
        const int high = digit_value((*text)[0]);
        const int low = high < 0 ? -1 : digit_value((*text)[1]);

        if (low < 0) {
            return false;
        }
        to[i] = (uint8_t)(high << 4 | low);
        *text += 2;
    }
    return true;
}
