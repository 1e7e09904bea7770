/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/fakes/fake-frontend.h"
#include "tests/unit/tap.h"
#include "vmm/base/fd.h"

enum {
    RECEIVE = 0,
    TRANSMIT = 1,
    CHUNKS = 40,
    CHUNK = 65536, /* the socket takes such a one in parts */
};

static bool
start(struct fake *fake, int *ret_stream)
{
    struct console_setup setup = {.stream_fd = FAKE_FD_MORE};
    int pair[2];
    bool ok;

    if (fd_socket_pair(SOCK_STREAM, pair) < 0) {
        return false;
    }
    ok = fake_start(fake, "VMM_CONSOLE", &setup, sizeof(setup), (int[]){pair[1], -1}) &&
         fake_open(fake, 2);
    close(pair[1]);
    *ret_stream = pair[0];
    return ok;
}

static bool
read_all(int fd, void *data, size_t size)
{
    size_t done = 0;

    while (done < size) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        ssize_t n =
            poll(&wait, 1, FAKE_LIMIT_MS) > 0 ? read(fd, (char *)data + done, size - done) : -1;
        if (n <= 0) {
            return false;
        }
        done += (size_t)n;
    }
    return true;
}

TAP_TEST(bytes_go_both_ways)
{
    struct fake fake;
    int stream;
    char text[16] = {0};
    uint16_t head;
    uint32_t written;

    check(start(&fake, &stream));
    memcpy(fake_ram(&fake, FAKE_DATA_AT), "hello ", 6);
    memcpy(fake_ram(&fake, FAKE_HIGH_BASE), "world", 5);
    check_int(fake_request(
                  &fake, TRANSMIT,
                  (struct fake_segment[]){{FAKE_DATA_AT, 6, false}, {FAKE_HIGH_BASE, 5, false}}, 2),
              0);
    check(read_all(stream, text, 11));
    check_str(text, "hello world");

    /* Typed before the guest has a buffer: it waits. */
    check_int(write(stream, "typed", 5), 5);
    check(fake_is_quiet(&fake, RECEIVE, 50));
    check_int(fake_request(&fake, RECEIVE, &(struct fake_segment){FAKE_DATA_AT, 3, true}, 1), 3);
    check(memcmp(fake_ram(&fake, FAKE_DATA_AT), "typ", 3) == 0);
    check_int(
        fake_request(&fake, RECEIVE,
                     (struct fake_segment[]){{FAKE_DATA_AT, 1, true}, {FAKE_DATA_AT + 9, 50, true}},
                     2),
        2);
    check(memcmp(fake_ram(&fake, FAKE_DATA_AT), "e", 1) == 0);
    check(memcmp(fake_ram(&fake, FAKE_DATA_AT + 9), "d", 1) == 0);
    /* And a buffer before something is typed. */
    fake_offer(&fake, RECEIVE, &(struct fake_segment){FAKE_DATA_AT, 50, true}, 1);
    fake_kick(&fake, RECEIVE);
    check(fake_is_quiet(&fake, RECEIVE, 50));
    check_int(write(stream, "x", 1), 1);
    check(fake_wait(&fake, RECEIVE, &head, &written));
    check_int(written, 1);
    close(stream);
    check_int(fake_end(&fake), 0);
}

/* Byte `i` of all that is sent. */
static uint8_t
pattern(size_t i)
{
    return (uint8_t)(i / 1021 + i % 253);
}

TAP_TEST(a_slow_reader_holds_the_guest_back)
{
    struct fake fake;
    int stream;
    uint8_t data[4096];
    uint8_t *sent;
    uint16_t head;
    uint32_t written;

    check(start(&fake, &stream));
    sent = fake_ram(&fake, FAKE_DATA_AT);
    for (size_t i = 0; i < (size_t)CHUNKS * CHUNK; i++) {
        sent[i] = pattern(i);
    }
    for (uint64_t i = 0; i < CHUNKS; i++) {
        fake_offer(&fake, TRANSMIT, &(struct fake_segment){FAKE_DATA_AT + i * CHUNK, CHUNK, false},
                   1);
    }
    fake_kick(&fake, TRANSMIT);
    for (size_t at = 0; at < (size_t)CHUNKS * CHUNK; at += sizeof(data)) {
        check(read_all(stream, data, sizeof(data)));
        check(memcmp(data, sent + at, sizeof(data)) == 0);
    }
    for (unsigned int i = 0; i < CHUNKS; i++) {
        check(fake_wait(&fake, TRANSMIT, &head, &written));
        check_int(head, i);
        check_int(written, 0);
    }
    close(stream);
    check_int(fake_end(&fake), 0);
}

TAP_TEST(nothing_is_taken_while_nobody_reads)
{
    struct fake fake;
    int stream;
    unsigned int used = 0;
    uint16_t head;
    uint32_t written;

    check(start(&fake, &stream));
    for (unsigned int i = 0; i < FAKE_QUEUE_SIZE; i++) {
        fake_offer(&fake, TRANSMIT, &(struct fake_segment){FAKE_DATA_AT, 65536, false}, 1);
    }
    fake_kick(&fake, TRANSMIT);
    while (!fake_is_quiet(&fake, TRANSMIT, 100)) {
        check(fake_wait(&fake, TRANSMIT, &head, &written));
        used++;
    }
    check(used < FAKE_QUEUE_SIZE / 2); /* a socket buffer is some 200 KiB, this is 4 MiB */
    /* Stop with a chain in the device's hands, start again: no trouble. */
    check(fake_stop_queue(&fake, TRANSMIT) > 0);
    check(fake_start_queue(&fake, TRANSMIT));
    close(stream); /* from now on output is thrown away */
    for (unsigned int i = 0; i < FAKE_QUEUE_SIZE; i++) {
        check_int(
            fake_request(&fake, TRANSMIT, &(struct fake_segment){FAKE_DATA_AT, 65536, false}, 1),
            0);
    }
    check_int(fake_end(&fake), 0);
}

TAP_TEST(odd_buffers_do_no_harm)
{
    struct fake fake;
    int stream;
    char byte;

    check(start(&fake, &stream));
    check_int(write(stream, "k", 1), 1);
    check_int(fake_request(&fake, RECEIVE, &(struct fake_segment){FAKE_DATA_AT, 8, false}, 1), 0);
    check_int(fake_request(&fake, TRANSMIT, &(struct fake_segment){FAKE_DATA_AT, 8, true}, 1), 0);
    check_int(fake_request(&fake, RECEIVE, &(struct fake_segment){FAKE_DATA_AT, 8, true}, 1), 1);
    check_int(fake_request(&fake, TRANSMIT, &(struct fake_segment){FAKE_DATA_AT, 1, false}, 1), 0);
    check(read_all(stream, &byte, 1));
    check_int(byte, 'k');
    close(stream);
    check_int(fake_end(&fake), 0);
}

TAP_MAIN(TAP_CASE(bytes_go_both_ways), TAP_CASE(a_slow_reader_holds_the_guest_back),
         TAP_CASE(nothing_is_taken_while_nobody_reads), TAP_CASE(odd_buffers_do_no_harm))
