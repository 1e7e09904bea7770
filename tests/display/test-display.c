/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* vmm-display between a gpu process, an input process and clients, all played here. */

#include <gio/gunixfdlist.h>
#include <linux/input-event-codes.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/display/peer.h"
#include "tests/display/rig.h"
#include "vmm/base/fd.h"

static const guint8 *
map(PeerListener *listener)
{
    gsize size = listener->offset + (gsize)listener->stride * listener->height;
    void *pixels = mmap(NULL, size, PROT_READ, MAP_SHARED, listener->fd, 0);

    g_assert_true(pixels != MAP_FAILED);
    return (const guint8 *)pixels + listener->offset;
}

static gboolean
has_address(GDBusConnection *client, const char *expected)
{
    g_autoptr(GVariant) address =
        peer_get(client, CONSOLE_0, "org.qemu.Display1.Console", "DeviceAddress");

    return g_str_equal(g_variant_get_string(address, NULL), expected);
}

static void
test_objects(void)
{
    g_autoptr(Rig) rig = rig_new();
    g_autoptr(GDBusConnection) client = rig_connect(rig);
    g_autoptr(GVariant) objects = NULL;
    g_autoptr(GVariant) width = NULL;
    g_autofree char *text = NULL;

    rig_gpu_hello(rig, 1);
    rig_wait_for_consoles(client, 1);
    objects = peer_call(client, "/org/qemu/Display1",
                        "org.freedesktop.DBus.ObjectManager.GetManagedObjects", NULL, NULL);
    text = g_variant_print(objects, FALSE);
    g_assert_nonnull(strstr(text, "'/org/qemu/Display1/VM'"));
    g_assert_nonnull(strstr(text, "'/org/qemu/Display1/Console_0'"));
    g_assert_nonnull(strstr(text, "'org.qemu.Display1.Keyboard'"));
    g_assert_nonnull(strstr(text, "'org.qemu.Display1.Mouse'"));
    g_assert_nonnull(strstr(text, "'/org/qemu/Display1/Chardev_serial_0'"));
    g_assert_nonnull(strstr(text, "'Label': <'Serial 1'>"));
    width = peer_get(client, CONSOLE_0, "org.qemu.Display1.Console", "Width");
    g_assert_cmpuint(g_variant_get_uint32(width), ==, 0);
    /* The graphics card's, once the supervisor says where it is. */
    rig_set_state(rig, DISPLAY_VM_RUNNING, 0, "", "");
    rig_wait(has_address(client, "pci/0000/05.0"));
    g_dbus_connection_close_sync(client, NULL, NULL);
}

static void
test_map(void)
{
    g_autoptr(Rig) rig = rig_new();
    g_autoptr(GDBusConnection) client = rig_connect(rig);
    g_autoptr(PeerListener) listener = NULL;
    g_autoptr(GVariant) width = NULL;
    const guint32 *seen;
    guint32 *pixels;

    pixels = rig_gpu_begin(rig, 64, 48);
    pixels[0] = 0x112233;
    rig_wait_for_consoles(client, 1);
    listener = peer_listen(client, CONSOLE_0, TRUE);
    rig_wait(listener->fd >= 0);
    g_assert_cmpuint(listener->width, ==, 64);
    g_assert_cmpuint(listener->height, ==, 48);
    g_assert_cmpuint(listener->stride, ==, 256);
    g_assert_cmphex(listener->format, ==, 0x20020888);
    seen = (const guint32 *)(gconstpointer)map(listener);
    g_assert_cmphex(seen[0], ==, 0x112233);
    /* Damage is exact, and the pixels are there without a copy. */
    pixels[64 * 7 + 5] = 0x445566;
    rig_gpu_update(rig, 5, 7, 3, 2);
    rig_wait(listener->calls->len == 2);
    g_assert_cmpstr(peer_listener_last(listener), ==, "UpdateMap 5 7 3 2");
    g_assert_cmphex(seen[64 * 7 + 5], ==, 0x445566);
    /* Clipped to the picture; outside of it there is none. */
    rig_gpu_update(rig, 60, 40, 100, 100);
    rig_wait(listener->calls->len == 3);
    g_assert_cmpstr(peer_listener_last(listener), ==, "UpdateMap 60 40 4 8");
    rig_gpu_update(rig, 64, 0, 1, 1);
    rig_gpu_update(rig, 0, 0, 0, 10);
    /* The same scanout again says nothing; another size does. */
    rig_gpu_scanout(rig, 1, 0, 64, 48);
    rig_run(50);
    g_assert_cmpuint(listener->calls->len, ==, 3);
    rig_gpu_scanout(rig, 1, 256, 32, 16);
    rig_wait(listener->calls->len == 4);
    g_assert_cmpuint(listener->offset, ==, 256);
    g_assert_cmpuint(listener->width, ==, 32);
    width = peer_get(client, CONSOLE_0, "org.qemu.Display1.Console", "Width");
    g_assert_cmpuint(g_variant_get_uint32(width), ==, 32);
    rig_gpu_scanout(rig, 0, 0, 0, 0);
    rig_wait(listener->calls->len == 5);
    g_assert_cmpstr(peer_listener_last(listener), ==, "Disable");
}

static void
test_inline(void)
{
    g_autoptr(Rig) rig = rig_new();
    g_autoptr(GDBusConnection) client = rig_connect(rig);
    g_autoptr(PeerListener) listener = NULL;
    const guint32 *seen;
    guint32 *pixels;
    gsize n;

    pixels = rig_gpu_begin(rig, 40, 30);
    pixels[41] = 0xabcdef;
    rig_wait_for_consoles(client, 1);
    listener = peer_listen(client, CONSOLE_0, FALSE);
    rig_wait(listener->calls->len == 1);
    g_assert_cmpstr(peer_listener_last(listener), ==, "Scanout");
    seen = g_variant_get_fixed_array(listener->pixels, &n, 1);
    g_assert_cmpuint(n, ==, 40UL * 30 * 4);
    g_assert_cmphex(seen[41], ==, 0xabcdef);
    pixels[40 * 3 + 2] = 0x010203;
    rig_gpu_update(rig, 2, 3, 4, 5);
    rig_wait(listener->calls->len == 2);
    g_assert_cmpstr(peer_listener_last(listener), ==, "Update 2 3 4 5");
    seen = g_variant_get_fixed_array(listener->pixels, &n, 1);
    g_assert_cmpuint(n, ==, 4UL * 5 * 4);
    g_assert_cmphex(seen[0], ==, 0x010203);
    /* Large damage comes in bands of at most 16 MiB. */
    rig_gpu_show(rig, 2, 4000, 3000);
    rig_wait(listener->calls->len == 3);
    rig_gpu_update(rig, 0, 0, 4000, 3000);
    rig_wait(listener->calls->len == 6);
    g_assert_cmpstr(peer_listener_last(listener), ==, "Update 0 2096 4000 904");
}

/* A client that stops answering gets two updates, then everything at once; others go on. */
static void
test_slow_listener(void)
{
    g_autoptr(Rig) rig = rig_new();
    g_autoptr(GDBusConnection) client = rig_connect(rig);
    g_autoptr(GDBusConnection) other_client = rig_connect(rig);
    g_autoptr(PeerListener) slow = NULL;
    g_autoptr(PeerListener) second = NULL;
    g_autoptr(PeerListener) other = NULL;

    rig_gpu_begin(rig, 640, 480);
    rig_wait_for_consoles(client, 1);
    rig_wait_for_consoles(other_client, 1);
    slow = peer_listen(client, CONSOLE_0, TRUE);
    second = peer_listen(client, CONSOLE_0, FALSE);
    other = peer_listen(other_client, CONSOLE_0, TRUE);
    rig_wait(slow->calls->len == 1 && second->calls->len == 1 && other->calls->len == 1);
    rig_run(50);
    slow->hold = TRUE;
    for (guint i = 0; i < 300; i++) {
        rig_gpu_update(rig, i, i, 1, 1);
        rig_wait(peer_listener_count(other, "UpdateMap") == i + 1);
    }
    rig_wait(peer_listener_count(second, "Update") >= 1);
    g_assert_cmpuint(slow->calls->len, ==, 3);
    peer_listener_go_on(slow);
    rig_run(200);
    g_assert_cmpuint(slow->calls->len, >, 3);
    g_assert_cmpuint(slow->calls->len, <=, 3 + 16);
    g_assert_cmpuint(other->calls->len, ==, 301);
}

/* What was damaged in a picture is forgotten with it: it may lie outside of the next one. */
static void
test_damage_of_old_picture(void)
{
    g_autoptr(Rig) rig = rig_new();
    g_autoptr(GDBusConnection) client = rig_connect(rig);
    g_autoptr(PeerListener) listener = NULL;

    rig_gpu_begin(rig, 640, 480);
    rig_wait_for_consoles(client, 1);
    listener = peer_listen(client, CONSOLE_0, FALSE);
    rig_wait(listener->calls->len == 1);
    rig_run(50);
    listener->hold = TRUE;
    for (guint i = 0; i < 5; i++) {
        rig_gpu_update(rig, 100 * i, 400, 10, 10);
    }
    rig_wait(listener->calls->len == 3);
    rig_gpu_show(rig, 2, 16, 16);
    rig_run(50);
    peer_listener_go_on(listener);
    rig_wait(listener->width == 16);
    rig_run(100);
    g_assert_cmpstr(peer_listener_last(listener), ==, "Scanout");
    g_assert_cmpuint(listener->calls->len, ==, 4);
}

static void
test_cursor(void)
{
    g_autoptr(Rig) rig = rig_new();
    g_autoptr(GDBusConnection) client = rig_connect(rig);
    g_autoptr(PeerListener) listener = NULL;
    g_autoptr(GVariant) bytes = NULL;
    static struct gpu_cursor cursor = {
        .header = {GPU_CURSOR, sizeof(cursor)}, .visible = 1, .hot_x = 3, .hot_y = 4};
    const struct gpu_cursor_move move = {.header = {GPU_CURSOR_MOVE, sizeof(move)}, .x = 9, .y = 8};
    const guint32 *pixels;
    gsize n;
    gint hot_x;

    rig_gpu_begin(rig, 100, 100);
    rig_wait_for_consoles(client, 1);
    listener = peer_listen(client, CONSOLE_0, TRUE);
    rig_wait(listener->calls->len == 1);
    cursor.pixels[65] = 0xff123456;
    rig_gpu_send(rig, &cursor, sizeof(cursor), -1);
    rig_wait(listener->cursor != NULL && peer_listener_count(listener, "MouseSet") == 1);
    g_variant_get(listener->cursor, "(iiii@ay)", NULL, NULL, &hot_x, NULL, &bytes);
    g_assert_cmpint(hot_x, ==, 3);
    pixels = g_variant_get_fixed_array(bytes, &n, 1);
    g_assert_cmpuint(n, ==, sizeof(cursor.pixels));
    g_assert_cmphex(pixels[65], ==, 0xff123456);
    rig_gpu_send(rig, &move, sizeof(move), -1);
    rig_wait(g_str_equal(peer_listener_last(listener), "MouseSet 9 8 1"));
    cursor.visible = 0;
    rig_gpu_send(rig, &cursor, sizeof(cursor), -1);
    rig_wait(g_str_equal(peer_listener_last(listener), "MouseSet 9 8 0"));
    g_assert_cmpuint(peer_listener_count(listener, "CursorDefine"), ==, 1);
}

static void
test_ui_info(void)
{
    g_autoptr(Rig) rig = rig_new();
    g_autoptr(GDBusConnection) client = rig_connect(rig);
    g_autofree char *error = NULL;

    rig_gpu_hello(rig, 1);
    rig_wait_for_consoles(client, 1);
    for (guint i = 0; i < 20; i++) {
        peer_send(client, CONSOLE_0, "org.qemu.Display1.Console.SetUIInfo",
                  g_variant_new("(qqiiuu)", 300, 200, 0, 0, 1000 + i, 700));
        if (i % 5 == 0) {
            rig_run(5);
        }
    }
    /* The last one; a slow computer may let a few of the others through, never all. */
    g_assert_cmpint(rig_gpu_await_mode(rig, 1019), <, 10);
    rig_run(100);
    rig_expect_silence(rig->gpu);
    peer_call(client, CONSOLE_0, "org.qemu.Display1.Console.SetUIInfo",
              g_variant_new("(qqiiuu)", 0, 0, 0, 0, 20000, 700), &error);
    g_assert_cmpstr(error, ==, "org.qemu.Display1.Error.Invalid");
}

static void
test_keyboard(void)
{
    g_autoptr(Rig) rig = rig_new();
    g_autoptr(GDBusConnection) first = rig_connect(rig);
    g_autoptr(GDBusConnection) second = rig_connect(rig);
    g_autofree char *error = NULL;

    rig_gpu_hello(rig, 1);
    rig_wait_for_consoles(first, 1);
    rig_wait_for_consoles(second, 1);
    peer_call(first, CONSOLE_0, "org.qemu.Display1.Keyboard.Press", g_variant_new("(u)", 0xc8),
              NULL);
    rig_expect_event(rig->keyboard, EV_KEY, KEY_UP, 1);
    /* A repetition and a second client's press say nothing; both must let go. */
    peer_call(first, CONSOLE_0, "org.qemu.Display1.Keyboard.Press", g_variant_new("(u)", 0xc8),
              NULL);
    peer_call(second, CONSOLE_0, "org.qemu.Display1.Keyboard.Press", g_variant_new("(u)", 0xc8),
              NULL);
    peer_call(first, CONSOLE_0, "org.qemu.Display1.Keyboard.Release", g_variant_new("(u)", 0xc8),
              NULL);
    rig_expect_silence(rig->keyboard);
    peer_call(second, CONSOLE_0, "org.qemu.Display1.Keyboard.Release", g_variant_new("(u)", 0xc8),
              NULL);
    rig_expect_event(rig->keyboard, EV_KEY, KEY_UP, 0);
    peer_call(first, CONSOLE_0, "org.qemu.Display1.Keyboard.Press", g_variant_new("(u)", 0xffff),
              &error);
    g_assert_cmpstr(error, ==, "org.qemu.Display1.Error.Invalid");
    /* A client that goes away lets go of its keys and buttons. */
    peer_call(first, CONSOLE_0, "org.qemu.Display1.Keyboard.Press", g_variant_new("(u)", 0x1d),
              NULL);
    peer_call(first, CONSOLE_0, "org.qemu.Display1.Mouse.Press", g_variant_new("(u)", 2), NULL);
    rig_expect_event(rig->keyboard, EV_KEY, KEY_LEFTCTRL, 1);
    rig_expect_event(rig->pointer, EV_KEY, BTN_RIGHT, 1);
    g_dbus_connection_close_sync(first, NULL, NULL);
    rig_expect_event(rig->keyboard, EV_KEY, KEY_LEFTCTRL, 0);
    rig_expect_event(rig->pointer, EV_KEY, BTN_RIGHT, 0);
}

static void
test_lamps(void)
{
    g_autoptr(Rig) rig = rig_new();
    g_autoptr(GDBusConnection) client = rig_connect(rig);
    const struct input_report report = {
        .count = 2, .events = {{EV_LED, LED_CAPSL, 1}, {EV_SYN, SYN_REPORT, 0}}};
    g_autoptr(GVariant) modifiers = NULL;

    rig_gpu_hello(rig, 1);
    rig_wait_for_consoles(client, 1);
    g_assert_cmpint(send(rig->keyboard, &report, 4 + 2 * 8, 0), ==, 20);
    rig_run(50);
    modifiers = peer_get(client, CONSOLE_0, "org.qemu.Display1.Keyboard", "Modifiers");
    g_assert_cmpuint(g_variant_get_uint32(modifiers), ==, 4);
}

static void
test_mouse(void)
{
    g_autoptr(Rig) rig = rig_new();
    g_autoptr(GDBusConnection) client = rig_connect(rig);
    g_autofree char *outside = NULL;
    g_autofree char *relative = NULL;

    rig_gpu_begin(rig, 1000, 500);
    rig_wait_for_consoles(client, 1);
    rig_run(20);
    peer_call(client, CONSOLE_0, "org.qemu.Display1.Mouse.SetAbsPosition",
              g_variant_new("(uu)", 0, 499), NULL);
    rig_expect_motion(rig, 0, 32767);
    peer_call(client, CONSOLE_0, "org.qemu.Display1.Mouse.SetAbsPosition",
              g_variant_new("(uu)", 500, 250), NULL);
    rig_expect_motion(rig, 1001 * 32768 / 2000, 501 * 32768 / 1000);
    peer_call(client, CONSOLE_0, "org.qemu.Display1.Mouse.SetAbsPosition",
              g_variant_new("(uu)", 1000, 0), &outside);
    g_assert_cmpstr(outside, ==, "org.qemu.Display1.Error.Invalid");
    peer_call(client, CONSOLE_0, "org.qemu.Display1.Mouse.RelMotion", g_variant_new("(ii)", 1, 1),
              &relative);
    g_assert_cmpstr(relative, ==, "org.qemu.Display1.Error.Invalid");
    for (guint button = 3; button <= 4; button++) {
        peer_call(client, CONSOLE_0, "org.qemu.Display1.Mouse.Press", g_variant_new("(u)", button),
                  NULL);
        peer_call(client, CONSOLE_0, "org.qemu.Display1.Mouse.Release",
                  g_variant_new("(u)", button), NULL);
        rig_expect_event(rig->pointer, EV_REL, REL_WHEEL, button == 3 ? 1 : -1);
    }
    peer_call(client, CONSOLE_0, "org.qemu.Display1.Mouse.Press", g_variant_new("(u)", 1), NULL);
    rig_expect_event(rig->pointer, EV_KEY, BTN_MIDDLE, 1);
}

static void
test_picture(void)
{
    g_autoptr(Rig) rig = rig_new();
    g_autoptr(GDBusConnection) client = rig_connect(rig);
    g_autofree char *error = NULL;
    g_autoptr(GUnixFDList) fds = NULL;
    g_autoptr(GVariant) reply = NULL;
    cleanup_fd int frame = -1;
    cleanup_fd int fd = -1;
    char header[14] = "";
    guint32 *pixels;
    guint width;
    guint height;
    guint stride;
    guint32 first;

    rig_gpu_hello(rig, 1);
    rig_wait_for_consoles(client, 1);
    peer_call(client, CONSOLE_0, "org.vitrine.Vmm1.Picture.GetPicture",
              g_variant_new("(uu)", 256, 160), &error);
    g_assert_cmpstr(error, ==, "org.vitrine.Vmm1.Error.NoPicture");
    pixels = rig_gpu_show(rig, 1, 800, 600);
    for (guint i = 0; i < 800 * 600; i++) {
        pixels[i] = 0xff204060;
    }
    rig_run(50);
    reply = g_dbus_connection_call_with_unix_fd_list_sync(
        client, NULL, CONSOLE_0, "org.vitrine.Vmm1.Picture", "GetPicture",
        g_variant_new("(uu)", 256, 160), NULL, G_DBUS_CALL_FLAGS_NONE, -1, NULL, &fds, NULL, NULL);
    g_assert_nonnull(reply);
    g_variant_get(reply, "(huuu)", NULL, &width, &height, &stride);
    g_assert_cmpuint(width, ==, 213);
    g_assert_cmpuint(height, ==, 160);
    fd = g_unix_fd_list_get(fds, 0, NULL);
    g_assert_cmpint(pread(fd, &first, 4, stride * 80 + 400), ==, 4);
    g_assert_cmphex(first, ==, 0x204060);
    /* The supervisor gets the last frame as a file. */
    {
        const struct start_header want = {DISPLAY_SEND_LAST_FRAME, sizeof(want)};

        g_assert_cmpint(send(rig->control, &want, sizeof(want), 0), ==, sizeof(want));
    }
    rig_expect_request(rig, DISPLAY_LAST_FRAME, &frame);
    g_assert_cmpint(pread(frame, header, 13, 0), ==, 13);
    g_assert_cmpstr(header, ==, "P6\n800 600\n25");
    g_assert_cmpint(pread(frame, header, 3, 15), ==, 3);
    g_assert_cmpint(memcmp(header, "\x20\x40\x60", 3), ==, 0);
}

static void
test_machine(void)
{
    g_autoptr(Rig) rig = rig_new();
    g_autoptr(GDBusConnection) client = rig_connect(rig);
    static const struct {
        const char *method;
        enum display_type type;
    } requests[] = {
        {"PowerButton", DISPLAY_POWER_BUTTON},
        {"Stop", DISPLAY_STOP},
        {"Restart", DISPLAY_RESTART},
        {"Pause", DISPLAY_PAUSE},
        {"Resume", DISPLAY_RESUME},
    };
    g_autoptr(GVariant) state = NULL;
    g_autoptr(GVariant) sentence = NULL;

    for (guint i = 0; i < G_N_ELEMENTS(requests); i++) {
        g_autofree char *method =
            g_strconcat("org.vitrine.Vmm1.Machine.", requests[i].method, NULL);

        peer_call(client, MACHINE, method, NULL, NULL);
        rig_expect_request(rig, requests[i].type, NULL);
    }
    peer_call(client, MACHINE, "org.vitrine.Vmm1.Machine.Ping", NULL, NULL);
    rig_set_state(rig, DISPLAY_VM_STOPPED, 33, "part-died", "Its gpu part failed.");
    rig_run(50);
    state = peer_get(client, MACHINE, "org.vitrine.Vmm1.Machine", "State");
    sentence = peer_get(client, MACHINE, "org.vitrine.Vmm1.Machine", "Sentence");
    g_assert_cmpstr(g_variant_get_string(state, NULL), ==, "stopped");
    g_assert_cmpstr(g_variant_get_string(sentence, NULL), ==, "Its gpu part failed.");
}

static void
handle_processes(GObject *source, GAsyncResult *result, gpointer user_data)
{
    GVariant **reply = user_data;

    *reply = g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, NULL);
}

static void
test_statistics(void)
{
    g_autoptr(Rig) rig = rig_new();
    g_autoptr(GDBusConnection) client = rig_connect(rig);
    static struct display_statistics statistics = {
        .header = {DISPLAY_STATISTICS, sizeof(statistics)},
        .count = 2,
        .process = {{.name = "machine", .pid = 7, .cpu_ns = 123, .memory = 4096},
                    {.name = "gpu", .pid = 8, .restarts = 1}},
    };
    g_autoptr(GVariant) reply = NULL;
    g_autofree char *text = NULL;

    g_dbus_connection_call(client, NULL, MACHINE, "org.vitrine.Vmm1.Statistics", "GetProcesses",
                           NULL, NULL, G_DBUS_CALL_FLAGS_NONE, -1, NULL, handle_processes, &reply);
    rig_run(20);
    rig_expect_request(rig, DISPLAY_ASK_STATISTICS, NULL);
    g_assert_cmpint(send(rig->control, &statistics, sizeof(statistics), 0), >, 0);
    rig_wait(reply != NULL);
    text = g_variant_print(reply, FALSE);
    g_assert_cmpstr(text, ==, "([('machine', 7, 0, 123, 4096), ('gpu', 8, 1, 0, 0)],)");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/display/objects", test_objects);
    g_test_add_func("/display/map", test_map);
    g_test_add_func("/display/inline", test_inline);
    g_test_add_func("/display/slow-listener", test_slow_listener);
    g_test_add_func("/display/damage-of-old-picture", test_damage_of_old_picture);
    g_test_add_func("/display/cursor", test_cursor);
    g_test_add_func("/display/ui-info", test_ui_info);
    g_test_add_func("/display/keyboard", test_keyboard);
    g_test_add_func("/display/lamps", test_lamps);
    g_test_add_func("/display/mouse", test_mouse);
    g_test_add_func("/display/picture", test_picture);
    g_test_add_func("/display/machine", test_machine);
    g_test_add_func("/display/statistics", test_statistics);
    return g_test_run();
}
