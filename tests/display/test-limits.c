/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* vmm-display against peers that misbehave: clients over the limits, a hostile gpu process, restarts. */

#include <linux/input-event-codes.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/display/peer.h"
#include "tests/display/rig.h"
#include "vmm/base/fd.h"
#include "vmm/base/message.h"

enum {
    CLIENTS_MAX = 16,
    REFUSALS_MAX = 4,
};

static void
ping(GDBusConnection *client)
{
    g_autoptr(GVariant) reply =
        peer_call(client, MACHINE, "org.vitrine.Vmm1.Machine.Ping", NULL, NULL);
}

static int
connect_raw(Rig *rig)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_strlcpy(address.sun_path, rig->path, sizeof(address.sun_path));
    g_assert_cmpint(connect(fd, (struct sockaddr *)&address, sizeof(address)), ==, 0);
    return fd;
}

/* It is closed from the other side; takes it. */
static void
expect_end(int fd)
{
    char byte;

    g_assert_cmpint(read(fd, &byte, 1), <=, 0);
    close(fd);
}

static void
test_too_many_clients(void)
{
    g_autoptr(Rig) rig = rig_new();
    GDBusConnection *clients[CLIENTS_MAX];
    int silent[REFUSALS_MAX];
    g_autoptr(GDBusConnection) again = NULL;
    g_autoptr(GVariant) count = NULL;
    g_autoptr(GError) error = NULL;

    for (guint i = 0; i < CLIENTS_MAX; i++) {
        clients[i] = rig_connect(rig);
        ping(clients[i]);
    }
    g_assert_null(peer_connect(rig->path, &error));
    g_assert_nonnull(error);
    g_assert_nonnull(strstr(error->message, "too-many-clients: 16 "));
    for (guint i = 0; i < REFUSALS_MAX; i++) {
        silent[i] = connect_raw(rig);
    }
    expect_end(connect_raw(rig)); /* one more is not even listened to */
    for (guint i = 0; i < REFUSALS_MAX; i++) {
        close(silent[i]);
    }
    rig_run(100);
    count = peer_get(clients[3], MACHINE, "org.vitrine.Vmm1.Machine", "ClientCount");
    g_assert_cmpuint(g_variant_get_uint32(count), ==, CLIENTS_MAX);
    g_dbus_connection_close_sync(clients[0], NULL, NULL);
    rig_run(100);
    again = rig_connect(rig);
    ping(again);
    for (guint i = 0; i < CLIENTS_MAX; i++) {
        g_object_unref(clients[i]);
    }
}

/* Peers that say nothing, or nonsense, cost nothing but their place. */
static void
test_rude_peers(void)
{
    g_autoptr(Rig) rig = rig_new();
    g_autoptr(GDBusConnection) client = rig_connect(rig);
    cleanup_fd int silent = connect_raw(rig);
    cleanup_fd int rude = connect_raw(rig);
    char byte;

    ping(client);
    g_assert_cmpint(send(rude, "\0GET / HTTP/1.0\r\n\r\n", 19, MSG_NOSIGNAL), ==, 19);
    ping(client);
    shutdown(rude, SHUT_WR);
    while (read(rude, &byte, 1) > 0) {
    }
    ping(client);
}

/* More than 256 calls whose answers are not read: disconnected; another client does not notice. */
static void
test_flood(void)
{
    g_autoptr(Rig) rig = rig_new();
    g_autoptr(GDBusConnection) good = rig_connect(rig);
    g_autoptr(GDBusConnection) bad = rig_connect(rig);

    rig_gpu_hello(rig, 1);
    ping(good);
    /* Each waits for the supervisor, who does not answer. */
    for (guint i = 0; i < 256; i++) {
        g_dbus_connection_call(bad, NULL, MACHINE, "org.vitrine.Vmm1.Statistics", "GetProcesses",
                               NULL, NULL, G_DBUS_CALL_FLAGS_NONE, G_MAXINT, NULL, NULL, NULL);
    }
    rig_run(100);
    g_assert_true(rig_is_alive(rig));
    for (guint i = 0; i < 20000; i++) {
        g_autoptr(GDBusMessage) message = g_dbus_message_new_method_call(
            NULL, MACHINE, "org.vitrine.Vmm1.Statistics", "GetProcesses");

        g_dbus_connection_send_message(bad, message, G_DBUS_SEND_MESSAGE_FLAGS_NONE, NULL, NULL);
    }
    rig_wait(g_dbus_connection_is_closed(bad));
    ping(good);
}

static void
send_scanout(Rig *rig, const struct gpu_scanout *change)
{
    struct gpu_scanout scanout = *change;

    scanout.header = (struct start_header){GPU_SCANOUT, sizeof(scanout)};
    rig_gpu_send(rig, &scanout, sizeof(scanout), -1);
}

/* Numbers that do not fit are left out; the picture before them stays. */
static void
test_bad_numbers(void)
{
    static const struct gpu_scanout bad[] = {
        {.scanout = 1, .buffer = 1, .width = 1, .height = 1, .stride = 4, .format = RIG_XRGB},
        {.buffer = 2, .width = 1, .height = 1, .stride = 4, .format = RIG_XRGB},
        {.buffer = 1, .width = 10, .height = 11, .stride = 40, .format = RIG_XRGB},
        {.buffer = 1, .width = 10, .height = 10, .stride = 36, .format = RIG_XRGB},
        {.buffer = 1, .width = 10, .height = 10, .stride = 40, .offset = 4, .format = RIG_XRGB},
        {.buffer = 1, .width = 1, .height = 1, .stride = 4, .offset = -4ULL, .format = RIG_XRGB},
        {.buffer = 1, .width = 16385, .height = 1, .stride = 4, .format = RIG_XRGB},
        {.buffer = 1, .width = 1, .height = -1U, .stride = -4U, .format = RIG_XRGB},
        {.buffer = 1, .width = 0x40000001, .height = 1, .stride = 4, .format = RIG_XRGB},
        {.buffer = 1, .width = 0, .height = 10, .stride = 40, .format = RIG_XRGB},
        {.buffer = 1, .width = 10, .height = 10, .stride = 40, .format = 0x20203843},
    };
    g_autoptr(Rig) rig = rig_new();
    g_autoptr(GDBusConnection) client = rig_connect(rig);
    g_autoptr(PeerListener) listener = NULL;
    struct gpu_buffer buffer = {.header = {GPU_BUFFER, sizeof(buffer)}, .id = 7, .size = 8192};
    struct gpu_update update = {.header = {GPU_UPDATE, sizeof(update)}, .scanout = 99};
    const struct gpu_scanout unknown = {
        .buffer = 7, .width = 4, .height = 4, .stride = 16, .format = RIG_XRGB};
    cleanup_fd int small = fd_memory_file("small", 4096);
    cleanup_fd int unsealed = memfd_create("unsealed", MFD_CLOEXEC);

    rig_gpu_begin(rig, 10, 10);
    rig_run(50);
    listener = peer_listen(client, CONSOLE_0, TRUE);
    rig_wait(listener->calls->len == 1);
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        send_scanout(rig, &bad[i]);
    }
    rig_gpu_send(rig, &buffer, sizeof(buffer), small); /* shorter than it says */
    g_assert_cmpint(ftruncate(unsealed, 8192), ==, 0);
    rig_gpu_send(rig, &buffer, sizeof(buffer), unsealed); /* could shrink under us */
    send_scanout(rig, &unknown);
    rig_gpu_send(rig, &update, sizeof(update), -1);
    rig_gpu_update(rig, -1U, -1U, -1U, -1U);
    rig_run(100);
    ping(client);
    g_assert_cmpuint(listener->calls->len, ==, 1);
    rig_gpu_update(rig, 1, 1, -1U, -1U);
    rig_wait(listener->calls->len == 2);
    g_assert_cmpstr(peer_listener_last(listener), ==, "UpdateMap 1 1 9 9");
}

/* A message of a wrong form ends the gpu link, not the process. */
static void
test_garbage(void)
{
    static const struct start_header wrong_size = {GPU_UPDATE, 4000};
    g_autoptr(Rig) rig = rig_new();
    g_autoptr(GDBusConnection) client = rig_connect(rig);
    g_autoptr(PeerListener) listener = NULL;

    rig_gpu_begin(rig, 10, 10);
    rig_run(50);
    rig_gpu_send(rig, &wrong_size, sizeof(wrong_size), -1);
    rig_run(50);
    listener = peer_listen(client, CONSOLE_0, TRUE);
    rig_wait(listener->calls->len == 1); /* the last picture stays */
    g_assert_cmpuint(listener->width, ==, 10);
    ping(client);
}

/* Killed and started again: the same descriptors, everything comes again, all keys are up. */
static void
test_restart(void)
{
    g_autoptr(Rig) rig = rig_new();
    g_autoptr(GDBusConnection) first = rig_connect(rig);
    g_autoptr(GDBusConnection) second = NULL;
    g_autoptr(PeerListener) listener = NULL;

    rig_gpu_begin(rig, 30, 20);
    rig_run(50);
    /* Left in the socket by a gpu process that did not notice: ignored up to its answer. */
    rig_restart(rig);
    rig_gpu_scanout(rig, 1, 0, 10, 10);
    second = rig_connect(rig);
    ping(second);
    rig_gpu_begin(rig, 30, 20);
    rig_run(50);
    listener = peer_listen(second, CONSOLE_0, TRUE);
    rig_wait(listener->calls->len == 1);
    g_assert_cmpuint(listener->width, ==, 30);
    g_assert_true(g_dbus_connection_is_closed(first));
    g_clear_pointer(&listener, peer_listener_free);
    rig_expect_anew(rig->keyboard);
    peer_call(second, CONSOLE_0, "org.qemu.Display1.Keyboard.Press", g_variant_new("(u)", 0x1e),
              NULL);
    rig_expect_event(rig->keyboard, EV_KEY, KEY_A, 1);
}

/* The guest takes no input: what does not fit is dropped, and nobody waits. */
static void
test_stuck_guest(void)
{
    g_autoptr(Rig) rig = rig_new();
    g_autoptr(GDBusConnection) client = rig_connect(rig);

    rig_gpu_begin(rig, 100, 100);
    rig_run(50);
    for (guint i = 0; i < 4000; i++) {
        g_autoptr(GVariant) reply = peer_call(client, CONSOLE_0, "org.qemu.Display1.Mouse.Press",
                                              g_variant_new("(u)", 3), NULL);
    }
    ping(client);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/limits/too-many-clients", test_too_many_clients);
    g_test_add_func("/limits/rude-peers", test_rude_peers);
    g_test_add_func("/limits/flood", test_flood);
    g_test_add_func("/limits/bad-numbers", test_bad_numbers);
    g_test_add_func("/limits/garbage", test_garbage);
    g_test_add_func("/limits/restart", test_restart);
    g_test_add_func("/limits/stuck-guest", test_stuck_guest);
    return g_test_run();
}
