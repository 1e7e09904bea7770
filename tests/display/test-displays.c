/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Several displays: plugged in and taken away by clients, pointers between them; a renderer that begins
 * anew, and  * the figures of the card.
 */

#include <gio/gunixfdlist.h>
#include <linux/input-event-codes.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/display/peer.h"
#include "tests/display/rig.h"

static void
expect_plug(Rig *rig, guint number, guint enabled, guint width)
{
    struct gpu_mode mode;

    rig_gpu_receive_mode(rig, &mode);
    g_assert_cmpint(mode.header.type, ==, GPU_PLUG);
    g_assert_cmpint(mode.scanout, ==, number);
    g_assert_cmpint(mode.enabled, ==, enabled);
    if (enabled) {
        g_assert_cmpint(mode.width, ==, width);
    }
}

static char *
displays_text(GDBusConnection *client)
{
    g_autoptr(GVariant) displays =
        peer_get(client, MACHINE, "org.vitrine.Vmm1.Displays", "Displays");

    return g_variant_print(displays, FALSE);
}

static void
keep_reply(GObject *source, GAsyncResult *result, gpointer data)
{
    GError *error = NULL;

    *(GVariant **)data = g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, &error);
    g_assert_no_error(error);
}

static void
call_displays(GDBusConnection *client, const char *method, GVariant *arguments, GVariant **reply)
{
    g_dbus_connection_call(client, NULL, MACHINE, "org.vitrine.Vmm1.Displays", method, arguments,
                           NULL, G_DBUS_CALL_FLAGS_NONE, RIG_WAIT_MS, NULL, keep_reply, reply);
    rig_run(20);
}

/* A client plugs a display in, watches it, gives it a mode and takes it away. */
static void
test_displays(void)
{
    g_autoptr(Rig) rig = rig_new();
    g_autoptr(GDBusConnection) client = rig_connect(rig);
    g_autoptr(PeerListener) listener = NULL;
    g_autoptr(GVariant) added = NULL;
    g_autoptr(GVariant) set = NULL;
    g_autoptr(GVariant) removed = NULL;
    g_autofree char *one = NULL;
    g_autofree char *two = NULL;
    g_autofree char *full = NULL;
    g_autofree char *none = NULL;
    g_autofree char *gone = NULL;
    guint number = 99;

    rig_gpu_hello(rig, 2);
    rig_gpu_display(rig, 0, 0, 0, 0);
    rig_wait_for_consoles(client, 1);
    one = displays_text(client);
    g_assert_cmpstr(one, ==, "[(1, 640, 480, 0, 0)]");
    call_displays(client, "Add", g_variant_new("(uuuu)", 800, 600, 200, 150), &added);
    expect_plug(rig, 0, 1, 800);
    g_assert_null(added); /* only the card's answer counts */
    rig_gpu_display(rig, 0, 1, 800, 600);
    rig_wait(added);
    g_variant_get(added, "(u)", &number);
    g_assert_cmpuint(number, ==, 0);
    listener = peer_listen(client, CONSOLE_0, TRUE); /* it is there already */
    rig_gpu_show(rig, 1, 64, 48);
    rig_wait(listener->width == 64);
    two = displays_text(client);
    g_assert_cmpstr(two, ==, "[(0, 800, 600, 0, 0), (1, 640, 480, 0, 0)]");
    peer_call(client, MACHINE, "org.vitrine.Vmm1.Displays.Add",
              g_variant_new("(uuuu)", 800, 600, 0, 0), &full);
    g_assert_cmpstr(full, ==, "org.vitrine.Vmm1.Error.TooManyDisplays");
    call_displays(client, "SetMode", g_variant_new("(uuuuu)", 0, 1024, 768, 0, 0), &set);
    expect_plug(rig, 0, 1, 1024);
    rig_gpu_display(rig, 0, 1, 1024, 768);
    rig_wait(set);
    call_displays(client, "Remove", g_variant_new("(u)", 0), &removed);
    expect_plug(rig, 0, 0, 0);
    rig_gpu_display(rig, 0, 0, 0, 0);
    rig_wait(removed && g_dbus_connection_is_closed(listener->connection));
    rig_wait_for_consoles(client, 1);
    peer_call(client, MACHINE, "org.vitrine.Vmm1.Displays.Remove", g_variant_new("(u)", 0), &none);
    g_assert_cmpstr(none, ==, "org.vitrine.Vmm1.Error.NoDisplay");
    peer_call(client, CONSOLE_0, "org.qemu.Display1.Console.SetUIInfo",
              g_variant_new("(qqiiuu)", 0, 0, 0, 0, 640, 480), &gone);
    g_assert_cmpstr(gone, ==, "org.freedesktop.DBus.Error.UnknownMethod");
    rig_expect_silence(rig->gpu);
}

static void
keep_answer(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) reply =
        g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, &error);

    *(char **)data = reply ? g_variant_print(reply, FALSE) : g_dbus_error_get_remote_error(error);
}

/* *ret_answer: what came back, or the error's name. */
static void
restart_renderer(GDBusConnection *client, char **ret_answer)
{
    g_dbus_connection_call(client, NULL, MACHINE, "org.vitrine.Vmm1.Machine", "RestartRenderer",
                           NULL, NULL, G_DBUS_CALL_FLAGS_NONE, RIG_WAIT_MS, NULL, keep_answer,
                           ret_answer);
    rig_run(20);
}

static void
expect_restart(Rig *rig)
{
    struct start_header wish = {0};

    g_assert_cmpint(recv(rig->gpu, &wish, sizeof(wish), 0), ==, sizeof(wish));
    g_assert_cmpint(wish.type, ==, GPU_RESTART);
}

/* Who asks while it happens gets the same answer; each kind of answer has its words. */
static void
test_restart_renderer(void)
{
    g_autoptr(Rig) rig = rig_new();
    g_autoptr(GDBusConnection) client = rig_connect(rig);
    struct gpu_restarted restarted = {
        .header = {GPU_RESTARTED, sizeof(restarted)}, .contexts = 3, .resources = 70};
    g_autofree char *first = NULL;
    g_autofree char *second = NULL;
    g_autofree char *flat = NULL;
    g_autofree char *broken = NULL;
    g_autofree char *gone = NULL;

    rig_gpu_hello(rig, 1);
    rig_gpu_send(rig, &restarted, sizeof(restarted), -1); /* nobody asked */
    restart_renderer(client, &first);
    restart_renderer(client, &second);
    expect_restart(rig);
    rig_expect_silence(rig->gpu);
    g_assert_true(!first && !second);
    rig_gpu_send(rig, &restarted, sizeof(restarted), -1);
    rig_wait(first && second);
    g_assert_cmpstr(first, ==, "(3, 70)");
    g_assert_cmpstr(second, ==, "(3, 70)");
    restart_renderer(client, &flat);
    expect_restart(rig);
    restarted.error = -EOPNOTSUPP;
    rig_gpu_send(rig, &restarted, sizeof(restarted), -1);
    rig_wait(flat);
    g_assert_cmpstr(flat, ==, "org.vitrine.Vmm1.Error.NoRenderer");
    restart_renderer(client, &broken);
    expect_restart(rig);
    restarted.error = INT32_MIN;
    rig_gpu_send(rig, &restarted, sizeof(restarted), -1);
    rig_wait(broken);
    g_assert_cmpstr(broken, ==, "org.vitrine.Vmm1.Error.Unavailable");
    restart_renderer(client, &gone);
    expect_restart(rig);
    rig_gpu_send(rig, "x", 1, -1); /* ends the link */
    rig_wait(gone);
    g_assert_cmpstr(gone, ==, "org.vitrine.Vmm1.Error.Unavailable");
}

/* What the card said, as the client gets it; the caller frees it. */
static GVariant *
ask_graphics(Rig *rig, GDBusConnection *client, const struct gpu_statistics *answer)
{
    struct start_header wish = {0};
    g_autofree char *text = NULL;

    g_dbus_connection_call(client, NULL, MACHINE, "org.vitrine.Vmm1.Statistics", "GetGraphics",
                           NULL, G_VARIANT_TYPE("(a{sv}a(uustttttt))"), G_DBUS_CALL_FLAGS_NONE,
                           RIG_WAIT_MS, NULL, keep_answer, &text);
    rig_run(20);
    g_assert_cmpint(recv(rig->gpu, &wish, sizeof(wish), 0), ==, sizeof(wish));
    g_assert_cmpint(wish.type, ==, GPU_ASK_STATISTICS);
    rig_gpu_send(rig, answer, sizeof(*answer), -1);
    rig_wait(text);
    return g_variant_parse(G_VARIANT_TYPE("(a{sv}a(uustttttt))"), text, NULL, NULL, NULL);
}

static void
expect_row(GVariant *counters, const char *name, guint n, const char *first)
{
    g_autoptr(GVariant) table = g_variant_lookup_value(counters, name, NULL);
    g_autoptr(GVariant) row = g_variant_get_child_value(table, 0);
    g_autofree char *text = g_variant_print(row, FALSE);

    g_assert_cmpuint(g_variant_n_children(table), ==, n);
    g_assert_cmpstr(text, ==, first);
}

/* The card's figures have names; a card that says nonsense tells no more than there is. */
static void
test_graphics(void)
{
    g_autoptr(Rig) rig = rig_new();
    g_autoptr(GDBusConnection) client = rig_connect(rig);
    struct gpu_statistics figures = {
        .header = {GPU_STATISTICS, sizeof(figures)},
        .n_commands = 1,
        .n_largest = 1,
        .n_timelines = 1,
        .n_other_resources = 7,
        .command[0] = {.type = 0x207, .count = 9, .failed = 2, .total_ns = 50, .longest_ns = 20},
        .largest[0] = {.id = 5,
                       .kind = GPU_RESOURCE_TEXTURE,
                       .width = 64,
                       .height = 32,
                       .format = RIG_XRGB,
                       .texture_format = 2,
                       .memory = 8192,
                       .transfers = 3,
                       .flushes = 4},
        .other_resources = {.memory = 70, .transfers = 8, .flushes = 6},
        .timeline[0] = {.context = 3,
                        .ring = 1,
                        .on_ring = 1,
                        .created = 6,
                        .completed = 5,
                        .total_ns = 100,
                        .longest_ns = 40}};

    rig_gpu_hello(rig, 1);
    g_autoptr(GVariant) answer = ask_graphics(rig, client, &figures);
    g_autoptr(GVariant) counters = g_variant_get_child_value(answer, 0);
    expect_row(counters, "CommandTypes", 1, "(519, 'SUBMIT_3D', 9, 2, 50, 20)");
    expect_row(counters, "LargestResources", 1, "(5, 'texture', 64, 32, 875713112, 2, 8192, 3, 4)");
    expect_row(counters, "FenceTimelines", 1, "('ring', 3, 1, 6, 5, 100, 40)");
    g_autoptr(GVariant) others = g_variant_lookup_value(counters, "OtherResources", NULL);
    g_autofree char *text = g_variant_print(others, FALSE);
    g_assert_cmpstr(text, ==, "(7, 70, 8, 6)");

    figures.n_commands = figures.n_largest = figures.n_timelines = UINT32_MAX;
    figures.command[0].type = 0x20a; /* none that is known */
    figures.largest[0].kind = UINT32_MAX;
    figures.timeline[0] = (struct gpu_timeline_statistics){.others = UINT32_MAX};
    g_autoptr(GVariant) nonsense = ask_graphics(rig, client, &figures);
    g_autoptr(GVariant) bounded = g_variant_get_child_value(nonsense, 0);
    expect_row(bounded, "CommandTypes", GPU_COMMANDS_TOLD, "(522, '', 9, 2, 50, 20)");
    expect_row(bounded, "LargestResources", GPU_RESOURCES_TOLD,
               "(5, '', 64, 32, 875713112, 2, 8192, 3, 4)");
    expect_row(bounded, "FenceTimelines", GPU_TIMELINES_TOLD, "('others', 0, 0, 0, 0, 0, 0)");
}

static void
show_on(Rig *rig, guint number, guint buffer, guint64 offset, const guint size[3])
{
    const struct gpu_scanout scanout = {.header = {GPU_SCANOUT, sizeof(scanout)},
                                        .scanout = number,
                                        .buffer = buffer,
                                        .offset = offset,
                                        .width = size[0],
                                        .height = size[1],
                                        .stride = size[2],
                                        .format = RIG_XRGB};

    rig_gpu_send(rig, &scanout, sizeof(scanout), -1);
    rig_run(20);
}

static void
point(Rig *rig, GDBusConnection *client, guint number, const guint expected[2])
{
    g_autofree char *path = g_strdup_printf("/org/qemu/Display1/Console_%u", number);

    peer_call(client, path, "org.qemu.Display1.Mouse.SetAbsPosition",
              g_variant_new("(uu)", 100, 50), NULL);
    rig_expect_motion(rig, expected[0], expected[1]);
}

/* The pixel at 100, 50 of a display, on axes over `width` x `height` where it is at `x`, `y`. */
#define ON_AXES(x, y, width, height) \
    ((guint[2]){((x)*2 + 1) * 32768 / ((width)*2), ((y)*2 + 1) * 32768 / ((height)*2)})

/* One pointer over all displays. */
static void
test_pointer_of_displays(void)
{
    g_autoptr(Rig) rig = rig_new();
    g_autoptr(GDBusConnection) client = rig_connect(rig);

    rig_gpu_hello(rig, 3);
    rig_wait_for_consoles(client, 3);
    rig_gpu_show(rig, 1, 1000, 501); /* a row more: parts of it are mapped by whole rows */
    show_on(rig, 0, 1, 0, (guint[]){1000, 500, 4000});
    point(rig, client, 0, ON_AXES(100, 50, 1000, 500)); /* the others show nothing */
    rig_gpu_show(rig, 2, 600, 800);
    show_on(rig, 0, 1, 0, (guint[]){1000, 500, 4000});
    show_on(rig, 2, 2, 0, (guint[]){600, 800, 2400});
    point(rig, client, 0, ON_AXES(100, 50, 1600, 800));
    point(rig, client, 2, ON_AXES(1100, 50, 1600, 800));
    /* The same picture on two of them is one place; parts of it lie as in it. */
    show_on(rig, 2, 1, 0, (guint[]){1000, 500, 4000});
    point(rig, client, 2, ON_AXES(100, 50, 1000, 500));
    show_on(rig, 0, 1, (guint64)500 * 4, (guint[]){500, 500, 4000});
    show_on(rig, 2, 1, 0, (guint[]){500, 500, 4000});
    point(rig, client, 0, ON_AXES(600, 50, 1000, 500));
    point(rig, client, 2, ON_AXES(100, 50, 1000, 500));
    /* Taken away: not on the desktop any more. */
    rig_gpu_display(rig, 2, 0, 0, 0);
    rig_wait_for_consoles(client, 2);
    point(rig, client, 0, ON_AXES(100, 50, 500, 500));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/display/displays", test_displays);
    g_test_add_func("/display/restart-renderer", test_restart_renderer);
    g_test_add_func("/display/graphics", test_graphics);
    g_test_add_func("/display/pointer-of-displays", test_pointer_of_displays);
    return g_test_run();
}
