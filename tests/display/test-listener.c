/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The link on which vmm-display calls a listener, byte by byte. */

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/display/peer.h"
#include "tests/display/rig.h"
#include "vmm/base/fd.h"

#define CONSOLE_0 "/org/qemu/Display1/Console_0"

enum {
    TEXT_MAX = 1024,
    PIECE_US = 2000,
    CALLS_MAX = 100000,
};

static GDBusConnection *
open_machine(Rig *rig)
{
    GDBusConnection *client = rig_connect(rig);

    rig_gpu_begin(rig, 64, 48);
    return client;
}

/* Our end of a new listener's socket; the console may not be there yet. */
static int
listen_raw(GDBusConnection *client)
{
    const gint64 end = g_get_monotonic_time() + (gint64)RIG_WAIT_MS * 1000;
    int pair[2];

    for (;;) {
        g_autoptr(GError) error = NULL;

        g_assert_cmpint(fd_socket_pair(SOCK_STREAM, pair), ==, 0);
        if (peer_pass(client, CONSOLE_0, "org.qemu.Display1.Console.RegisterListener", pair[1],
                      &error)) {
            break;
        }
        g_assert_cmpint(g_get_monotonic_time(), <, end);
        close(pair[0]);
        close(pair[1]);
    }
    close(pair[1]);
    return pair[0];
}

static void
say(int fd, const char *text, gsize size)
{
    g_assert_cmpint(send(fd, text, size, MSG_NOSIGNAL), ==, (gssize)size);
}

#define SAY(fd, text) say(fd, text, sizeof(text) - 1)

/* The next line begins so. */
static void
expect(int fd, const char *beginning)
{
    char line[TEXT_MAX] = "";

    for (gsize n = 0; !strchr(line, '\n'); n++) {
        g_assert_cmpuint(n, <, sizeof(line) - 1);
        peer_read(fd, line + n, 1);
    }
    g_assert_true(g_str_has_prefix(line, beginning));
}

static void
expect_end(int fd)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    char bytes[TEXT_MAX];

    do {
        g_assert_cmpint(poll(&wait, 1, RIG_WAIT_MS), ==, 1);
    } while (recv(fd, bytes, sizeof(bytes), 0) > 0);
    close(fd);
}

static char *
own_user(void)
{
    g_autofree char *uid = g_strdup_printf("%u", geteuid());
    GString *hex = g_string_new("AUTH EXTERNAL ");

    for (const char *c = uid; *c; c++) {
        g_string_append_printf(hex, "%02x", *c);
    }
    g_string_append(hex, "\r\n");
    return g_string_free(hex, FALSE);
}

static void
test_greeting(void)
{
    g_autoptr(Rig) rig = rig_new();
    g_autoptr(GDBusConnection) client = open_machine(rig);
    g_autofree char *own = own_user();
    char first[16];
    int fd = listen_raw(client);

    say(fd, "", 1);
    SAY(fd, "AUTH\r\n");
    expect(fd, "REJECTED");
    SAY(fd, "AUTH KERBEROS_V4\r\n");
    expect(fd, "REJECTED");
    SAY(fd, "NEGOTIATE_UNIX_FD\r\n"); /* too early */
    expect(fd, "ERROR");
    for (const char *c = own; *c; c++) { /* in pieces */
        say(fd, c, 1);
    }
    expect(fd, "OK ");
    SAY(fd, "NEGOTIATE_UNIX_FD\r\nBEGIN\r\n");
    expect(fd, "AGREE_UNIX_FD");
    peer_read(fd, first, sizeof(first)); /* the question about interfaces */
    g_assert_cmpint(first[0], ==, 'l');
    g_assert_cmpint(first[1], ==, 1);
    close(fd);
    fd = listen_raw(client); /* not a word of it */
    SAY(fd, "GET / HTTP/1.0\r\n\r\n");
    expect_end(fd);
    fd = listen_raw(client); /* without an end */
    say(fd, "", 1);
    for (guint i = 0; i < 10000; i++) {
        (void)!send(fd, "AAAAAAAAAA", 10, MSG_NOSIGNAL);
    }
    expect_end(fd);
    fd = listen_raw(client); /* in the words of sd-bus, all at once */
    SAY(fd, "\0AUTH EXTERNAL\r\nDATA\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n");
    expect(fd, "DATA");
    expect(fd, "OK ");
    expect(fd, "AGREE_UNIX_FD");
    peer_read(fd, first, sizeof(first));
    g_assert_cmpint(first[1], ==, 1);
    close(fd);
    g_assert_true(rig_is_alive(rig));
}

static int
listen_begun(GDBusConnection *client)
{
    g_autofree char *own = own_user();
    int fd = listen_raw(client);

    say(fd, "", 1);
    say(fd, own, strlen(own));
    SAY(fd, "NEGOTIATE_UNIX_FD\r\nBEGIN\r\n");
    expect(fd, "OK ");
    expect(fd, "AGREE_UNIX_FD");
    return fd;
}

/* The listener is past the greeting when its first call comes. */
static void
await_call(int fd)
{
    char first[16];

    peer_read(fd, first, sizeof(first));
}

/* What is no message ends that link, and only that. */
static void
test_messages(void)
{
    static const struct {
        const char *bytes;
        gsize size;
    } bad[] = {
#define BAD(bytes) {bytes, sizeof(bytes) - 1}
        BAD("x\1\0\1\0\0\0\0\1\0\0\0\0\0\0\0"),                  /* no byte order */
        BAD("l\1\0\2\0\0\0\0\1\0\0\0\0\0\0\0"),                  /* another version */
        BAD("l\1\0\1\0\0\0\0\0\0\0\0\0\0\0\0"),                  /* serial 0 */
        BAD("l\1\0\1\0\0\0\0\1\0\0\0\xff\xff\xff\xff"),          /* too large, nearly 2^32 */
        BAD("l\1\0\1\0\0\1\0\1\0\0\0\0\0\0\0"),                  /* a body too large */
        BAD("l\2\0\1\0\0\0\0\1\0\0\0\5\0\0\0\5\1u\0\1\0\0\0"),   /* a field that is cut off */
        BAD("B\1\0\1\0\0\0\0\0\0\0\1\0\0\0\10\3\1s\0\0\0\0\10"), /* a text that is */
    };
    g_autoptr(Rig) rig = rig_new();
    g_autoptr(GDBusConnection) client = open_machine(rig);
    g_autoptr(PeerListener) listener = NULL;

    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        int fd = listen_begun(client);

        say(fd, bad[i].bytes, bad[i].size);
        expect_end(fd);
    }
    g_assert_true(rig_is_alive(rig));
    listener = peer_listen(client, CONSOLE_0, TRUE);
    rig_wait(listener->width == 64);
}

/* A client may ask whether we live, and is told that there is nothing else. */
static void
test_calls(void)
{
    g_autoptr(Rig) rig = rig_new();
    g_autoptr(GDBusConnection) client = open_machine(rig);
    g_autoptr(PeerListener) listener = NULL;
    g_autoptr(GVariant) nothing = NULL;
    g_autofree char *error = NULL;
    int fd = listen_raw(client);

    close(fd); /* the console is there now */
    listener = peer_listen(client, CONSOLE_0, TRUE);
    rig_wait(listener->width == 64);
    nothing = peer_call(listener->connection, "/", "org.freedesktop.DBus.Peer.Ping", NULL, &error);
    g_assert_null(error);
    g_assert_nonnull(nothing);
    g_assert_null(peer_call(listener->connection, "/", "org.qemu.Display1.VM.Quit",
                            g_variant_new("(s)", "now"), &error));
    g_assert_cmpstr(error, ==, "org.freedesktop.DBus.Error.UnknownMethod");
    g_clear_pointer(&error, g_free);
    /* A file that the jail does not have. */
    g_assert_null(peer_call(listener->connection, "/", "org.freedesktop.DBus.Peer.GetMachineId",
                            NULL, &error));
    g_assert_cmpstr(error, ==, "org.freedesktop.DBus.Error.UnknownMethod");
    rig_gpu_update(rig, 1, 2, 3, 4);
    rig_wait(g_str_equal(peer_listener_last(listener), "UpdateMap 1 2 3 4"));
    g_assert_true(rig_is_alive(rig));
}

/* One that announces a large message, or sends one in pieces, or not at all, is let go of. */
static void
test_pieces(void)
{
    static const char large[] = "l\1\0\1\0\0\0\7\1\0\0\0\0\0\0\0";  /* 112 MiB */
    static const char head[] = "l\1\0\1\0\xf0\0\0\1\0\0\0\0\0\0\0"; /* 60 KiB */
    g_autoptr(Rig) rig = rig_new();
    g_autoptr(GDBusConnection) client = open_machine(rig);
    int fd = listen_begun(client);
    gsize sent = 0;

    await_call(fd);
    say(fd, large, sizeof(large) - 1);
    while (send(fd, "", 1, MSG_NOSIGNAL) == 1) { /* for as long as it is read */
        g_assert_cmpuint(++sent, <, 1 << 20);
    }
    close(fd);
    fd = listen_begun(client);
    await_call(fd);
    say(fd, head, sizeof(head) - 1);
    expect_end(fd);
    fd = listen_begun(client);
    await_call(fd);
    say(fd, head, sizeof(head) - 1);
    for (sent = 0; send(fd, "", 1, MSG_NOSIGNAL) == 1; sent++) {
        g_usleep(PIECE_US);
    }
    g_assert_cmpuint(sent, <, 60 << 10);
    close(fd);
    g_assert_true(rig_is_alive(rig));
}

/* The most memory that the display had; it is the child of the program that puts it into its jail. */
static gsize
peak_kib(Rig *rig)
{
    g_autofree char *children = g_strdup_printf("/proc/%d/task/%d/children", rig->pid, rig->pid);
    g_autofree char *child = NULL;
    g_autofree char *path = NULL;
    g_autofree char *status = NULL;
    const char *line;

    g_file_get_contents(children, &child, NULL, NULL);
    path = g_strdup_printf("/proc/%d/status",
                           child && *child ? (int)strtol(child, NULL, 10) : rig->pid);
    g_assert_true(g_file_get_contents(path, &status, NULL, NULL));
    line = strstr(status, "VmHWM:");
    g_assert_nonnull(line);
    return strtoul(line + strlen("VmHWM:"), NULL, 10);
}

/* All that a client says until it is begun, and what comes with it. */
static int
listen_at_once(GDBusConnection *client, const void *bytes, gsize size)
{
    g_autofree char *own = own_user();
    g_autofree char *words = g_strconcat(own, "NEGOTIATE_UNIX_FD\r\nBEGIN\r\n", NULL);
    g_autoptr(GByteArray) all = g_byte_array_new();
    int fd = listen_raw(client);

    g_byte_array_append(all, (const guint8 *)"", 1);
    g_byte_array_append(all, (const guint8 *)words, (guint)strlen(words));
    g_byte_array_append(all, bytes, (guint)size);
    say(fd, (const char *)all->data, all->len);
    return fd;
}

/* What comes in one piece with the end of the greeting is looked at like all that comes later. */
static void
test_at_once(void)
{
    static const char large[] = "l\1\0\1\0\0\0\7\1\0\0\0\0\0\0\0"; /* 112 MiB */
    g_autoptr(GDBusMessage) ping =
        g_dbus_message_new_method_call(NULL, "/", "org.freedesktop.DBus.Peer", "Ping");
    g_autoptr(GByteArray) two = g_byte_array_new();
    gsize size;
    g_autofree guchar *bytes = NULL;
    g_autoptr(Rig) rig = rig_new();
    g_autoptr(GDBusConnection) client = open_machine(rig);
    guint8 head[16];
    gsize before;
    int fd;

    g_dbus_message_set_serial(ping, 1);
    bytes = g_dbus_message_to_blob(ping, &size, G_DBUS_CAPABILITY_FLAGS_NONE, NULL);
    g_assert_nonnull(bytes);
    fd = listen_at_once(client, bytes, size);
    expect(fd, "OK ");
    expect(fd, "AGREE_UNIX_FD");
    do { /* our question, and the answer to theirs, which took no further byte */
        guint8 rest[TEXT_MAX];
        gsize length;

        peer_read(fd, head, sizeof(head));
        length = (head[12] + 7U) / 8 * 8 + head[4];
        g_assert_cmpuint(length, <=, sizeof(rest));
        peer_read(fd, rest, length);
    } while (head[1] != G_DBUS_MESSAGE_TYPE_METHOD_RETURN);
    close(fd);
    before = peak_kib(rig);
    expect_end(listen_at_once(client, large, sizeof(large) - 1));
    g_byte_array_append(two, bytes, (guint)size); /* behind one that is as it should be */
    g_byte_array_append(two, (const guint8 *)large, sizeof(large) - 1);
    expect_end(listen_at_once(client, two->data, two->len));
    fd = listen_at_once(client, large, sizeof(large) - 1);
    for (gsize sent = 0; send(fd, "", 1, MSG_NOSIGNAL) == 1; sent++) {
        g_assert_cmpuint(sent, <, 1 << 20);
    }
    close(fd);
    g_assert_cmpuint(peak_kib(rig) - before, <, 16 << 10);
    g_assert_true(rig_is_alive(rig));
}

/* One that calls and never reads is let go of before it costs memory. */
static void
test_deaf(void)
{
    g_autoptr(GDBusMessage) ping =
        g_dbus_message_new_method_call(NULL, "/", "org.freedesktop.DBus.Peer", "Ping");
    gsize size;
    g_autofree guchar *bytes = NULL;
    g_autoptr(Rig) rig = rig_new();
    g_autoptr(GDBusConnection) client = open_machine(rig);
    int fd = listen_begun(client);
    gboolean is_over = FALSE;

    g_dbus_message_set_serial(ping, 1);
    bytes = g_dbus_message_to_blob(ping, &size, G_DBUS_CAPABILITY_FLAGS_NONE, NULL);
    g_assert_nonnull(bytes);
    for (guint i = 0; i < CALLS_MAX && !is_over; i++) {
        is_over = send(fd, bytes, size, MSG_NOSIGNAL) < 0;
    }
    g_assert_true(is_over);
    close(fd);
    g_assert_true(rig_is_alive(rig));
}

/* Asked for its interfaces, a client on a busy computer may need longer than it is waited for. */
static void
test_late(void)
{
    g_autoptr(Rig) rig = rig_new();
    g_autoptr(GDBusConnection) client = open_machine(rig);
    g_autoptr(PeerListener) listener = NULL;

    close(listen_raw(client)); /* the console is there */
    listener = peer_listen_late(client, CONSOLE_0);
    rig_wait(peer_listener_count(listener, "Scanout") == 1);
    g_assert_cmpstr(peer_listener_last(listener), ==, "Scanout"); /* as for an old client */
    peer_listener_tell_interfaces(listener);
    rig_wait(g_str_equal(peer_listener_last(listener), "ScanoutMap"));
    rig_gpu_update(rig, 1, 2, 3, 4);
    rig_wait(g_str_equal(peer_listener_last(listener), "UpdateMap 1 2 3 4"));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/listener/greeting", test_greeting);
    g_test_add_func("/listener/messages", test_messages);
    g_test_add_func("/listener/calls", test_calls);
    g_test_add_func("/listener/pieces", test_pieces);
    g_test_add_func("/listener/at-once", test_at_once);
    g_test_add_func("/listener/deaf", test_deaf);
    g_test_add_func("/listener/late", test_late);
    return g_test_run();
}
