/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/tap.h"
#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/base/loop.h"
#include "vmm/base/message.h"
#include "vmm/base/sha256.h"

TAP_TEST(ranges_never_overflow)
{
    uint64_t sum;

    check(range_inside(0, 10, 10));
    check(range_inside(10, 0, 10));
    check(!range_inside(1, 10, 10));
    check(!range_inside(UINT64_MAX, 2, 10));
    check(!range_inside(5, UINT64_MAX, 10));
    check(!add_fits(UINT64_MAX, 1, &sum));
    check(!mul_fits(UINT64_C(1) << 33, UINT64_C(1) << 33, &sum));
    check(mul_fits(3, 5, &sum) && sum == 15);
}

TAP_TEST(memory_files_are_sealed)
{
    cleanup_fd int fd = fd_memory_file("test", 8192);

    check(fd >= 0);
    check_int(fd_check_memory_file(fd, 8192), 0);
    check_int(fd_check_memory_file(fd, 8193), -EINVAL);
    check(ftruncate(fd, 4096) < 0);
    cleanup_fd int plain = memfd_create("plain", MFD_CLOEXEC);
    check(ftruncate(plain, 8192) == 0);
    check_int(fd_check_memory_file(plain, 4096), -EINVAL);
}

TAP_TEST(whole_pieces_of_files)
{
    cleanup_fd int fd = memfd_create("file", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    char text[8] = {0};

    check_int(fd_pwrite_full(fd, "written", 7, 100), 0);
    check_int(fd_pread_full(fd, text, 7, 100), 0);
    check_str(text, "written");
    check_int(fd_pread_full(fd, text, 8, 100), -EIO);
    check_int(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW), 0);
    check_int(fd_pwrite_full(fd, text, 8, 107), -EPERM);
    check_int(fd_pwrite_full(-1, text, 8, 0), -EBADF);
    check_int(fd_pwrite_full(-1, text, 0, 0), 0);
}

TAP_TEST(message_carries_fds)
{
    int pair[2];
    char data[16];
    struct message_fds fds;
    cleanup_fd int file = fd_memory_file("carried", 4096);

    check_int(fd_socket_pair(SOCK_SEQPACKET, pair), 0);
    check_int(message_send(pair[0], "hello", 5, (int[]){file, file}, 2), 0);
    check_int(message_receive(pair[1], data, sizeof(data), &fds), 5);
    check_int(fds.count, 2);
    check(fcntl(fds.fd[0], F_GETFD) == FD_CLOEXEC);
    int taken = message_take_fd(&fds, 1);
    check(taken >= 0 && fds.fd[1] == -1 && message_take_fd(&fds, 7) == -1);
    close(taken);
    message_close_fds(&fds);
    close(pair[0]);
    check_int(message_receive(pair[1], data, sizeof(data), &fds), 0);
    check_int(message_send(pair[1], "x", 1, NULL, 0), -EPIPE);
    close(pair[1]);
}

TAP_TEST(message_too_long_is_refused)
{
    int pair[2];
    char data[4];
    cleanup_fd int file = fd_memory_file("carried", 4096);

    check_int(fd_socket_pair(SOCK_SEQPACKET, pair), 0);
    int before = dup(0);
    close(before);
    check_int(message_send(pair[0], "hello", 5, &file, 1), 0);
    check_int(message_receive(pair[1], data, sizeof(data), NULL), -EMSGSIZE);
    check_int(message_send(pair[0], "hey", 3, &file, 1), 0);
    check_int(message_receive(pair[1], data, sizeof(data), NULL), -EMSGSIZE);
    int after = dup(0);
    close(after);
    check_int(after, before); /* nothing leaked */
    close(pair[0]);
    close(pair[1]);
}

struct ticker {
    struct loop *loop;
    struct loop_source *timer;
    struct loop_source *other;
    int fired;
};

static void
on_tick(void *data, uint32_t events)
{
    struct ticker *ticker = data;

    (void)events;
    ticker->fired++;
    if (ticker->fired == 3) {
        loop_remove(ticker->timer);
        loop_quit(ticker->loop, 42);
    }
}

TAP_TEST(timer_fires_and_quits)
{
    cleanup(loop_destroyp) struct loop *loop = loop_create();
    struct ticker ticker = {.loop = loop};

    check(loop);
    ticker.timer = loop_add_timer(loop, on_tick, &ticker);
    check(ticker.timer);
    check_int(loop_timer_set(ticker.timer, 1, 1), 0);
    check_int(loop_run(loop), 42);
    check_int(ticker.fired, 3);
}

static void
on_readable(void *data, uint32_t events)
{
    struct ticker *ticker = data;

    (void)events;
    ticker->fired++;
    /* Each of the two removes the other: only one may run. */
    loop_remove(ticker->other);
    loop_remove(ticker->timer);
}

TAP_TEST(removal_inside_a_handler_is_safe)
{
    cleanup(loop_destroyp) struct loop *loop = loop_create();
    struct ticker ticker = {.loop = loop};
    int pair[2];

    check_int(fd_socket_pair(SOCK_STREAM, pair), 0);
    check(write(pair[0], "x", 1) == 1 && write(pair[1], "x", 1) == 1);
    ticker.timer = loop_add(loop, pair[0], EPOLLIN, on_readable, &ticker);
    ticker.other = loop_add(loop, pair[1], EPOLLIN, on_readable, &ticker);
    check_int(loop_iterate(loop, 1000), 0);
    check_int(ticker.fired, 1);
    close(pair[0]);
    close(pair[1]);
}

static const char *
sha256_hex(const char *text, size_t times)
{
    static char hex[SHA256_SIZE * 2 + 1];
    struct sha256 hash;
    uint8_t digest[SHA256_SIZE];

    sha256_begin(&hash);
    for (size_t i = 0; i < times; i++) {
        sha256_add(&hash, text, strlen(text));
    }
    sha256_end(&hash, digest);
    for (size_t i = 0; i < SHA256_SIZE; i++) {
        snprintf(hex + i * 2, 3, "%02x", digest[i]);
    }
    return hex;
}

/* NIST's example values for FIPS 180-4, and lengths around the block. */
TAP_TEST(sha256_examples)
{
    check_str(sha256_hex("", 1),
              "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    check_str(sha256_hex("abc", 1),
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    check_str(sha256_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1),
              "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    check_str(sha256_hex("aaaaaaaaaa", 100000),
              "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TAP_MAIN(TAP_CASE(sha256_examples), TAP_CASE(ranges_never_overflow),
         TAP_CASE(memory_files_are_sealed), TAP_CASE(whole_pieces_of_files),
         TAP_CASE(message_carries_fds), TAP_CASE(message_too_long_is_refused),
         TAP_CASE(timer_fires_and_quits), TAP_CASE(removal_inside_a_handler_is_safe))
