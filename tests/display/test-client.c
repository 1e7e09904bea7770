/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* libvitrine-client against the real vmm-display. */

#include <gio/gunixsocketaddress.h>
#include <glib/gstdio.h>
#include <linux/input-event-codes.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/display/library.h"
#include "tests/display/peer.h"
#include "vmm/base/fd.h"
#include "vmm/client/picture-map.h"
#include "vmm/client/vm-chardev.h"

static void
test_machine(void)
{
    g_autoptr(Rig) rig = rig_new();
    g_autoptr(VmConnection) connection = library_open(rig);
    GListModel *chardevs = vm_connection_get_chardevs(connection);
    g_autoptr(VmChardev) chardev = NULL;
    g_autoptr(VmConsole) console = NULL;

    g_assert_cmpstr(vm_connection_get_name(connection), ==, "test");
    g_assert_cmpstr(vm_connection_get_machine_state(connection), ==, "starting");
    rig_set_state(rig, DISPLAY_VM_RUNNING, 0, "", "");
    rig_wait(g_strcmp0(vm_connection_get_machine_state(connection), "running") == 0);
    rig_wait(vm_connection_get_client_count(connection) == 1);
    g_assert_cmpuint(g_list_model_get_n_items(chardevs), ==, 1);
    chardev = g_list_model_get_item(chardevs, 0);
    g_assert_cmpstr(vm_chardev_get_name(chardev), ==, "serial.0");
    g_assert_cmpstr(vm_chardev_get_label(chardev), ==, "Serial 1");
    rig_gpu_hello(rig, 1); /* the console comes later */
    console = library_console(connection);
    g_assert_cmpuint(vm_console_get_number(console), ==, 0);
    g_assert_cmpstr(vm_console_get_label(console), ==, "Screen 1");
    g_assert_cmpuint(vm_connection_get_render_device(connection), ==, 0);
    rig->render_device = G_GUINT64_CONSTANT(0x12300e280);
    rig_set_state(rig, DISPLAY_VM_RUNNING, 0, "", "");
    rig_wait(vm_connection_get_render_device(connection) == rig->render_device);
    rig_set_state(rig, DISPLAY_VM_STOPPED, 33, "part-died", "Its gpu part failed.");
    rig_wait(g_strcmp0(vm_connection_get_machine_state(connection), "stopped") == 0);
    g_assert_cmpuint(vm_connection_get_exit_status(connection), ==, 33);
    g_assert_cmpstr(vm_connection_get_cause(connection), ==, "part-died");
    g_assert_cmpstr(vm_connection_get_sentence(connection), ==, "Its gpu part failed.");
}

/* Without a modifier the layout is the card's own. */
static void
test_textures(void)
{
    const VmTexture implicit = {.modifier = VM_MODIFIER_IMPLICIT};
    const VmTexture linear = {.modifier = VM_MODIFIER_LINEAR};
    const VmTexture tiled = {.modifier = 1};

    g_assert_false(vm_picture_map_is_taken(&linear, VM_TEXTURES_NONE));
    g_assert_false(vm_picture_map_is_taken(&implicit, VM_TEXTURES_NONE));
    g_assert_true(vm_picture_map_is_taken(&linear, VM_TEXTURES_LINEAR));
    g_assert_false(vm_picture_map_is_taken(&implicit, VM_TEXTURES_LINEAR));
    for (VmTextures takes = VM_TEXTURES_FULL_LENGTH; takes <= VM_TEXTURES_ALL; takes++) {
        g_assert_true(vm_picture_map_is_taken(&linear, takes));
        g_assert_true(vm_picture_map_is_taken(&implicit, takes));
    }
    for (VmTextures takes = VM_TEXTURES_NONE; takes <= VM_TEXTURES_LINEAR; takes++) {
        g_assert_false(vm_picture_map_is_taken(&tiled, takes));
    }
}

static void
keep_added(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(GError) error = NULL;

    g_assert_true(vm_connection_add_display_finish(VM_CONNECTION(source), result, data, &error));
}

static void
keep_error(GObject *source, GAsyncResult *result, gpointer data)
{
    g_assert_false(
        vm_connection_remove_display_finish(VM_CONNECTION(source), result, (GError **)data));
}

static void
keep_maximum(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(GVariant) displays =
        vm_connection_get_displays_finish(VM_CONNECTION(source), result, data, NULL);

    g_assert_cmpuint(g_variant_n_children(displays), ==, 2);
}

/* Consoles come and go with the displays, and survive the display process where these do. */
static void
test_displays(void)
{
    g_autoptr(Rig) rig = rig_new();
    g_autoptr(VmConnection) connection = library_open(rig);
    GListModel *consoles = vm_connection_get_consoles(connection);
    const VmDisplayMode size = {.width = 800, .height = 600};
    g_autoptr(VmConsole) first = NULL;
    g_autoptr(VmConsole) third = NULL;
    g_autoptr(GError) error = NULL;
    struct gpu_mode mode;
    guint added = 99;
    guint maximum = 0;

    rig_gpu_hello(rig, 3);
    rig_gpu_display(rig, 2, 0, 0, 0);
    rig_wait(g_list_model_get_n_items(consoles) == 2);
    first = g_list_model_get_item(consoles, 0);
    vm_connection_get_displays_async(connection, NULL, keep_maximum, &maximum);
    rig_wait(maximum == 3);
    vm_connection_add_display_async(connection, &size, NULL, keep_added, &added);
    rig_run(20);
    rig_gpu_receive_mode(rig, &mode);
    rig_gpu_display(rig, 2, 1, 800, 600);
    rig_wait(added == 2 && g_list_model_get_n_items(consoles) == 3);
    third = g_list_model_get_item(consoles, 2);
    g_assert_cmpuint(vm_console_get_number(third), ==, 2);
    vm_connection_remove_display_async(connection, 7, NULL, keep_error, &error);
    rig_wait(error);
    rig_gpu_display(rig, 1, 0, 0, 0);
    rig_wait(g_list_model_get_n_items(consoles) == 2);
    /* Display 2 goes while nobody listens. */
    rig_restart(rig);
    rig_wait(!vm_console_get_connected(first));
    rig_gpu_hello(rig, 1);
    rig_wait(vm_console_get_connected(first) && g_list_model_get_n_items(consoles) == 1);
    g_assert_false(vm_console_get_connected(third));
}

static void
test_input(void)
{
    enum {
        KEYS = 300
    };
    g_autoptr(Rig) rig = rig_new();
    g_autoptr(VmConnection) connection = NULL;
    g_autoptr(VmConsole) console = NULL;

    rig_gpu_begin(rig, 100, 100);
    connection = library_open(rig);
    console = library_console(connection);
    vm_console_move_pointer(console, 99, 0);
    vm_console_press_button(console, VM_BUTTON_LEFT);
    vm_console_release_button(console, VM_BUTTON_LEFT);
    vm_console_press_button(console, VM_BUTTON_WHEEL_DOWN);
    rig_run(50);
    rig_expect_motion(rig, 32767, 0);
    rig_expect_event(rig->pointer, EV_KEY, BTN_LEFT, 1);
    rig_expect_event(rig->pointer, EV_KEY, BTN_LEFT, 0);
    rig_expect_event(rig->pointer, EV_REL, REL_WHEEL, -1);
    /* Typing faster than the limits allow still arrives, whole and in order. */
    for (guint i = 0; i < KEYS; i++) {
        vm_console_press_key(console, KEY_A + i % 2);
        vm_console_release_key(console, KEY_A + i % 2);
    }
    rig_run(g_getenv("VMM_NO_JAIL") ? 5000 : 500); /* a sanitizer takes its time */
    for (guint i = 0; i < KEYS; i++) {
        rig_expect_event(rig->keyboard, EV_KEY, KEY_A + i % 2, 1);
        rig_expect_event(rig->keyboard, EV_KEY, KEY_A + i % 2, 0);
    }
    vm_console_set_size(console, 800, 600, 0, 0);
    rig_run(20);
    rig_gpu_expect_mode(rig, 800, 600);
}

static void
test_reconnect(void)
{
    g_autoptr(Rig) rig = rig_new();
    g_autoptr(VmConnection) connection = NULL;
    g_autoptr(VmConsole) console = NULL;
    g_autoptr(VmConsole) after = NULL;
    struct library_told told = {0};
    VmPicture picture;
    gint64 start;

    rig_gpu_begin(rig, 30, 20);
    connection = library_open(rig);
    console = library_console(connection);
    library_listen(console, &told);
    vm_console_hold(console);
    rig_wait(told.scanouts == 1);
    start = g_get_monotonic_time();
    rig_restart(rig);
    rig_wait(vm_connection_get_state(connection) != VM_CONNECTION_READY);
    /* The last picture stays until there is another. */
    g_assert_true(vm_console_get_picture(console, &picture));
    g_assert_cmpuint(picture.width, ==, 30);
    g_assert_false(vm_console_get_connected(console));
    vm_console_press_key(console, KEY_A); /* dropped, not queued */
    rig_expect_anew(rig->keyboard);
    rig_gpu_begin(rig, 40, 20);
    rig_wait(vm_connection_get_state(connection) == VM_CONNECTION_READY);
    g_assert_cmpint(g_get_monotonic_time() - start, <, G_USEC_PER_SEC);
    after = library_console(connection);
    g_assert_true(after == console);
    rig_wait(told.scanouts == 2);
    g_assert_true(vm_console_get_picture(console, &picture));
    g_assert_cmpuint(picture.width, ==, 40);
    rig_expect_silence(rig->keyboard);
}

/* When tries began and how long they were waited for, as people are told. */
struct tries {
    gint64 start[16];
    guint n;
    guint seconds;
};

static void
note_try(VmConnection *connection, GParamSpec *spec, struct tries *tries)
{
    VmConnectionState state = vm_connection_get_state(connection);

    if (state == VM_CONNECTION_CONNECTING && tries->n < G_N_ELEMENTS(tries->start)) {
        tries->start[tries->n++] = g_get_monotonic_time();
    } else if (state == VM_CONNECTION_WAITING) {
        tries->seconds = vm_connection_get_retry_seconds(connection);
    }
}

/* Nobody there: 0.2, 1, 2, 4, 8 ... s, at most 30 between two tries; at once when told to. */
static void
test_retries(void)
{
    static const guint waits_ms[] = {200, 1000, 2000};
    static const guint told_s[] = {1, 1, 2, 4, 8, 16, 30, 30, 30};
    g_autoptr(VmConnection) connection = vm_connection_new("/nonexistent/control");
    struct tries tries = {.n = 0};

    g_signal_connect(connection, "notify::state", G_CALLBACK(note_try), &tries);
    vm_connection_open(connection);
    for (guint i = 0; i < G_N_ELEMENTS(told_s); i++) {
        rig_wait(tries.n == i + 1 && vm_connection_get_state(connection) == VM_CONNECTION_WAITING);
        g_assert_nonnull(vm_connection_get_error_message(connection));
        g_assert_cmpuint(tries.seconds, ==, told_s[i]);
        if (i >= G_N_ELEMENTS(waits_ms)) {
            vm_connection_retry_now(connection);
            g_assert_cmpint(vm_connection_get_state(connection), ==, VM_CONNECTION_CONNECTING);
        }
    }
    for (guint i = 0; i < G_N_ELEMENTS(waits_ms); i++) {
        g_assert_cmpint(tries.start[i + 1] - tries.start[i], >=,
                        waits_ms[i] * G_TIME_SPAN_MILLISECOND);
    }
    vm_connection_close(connection);
    g_assert_cmpint(vm_connection_get_state(connection), ==, VM_CONNECTION_CLOSED);
}

/* Somebody there who takes the connection and never says a word: that try ends, too. */
static void
test_silence(void)
{
    g_autofree char *folder = g_dir_make_tmp("vitrine-silent-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "control", NULL);
    g_autoptr(GSocketAddress) address = g_unix_socket_address_new(path);
    g_autoptr(GSocketListener) listener = g_socket_listener_new();
    g_autoptr(VmConnection) connection = vm_connection_new(path);

    g_assert_true(g_socket_listener_add_address(listener, address, G_SOCKET_TYPE_STREAM,
                                                G_SOCKET_PROTOCOL_DEFAULT, NULL, NULL, NULL));
    vm_connection_open(connection);
    rig_wait(vm_connection_get_state(connection) == VM_CONNECTION_WAITING);
    rig_wait(vm_connection_get_state(connection) == VM_CONNECTION_CONNECTING);
    vm_connection_close(connection);
    g_unlink(path);
    g_rmdir(folder);
}

/* What was typed while the display process hung is gone with it, and what it held down comes up. */
static void
test_no_key_later(void)
{
    g_autofree char *spawner = g_strdup(g_getenv("VMM_DISPLAY_SPAWNER"));
    g_autoptr(Rig) rig = NULL;
    g_autoptr(VmConnection) connection = NULL;
    g_autoptr(VmConsole) console = NULL;

    g_unsetenv("VMM_DISPLAY_SPAWNER"); /* a stopped one would not stop its child */
    rig = rig_new();
    rig_gpu_begin(rig, 30, 20);
    connection = library_open(rig);
    console = library_console(connection);
    vm_console_press_key(console, KEY_LEFTSHIFT);
    rig_wait(!vm_console_has_unsent_input(console));
    rig_expect_event(rig->keyboard, EV_KEY, KEY_LEFTSHIFT, 1);
    kill(rig->pid, SIGSTOP);
    for (guint i = 0; i < 100; i++) {
        vm_console_press_key(console, KEY_A);
        vm_console_release_key(console, KEY_A);
    }
    rig_run(100);
    rig_restart(rig);
    if (spawner) {
        g_setenv("VMM_DISPLAY_SPAWNER", spawner, TRUE);
    }
    rig_wait(vm_connection_get_state(connection) != VM_CONNECTION_READY);
    vm_console_press_key(console, KEY_B);
    vm_console_release_key(console, KEY_LEFTSHIFT);
    rig_gpu_hello(rig, 1);
    rig_wait(vm_connection_get_state(connection) == VM_CONNECTION_READY);
    rig_expect_anew(rig->keyboard); /* the input process lets Shift go: tests/device/test-input.c */
    rig_expect_silence(rig->keyboard);
    vm_console_press_key(console, KEY_C);
    rig_wait(!vm_console_has_unsent_input(console));
    rig_expect_event(rig->keyboard, EV_KEY, KEY_C, 1);
}

static void
test_requests(void)
{
    g_autoptr(Rig) rig = rig_new();
    g_autoptr(VmConnection) connection = library_open(rig);
    static const struct {
        VmRequest request;
        enum display_type type;
    } requests[] = {
        {VM_REQUEST_POWER_BUTTON, DISPLAY_POWER_BUTTON},
        {VM_REQUEST_STOP, DISPLAY_STOP},
        {VM_REQUEST_RESTART, DISPLAY_RESTART},
        {VM_REQUEST_PAUSE, DISPLAY_PAUSE},
        {VM_REQUEST_RESUME, DISPLAY_RESUME},
        {VM_REQUEST_PING, 0},
    };
    static struct display_statistics statistics = {
        .header = {DISPLAY_STATISTICS, sizeof(statistics)},
        .count = 1,
        .process = {{.name = "gpu", .pid = 8, .restarts = 1, .cpu_ns = 5, .memory = 6}},
    };
    g_autoptr(GAsyncResult) asked = NULL;
    g_autoptr(GPtrArray) processes = NULL;
    GError *error = NULL;

    for (guint i = 0; i < G_N_ELEMENTS(requests); i++) {
        g_autoptr(GAsyncResult) result = NULL;

        vm_connection_request_async(connection, requests[i].request, NULL, library_keep_result,
                                    &result);
        rig_wait(result != NULL);
        g_assert_true(vm_connection_request_finish(connection, result, &error));
        g_assert_no_error(error);
        if (requests[i].type) {
            rig_expect_request(rig, requests[i].type, NULL);
        }
    }
    vm_connection_get_processes_async(connection, NULL, library_keep_result, &asked);
    rig_run(20);
    rig_expect_request(rig, DISPLAY_ASK_STATISTICS, NULL);
    g_assert_cmpint(send(rig->control, &statistics, sizeof(statistics), 0), >, 0);
    rig_wait(asked != NULL);
    processes = vm_connection_get_processes_finish(connection, asked, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(processes->len, ==, 1);
    g_assert_cmpstr(((VmProcess *)processes->pdata[0])->name, ==, "gpu");
    g_assert_cmpuint(((VmProcess *)processes->pdata[0])->memory, ==, 6);
}

static void
test_sandbox(void)
{
    g_autoptr(Rig) rig = rig_new();
    g_autoptr(VmConnection) connection = library_open(rig);
    static struct display_statistics statistics = {
        .header = {DISPLAY_STATISTICS, sizeof(statistics)},
        .count = 1,
        .guest_memory = 4096,
        .disk_read = 1,
        .disk_written = 2,
        .process = {{.name = "block-0",
                     .part = "block",
                     .pid = 8,
                     .jail = DISPLAY_JAIL_FILTER | DISPLAY_JAIL_NAMESPACES,
                     .capabilities = 3,
                     .threads = 4,
                     .descriptors = 64,
                     .blocked = 5}},
    };
    g_autoptr(GAsyncResult) asked = NULL;
    g_autoptr(GAsyncResult) asked_totals = NULL;
    g_autoptr(GPtrArray) jails = NULL;
    const VmJail *jail;
    VmTotals totals;
    GError *error = NULL;

    vm_connection_get_jails_async(connection, NULL, library_keep_result, &asked);
    vm_connection_get_totals_async(connection, NULL, library_keep_result, &asked_totals);
    while (!asked || !asked_totals) { /* one answer serves all who wait for it */
        struct pollfd control = {.fd = rig->control, .events = POLLIN};

        if (poll(&control, 1, 0) == 1) {
            rig_expect_request(rig, DISPLAY_ASK_STATISTICS, NULL);
            g_assert_cmpint(send(rig->control, &statistics, sizeof(statistics), 0), >, 0);
        }
        rig_iterate();
    }
    jails = vm_connection_get_jails_finish(connection, asked, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(jails->len, ==, 1);
    jail = jails->pdata[0];
    g_assert_cmpstr(jail->part, ==, "block");
    g_assert_true(jail->filter && jail->namespaces && !jail->no_new_privileges);
    g_assert_cmpuint(jail->capabilities, ==, 3);
    g_assert_cmpuint(jail->blocked, ==, 5);
    g_assert_true(vm_connection_get_totals_finish(connection, asked_totals, &totals, &error));
    g_assert_cmpuint(totals.guest_memory, ==, 4096);
    g_assert_cmpuint(totals.disk_written, ==, 2);
}

static void
test_chardev(void)
{
    g_autoptr(Rig) rig = rig_new();
    g_autoptr(VmConnection) connection = library_open(rig);
    g_autoptr(VmChardev) chardev = g_list_model_get_item(vm_connection_get_chardevs(connection), 0);
    g_autoptr(GAsyncResult) result = NULL;
    g_autoptr(GError) error = NULL;
    cleanup_fd int fd = -1;
    char seen[16] = "";

    rig_serial_write(rig, "boot log", 8);
    vm_chardev_open_async(chardev, NULL, library_keep_result, &result);
    rig_wait(result != NULL);
    fd = vm_chardev_open_finish(chardev, result, &error);
    g_assert_no_error(error);
    g_assert_cmpint(fd, >=, 0);
    peer_read(fd, seen, 8);
    g_assert_cmpstr(seen, ==, "boot log");
    g_assert_cmpint(write(fd, "ls\n", 3), ==, 3);
    memset(seen, 0, sizeof(seen));
    peer_read(rig->stream, seen, 3);
    g_assert_cmpstr(seen, ==, "ls\n");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/client/machine", test_machine);
    g_test_add_func("/client/textures", test_textures);
    g_test_add_func("/client/displays", test_displays);
    g_test_add_func("/client/input", test_input);
    g_test_add_func("/client/reconnect", test_reconnect);
    g_test_add_func("/client/retries", test_retries);
    g_test_add_func("/client/silence", test_silence);
    g_test_add_func("/client/no-key-later", test_no_key_later);
    g_test_add_func("/client/requests", test_requests);
    g_test_add_func("/client/sandbox", test_sandbox);
    g_test_add_func("/client/chardev", test_chardev);
    return g_test_run();
}
