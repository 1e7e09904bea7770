/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Serial ports through vmm-display: history, several readers, writers, readers that do not read. */

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/display/peer.h"
#include "tests/display/rig.h"
#include "vmm/base/fd.h"

/* Text whose every 8 bytes are different. */
static char *
make_text(gsize size)
{
    char *text = g_malloc(size + 9);

    for (gsize i = 0; i < size; i += 8) {
        g_snprintf(text + i, 9, "%07zx\n", i / 8);
    }
    return text;
}

static void
wait_for_history(Rig *rig, guint64 total)
{
    rig_wait(__atomic_load_n(&rig->history->total, __ATOMIC_ACQUIRE) == total);
}

static void
test_late_reader(void)
{
    g_autoptr(Rig) rig = rig_new();
    g_autoptr(GDBusConnection) client = rig_connect(rig);
    g_autofree char *text = make_text(300000);
    g_autofree char *seen = g_malloc(300000);
    cleanup_fd int first = -1;
    cleanup_fd int second = -1;
    char live[5] = "";

    fd_set_nonblocking(rig->output_pipe);
    for (gsize at = 0; at < 300000; at += 10000) {
        rig_serial_write(rig, text + at, 10000);
        while (read(rig->output_pipe, seen, 65536) > 0) {
        }
    }
    wait_for_history(rig, 300000);
    first = peer_open_port(client, SERIAL_0);
    peer_read(first, seen, 300000);
    g_assert_cmpint(memcmp(seen, text, 300000), ==, 0);
    second = peer_open_port(client, SERIAL_0);
    rig_serial_write(rig, "live", 4);
    peer_read(first, live, 4);
    g_assert_cmpstr(live, ==, "live");
    peer_read(second, seen, 300000);
    g_assert_cmpint(memcmp(seen, text, 300000), ==, 0);
    memset(live, 0, sizeof(live));
    peer_read(second, live, 4);
    g_assert_cmpstr(live, ==, "live");
}

/* Both readers write to the guest, and the reader's end is not the port's end. */
static void
test_writers(void)
{
    g_autoptr(Rig) rig = rig_new();
    g_autoptr(GDBusConnection) client = rig_connect(rig);
    cleanup_fd int first = peer_open_port(client, SERIAL_0);
    cleanup_fd int second = peer_open_port(client, SERIAL_0);
    char seen[4] = "";
    GError *error = NULL;
    int pipe_fds[2];

    g_assert_cmpint(write(first, "abc", 3), ==, 3);
    peer_read(rig->stream, seen, 3);
    g_assert_cmpstr(seen, ==, "abc");
    fd_closep(&first);
    g_assert_cmpint(write(second, "def", 3), ==, 3);
    peer_read(rig->stream, seen, 3);
    g_assert_cmpstr(seen, ==, "def");
    rig_serial_write(rig, "x", 1);
    peer_read(second, seen, 1);
    /* Only stream sockets are ports. */
    g_assert_cmpint(pipe(pipe_fds), ==, 0);
    g_assert_false(
        peer_pass(client, SERIAL_0, "org.qemu.Display1.Chardev.Register", pipe_fds[1], &error));
    g_assert_error(error, G_DBUS_ERROR, G_DBUS_ERROR_INVALID_ARGS);
    g_clear_error(&error);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
}

/* History that is longer than the ring of 1 MiB keeps its end. */
static void
test_history_wraps(void)
{
    enum {
        SIZE = 3 * HISTORY_SIZE / 2,
    };
    g_autoptr(Rig) rig = rig_new();
    g_autoptr(GDBusConnection) client = rig_connect(rig);
    g_autofree char *text = make_text(SIZE);
    g_autofree char *seen = g_malloc(HISTORY_SIZE);
    cleanup_fd int reader = -1;

    fd_set_nonblocking(rig->output_pipe);
    for (gsize at = 0; at < SIZE; at += 8192) {
        rig_serial_write(rig, text + at, 8192);
        while (read(rig->output_pipe, seen, 65536) > 0) {
        }
    }
    while (__atomic_load_n(&rig->history->total, __ATOMIC_ACQUIRE) < SIZE) {
        while (read(rig->output_pipe, seen, 65536) > 0) {
        }
        rig_run(5);
    }
    reader = peer_open_port(client, SERIAL_0);
    peer_read(reader, seen, HISTORY_SIZE);
    g_assert_cmpint(memcmp(seen, text + SIZE - HISTORY_SIZE, HISTORY_SIZE), ==, 0);
}

/* A reader that does not read is dropped; the guest and another reader go on. */
static void
test_stuck_reader(void)
{
    g_autoptr(Rig) rig = rig_new();
    g_autoptr(GDBusConnection) client = rig_connect(rig);
    cleanup_fd int stuck = peer_open_port(client, SERIAL_0);
    cleanup_fd int reader = peer_open_port(client, SERIAL_0);
    g_autofree char *block = g_malloc0(65536);
    gsize got = 0;

    fd_set_nonblocking(rig->output_pipe);
    for (guint i = 0; i < 100; i++) {
        rig_serial_write(rig, block, 65536);
        while (read(rig->output_pipe, block, 65536) > 0) {
        }
        peer_read(reader, block, 65536);
    }
    /* The stuck one gets what the kernel held for it, then the end. */
    for (;;) {
        ssize_t n = read(stuck, block, 65536);

        if (n <= 0) {
            break;
        }
        got += (gsize)n;
    }
    g_assert_cmpuint(got, <, 100UL * 65536);
    rig_serial_write(rig, "!", 1);
    peer_read(reader, block, 1);
    g_assert_cmpint(block[0], ==, '!');
}

/* The port's own output is a pipe that nobody reads: the guest waits a while, then goes on. */
static void
test_stuck_output(void)
{
    g_autoptr(Rig) rig = rig_new();
    g_autofree char *block = g_malloc0(65536);
    gint64 start = g_get_monotonic_time();

    for (guint i = 0; i < 48; i++) {
        rig_serial_write(rig, block, 65536);
    }
    wait_for_history(rig, 48UL * 65536);
    g_assert_cmpint(g_get_monotonic_time() - start, >, (gint64)3 * G_USEC_PER_SEC);
    g_assert_cmpint(g_get_monotonic_time() - start, <, (gint64)30 * G_USEC_PER_SEC);
}

/* Everything reaches the port's own output, also what the guest wrote just before it stopped. */
static void
test_own_output(void)
{
    g_autoptr(Rig) rig = rig_new();
    char seen[8] = "";

    rig_serial_write(rig, "hello, ", 7);
    peer_read(rig->output_pipe, seen, 7);
    g_assert_cmpstr(seen, ==, "hello, ");
    rig_set_state(rig, DISPLAY_VM_STOPPED, 0, "", "");
    rig_serial_write(rig, "goodbye", 7);
    peer_read(rig->output_pipe, seen, 7);
    g_assert_cmpstr(seen, ==, "goodbye");
}

/* The history survives the display process. */
static void
test_restart(void)
{
    g_autoptr(Rig) rig = rig_new();
    g_autoptr(GDBusConnection) first = rig_connect(rig);
    g_autoptr(GDBusConnection) second = NULL;
    cleanup_fd int before = peer_open_port(first, SERIAL_0);
    cleanup_fd int after = -1;
    char seen[16] = "";

    rig_serial_write(rig, "one ", 4);
    peer_read(before, seen, 4);
    rig_restart(rig);
    g_assert_cmpint(read(before, seen, 1), ==, 0);
    rig_serial_write(rig, "two", 3);
    second = rig_connect(rig);
    after = peer_open_port(second, SERIAL_0);
    peer_read(after, seen, 7);
    g_assert_cmpstr(seen, ==, "one two");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ports/late-reader", test_late_reader);
    g_test_add_func("/ports/writers", test_writers);
    g_test_add_func("/ports/history-wraps", test_history_wraps);
    g_test_add_func("/ports/stuck-reader", test_stuck_reader);
    g_test_add_func("/ports/stuck-output", test_stuck_output);
    g_test_add_func("/ports/own-output", test_own_output);
    g_test_add_func("/ports/restart", test_restart);
    return g_test_run();
}
