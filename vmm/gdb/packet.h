/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Packets of gdb's remote protocol: "$DATA#SUM", SUM two hexadecimal digits, the sum of DATA's bytes.
 * GDB manual, appendix "Remote Serial Protocol", "Overview".
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PACKET_MAX = 4096 /* bytes of data, both ways */
};

enum packet_event {
    PACKET_NONE,      /* more bytes are needed */
    PACKET_WHOLE,     /* reader->data is a packet */
    PACKET_BAD,       /* its sum is wrong or it is too long: ask for it again */
    PACKET_INTERRUPT, /* the byte 3 between packets */
    PACKET_REFUSED,   /* '-': the other side wants our last packet again */
};

enum packet_state {
    PACKET_BETWEEN = 0,
    PACKET_IN_DATA,
    PACKET_IN_SUM,
    PACKET_IN_LAST_DIGIT,
};

/* Zero-initialise. */
struct packet_reader {
    enum packet_state state;
    bool too_long;
    uint8_t sum;
    uint8_t told;              /* the sum in the packet */
    size_t length;             /* of data */
    char data[PACKET_MAX + 1]; /* NUL-terminated when whole; may hold other NULs */
};

enum packet_event packet_read(struct packet_reader *reader, uint8_t byte);

/* A packet to send. What does not fit is left out and `full` set. */
struct packet_writer {
    bool full;
    size_t length;
    char data[PACKET_MAX];
};

void packet_put(struct packet_writer *writer, const char *text);
void packet_printf(struct packet_writer *writer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Bytes as hexadecimal digits, in the order of memory. */
void packet_put_bytes(struct packet_writer *writer, const void *bytes, size_t n);
/* '}', '#', '$' and '*' mean something in a packet; this is how they are sent in data. */
void packet_put_escaped(struct packet_writer *writer, const char *text, size_t n);

/* The packet as it goes out, in `frame` of at least PACKET_MAX + 4 bytes; its length. */
size_t packet_frame(const struct packet_writer *writer, char *frame);

/*
 * Reading a packet's data: each takes what it names from *text, which moves on; false when it is not
 * there. Numbers are hexadecimal, at most 16 digits.
 */
bool packet_take_number(const char **text, uint64_t *ret_value);
bool packet_take_char(const char **text, char c);
bool packet_take_word(const char **text, const char *word);
/* `n` bytes as hexadecimal digits. */
bool packet_take_bytes(const char **text, void *bytes, size_t n);
