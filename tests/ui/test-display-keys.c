/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The keyboard of the display page: what the guest gets, and how it is got back. Key events are what GDK makes of raw
 * ones, hardware key codes included.
 */

#include <gtk/gtk.h>
#include <linux/input-event-codes.h>
#include <signal.h>
#include <string.h>

#include "tests/ui/display-fixture.h"
#include "ui/display-input.h"
#include "ui/fullscreen-bar.h"
#include "ui/grab-hint.h"

static void
test_keys(DisplayFixture *self, gconstpointer data)
{
    static const guint codes[] = {KEY_A, KEY_TAB, KEY_F10, KEY_F11, KEY_ESC, KEY_RIGHTALT};

    display_fixture_capture(self);
    for (guint i = 0; i < G_N_ELEMENTS(codes); i++) {
        display_fixture_key(self, codes[i], TRUE, 0);
        display_fixture_expect_key(self, codes[i], 1);
        display_fixture_key(self, codes[i], TRUE,
                            0); /* the desktop's repetition: the guest has its own */
        display_fixture_key(self, codes[i], FALSE, 0);
        display_fixture_expect_key(self, codes[i], 0);
    }
    g_assert_true(vm_display_page_get_captured(self->page));
    rig_expect_silence(self->rig->keyboard);
}

static void
press_ctrl_alt(DisplayFixture *self)
{
    display_fixture_key(self, KEY_LEFTCTRL, TRUE, 0);
    display_fixture_expect_key(self, KEY_LEFTCTRL, 1);
    display_fixture_key(self, KEY_LEFTALT, TRUE, GDK_CONTROL_MASK);
    display_fixture_expect_key(self, KEY_LEFTALT, 1);
}

static void
test_release(DisplayFixture *self, gconstpointer data)
{
    guint hints = 0;

    display_fixture_capture(self);
    press_ctrl_alt(self);
    g_assert_true(vm_display_page_get_captured(self->page));
    display_fixture_key(self, KEY_LEFTALT, FALSE, GDK_CONTROL_MASK | GDK_MOD1_MASK);
    g_assert_false(vm_display_page_get_captured(self->page));
    /* All keys that the guest saw go down are up, Ctrl too, which is still held here. */
    display_fixture_expect_key(self, KEY_LEFTALT, 0);
    display_fixture_expect_key(self, KEY_LEFTCTRL, 0);
    display_fixture_key(self, KEY_LEFTCTRL, FALSE, GDK_CONTROL_MASK);
    display_fixture_key(self, KEY_B, TRUE, 0);
    display_fixture_key(self, KEY_B, FALSE, 0);
    rig_run(30);
    rig_expect_silence(self->rig->keyboard);
    /* Enter captures again and is not typed; how often the hint was seen is counted on. */
    g_object_set(self->page, "hints-shown", 7U, NULL);
    display_fixture_key(self, KEY_ENTER, TRUE, 0);
    g_object_get(self->page, "hints-shown", &hints, NULL);
    g_assert_cmpuint(hints, ==, 8);
    g_assert_true(vm_display_page_get_captured(self->page));
    display_fixture_key(self, KEY_ENTER, FALSE, 0);
    rig_run(30);
    rig_expect_silence(self->rig->keyboard);
}

/* The same in full screen, by somebody who has no pointer: it never was over the picture. */
static void
test_release_by_keys_alone(DisplayFixture *self, gconstpointer data)
{
    GdkDisplay *display = gdk_display_get_default();
    GdkDevice *pointer = gdk_seat_get_pointer(gdk_display_get_default_seat(display));

    vm_display_page_set_fullscreen(self->page, TRUE);
    gtk_window_fullscreen(GTK_WINDOW(self->window));
    gdk_device_warp(pointer, gdk_screen_get_default(), 1279, 1023); /* outside of the window */
    for (guint i = 0; i < 2; i++) {
        vm_display_page_capture(self->page);
        display_fixture_key(self, KEY_ENTER, TRUE, 0);
        display_fixture_expect_key(self, KEY_ENTER, 1);
        press_ctrl_alt(self);
        display_fixture_key(self, KEY_LEFTALT, FALSE, GDK_CONTROL_MASK | GDK_MOD1_MASK);
        g_assert_false(vm_display_page_get_captured(self->page));
        display_fixture_expect_key(self, KEY_LEFTALT, 0);
        display_fixture_expect_key(self, KEY_ENTER, 0);
        display_fixture_expect_key(self, KEY_LEFTCTRL, 0);
        display_fixture_key(self, KEY_LEFTCTRL, FALSE, GDK_CONTROL_MASK);
        rig_expect_silence(self->rig->keyboard);
    }
    rig_expect_silence(self->rig->pointer);
    vm_display_page_set_fullscreen(self->page, FALSE);
}

/* Who never released the keyboard is told how as long as no bar shows a way out of the full screen. */
static void
test_hint_stays(DisplayFixture *self, gconstpointer data)
{
    GtkRevealer *hint = display_fixture_overlay(self, VM_TYPE_GRAB_HINT);
    GtkRevealer *bar = display_fixture_overlay(self, VM_TYPE_FULLSCREEN_BAR);
    gboolean known = FALSE;

    g_object_set(self->page, "hints-shown", 7U, NULL);
    vm_display_page_set_fullscreen(self->page, TRUE);
    g_assert_true(gtk_revealer_get_reveal_child(bar));
    display_fixture_capture(self);
    rig_wait(!gtk_revealer_get_reveal_child(bar));
    rig_run(3000); /* longer than a hint that goes */
    g_assert_true(gtk_revealer_get_reveal_child(hint));
    press_ctrl_alt(self);
    display_fixture_key(self, KEY_LEFTALT, FALSE, GDK_CONTROL_MASK | GDK_MOD1_MASK);
    g_assert_false(gtk_revealer_get_reveal_child(hint));
    g_object_get(self->page, "release-known", &known, NULL);
    g_assert_true(known);
    display_fixture_capture(self);
    rig_wait(!gtk_revealer_get_reveal_child(bar) && !gtk_revealer_get_reveal_child(hint));
    vm_display_page_set_fullscreen(self->page, FALSE);
}

/* A popover of the view, as the window's for keys, is opened and closed again. */
static void
open_and_close(DisplayFixture *self, GtkWidget *popover)
{
    gtk_popover_popup(GTK_POPOVER(popover));
    rig_wait(gtk_widget_get_mapped(popover));
    g_assert_false(vm_display_page_get_captured(self->page));
    gtk_popover_popdown(GTK_POPOVER(popover));
    rig_wait(!gtk_widget_get_mapped(popover));
    rig_run(100);
}

/* A popover leaves the keyboard as it was, captured or released; another widget does not. */
static void
test_popover(DisplayFixture *self, gconstpointer data)
{
    GtkWidget *view = NULL;
    GtkWidget *popover = gtk_popover_new(GTK_WIDGET(self->page));
    GtkWidget *entry = gtk_entry_new();
    GtkWidget *other = gtk_entry_new();

    gtk_container_add(GTK_CONTAINER(popover), entry);
    gtk_widget_show(entry);
    gtk_overlay_add_overlay(GTK_OVERLAY(self->page), other);
    g_object_set(other, "halign", GTK_ALIGN_START, "valign", GTK_ALIGN_START, "visible", TRUE,
                 NULL);
    display_fixture_capture(self);
    view = gtk_window_get_focus(GTK_WINDOW(self->window));
    open_and_close(self, popover);
    g_assert_true(vm_display_page_get_captured(self->page));
    vm_display_page_release(self->page);
    open_and_close(self, popover);
    g_assert_true(gtk_widget_has_focus(view));
    g_assert_false(vm_display_page_get_captured(self->page));
    gtk_widget_grab_focus(other);
    gtk_widget_grab_focus(view);
    g_assert_true(vm_display_page_get_captured(self->page));
}

/* Ctrl+Alt with another key is the guest's. */
static void
test_no_release(DisplayFixture *self, gconstpointer data)
{
    const guint both = GDK_CONTROL_MASK | GDK_MOD1_MASK;

    display_fixture_capture(self);
    press_ctrl_alt(self);
    display_fixture_key(self, KEY_F2, TRUE, both);
    display_fixture_expect_key(self, KEY_F2, 1);
    display_fixture_key(self, KEY_F2, FALSE, both);
    display_fixture_expect_key(self, KEY_F2, 0);
    display_fixture_key(self, KEY_LEFTALT, FALSE, both);
    display_fixture_expect_key(self, KEY_LEFTALT, 0);
    display_fixture_key(self, KEY_LEFTCTRL, FALSE, GDK_CONTROL_MASK);
    display_fixture_expect_key(self, KEY_LEFTCTRL, 0);
    g_assert_true(vm_display_page_get_captured(self->page));
}

/* Sticky keys: Ctrl, then Alt, one after the other. */
static void
test_sticky_keys(DisplayFixture *self, gconstpointer data)
{
    display_fixture_capture(self);
    display_fixture_key(self, KEY_LEFTCTRL, TRUE, 0);
    display_fixture_key(self, KEY_LEFTCTRL, FALSE, GDK_CONTROL_MASK);
    display_fixture_key(self, KEY_LEFTALT, TRUE, GDK_CONTROL_MASK);
    display_fixture_key(self, KEY_LEFTALT, FALSE, GDK_CONTROL_MASK | GDK_MOD1_MASK);
    g_assert_false(vm_display_page_get_captured(self->page));
}

static void
take_action(VmDisplayPage *page, const char *action, GString *taken)
{
    g_string_append_printf(taken, "%s ", action);
}

/* Held, the host key makes some keys ours: the guest sees none of them, and the host key come up. */
static void
test_host_key(DisplayFixture *self, gconstpointer data)
{
    g_autoptr(GString) taken = g_string_new(NULL);

    g_signal_connect(self->page, "host-action", G_CALLBACK(take_action), taken);
    g_object_set(self->page, "host-key", VM_RELEASE_RIGHT_CTRL, NULL);
    display_fixture_capture(self);
    display_fixture_key(self, KEY_RIGHTCTRL, TRUE, 0);
    display_fixture_expect_key(self, KEY_RIGHTCTRL, 1);
    display_fixture_key(self, KEY_F, TRUE, GDK_CONTROL_MASK);
    display_fixture_expect_key(self, KEY_RIGHTCTRL, 0);
    display_fixture_key(self, KEY_F, FALSE, GDK_CONTROL_MASK);
    display_fixture_key(self, KEY_4, TRUE, GDK_CONTROL_MASK);
    display_fixture_key(self, KEY_4, FALSE, GDK_CONTROL_MASK);
    display_fixture_key(self, KEY_RIGHT, TRUE, GDK_CONTROL_MASK);
    display_fixture_key(self, KEY_RIGHT, FALSE, GDK_CONTROL_MASK);
    display_fixture_key(self, KEY_RIGHTCTRL, FALSE, GDK_CONTROL_MASK);
    rig_run(30);
    rig_expect_silence(self->rig->keyboard);
    g_assert_cmpstr(taken->str, ==, "win.fullscreen win.view::settings win.next-machine ");
    g_assert_true(vm_display_page_get_captured(self->page));
    /* Let go, or off, the same key is the guest's. */
    display_fixture_key(self, KEY_F, TRUE, 0);
    display_fixture_expect_key(self, KEY_F, 1);
    display_fixture_key(self, KEY_F, FALSE, 0);
    display_fixture_expect_key(self, KEY_F, 0);
    g_object_set(self->page, "host-key", VM_RELEASE_NONE, NULL);
    display_fixture_key(self, KEY_RIGHTCTRL, TRUE, 0);
    display_fixture_expect_key(self, KEY_RIGHTCTRL, 1);
    display_fixture_key(self, KEY_F, TRUE, GDK_CONTROL_MASK);
    display_fixture_expect_key(self, KEY_F, 1);
    g_assert_cmpuint(taken->len, ==, strlen("win.fullscreen win.view::settings win.next-machine "));
}

/* The display server hangs: the keyboard comes back at once by hand, or by itself after 5 s. */
static void
test_frozen(DisplayFixture *self, gconstpointer data)
{
    display_fixture_capture(self);
    kill(self->rig->pid, SIGSTOP);
    display_fixture_key(self, KEY_LEFTCTRL, TRUE, 0);
    display_fixture_key(self, KEY_LEFTALT, TRUE, GDK_CONTROL_MASK);
    display_fixture_key(self, KEY_LEFTCTRL, FALSE, GDK_CONTROL_MASK | GDK_MOD1_MASK);
    g_assert_false(vm_display_page_get_captured(self->page));
    display_fixture_capture(self);
    display_fixture_key(self, KEY_A, TRUE, 0);
    rig_wait(!vm_display_page_get_captured(self->page));
    kill(self->rig->pid, SIGCONT);
}

static void
test_send_keys(DisplayFixture *self, gconstpointer data)
{
    vm_display_page_send_keys(self->page, "LEFTCTRL+LEFTALT+DELETE");
    display_fixture_expect_key(self, KEY_LEFTCTRL, 1);
    display_fixture_expect_key(self, KEY_LEFTALT, 1);
    display_fixture_expect_key(self, KEY_DELETE, 1);
    display_fixture_expect_key(self, KEY_DELETE, 0);
    display_fixture_expect_key(self, KEY_LEFTALT, 0);
    display_fixture_expect_key(self, KEY_LEFTCTRL, 0);
}

#define ADD(name, function)                                                                   \
    g_test_add("/display-keys/" name, DisplayFixture, NULL, display_fixture_set_up, function, \
               display_fixture_tear_down)

int
main(int argc, char **argv)
{
    gtk_test_init(&argc, &argv, NULL);
    ADD("keys", test_keys);
    ADD("release", test_release);
    ADD("release-by-keys-alone", test_release_by_keys_alone);
    ADD("hint-stays", test_hint_stays);
    ADD("popover", test_popover);
    ADD("no-release", test_no_release);
    ADD("sticky-keys", test_sticky_keys);
    ADD("host-key", test_host_key);
    ADD("frozen", test_frozen);
    ADD("send-keys", test_send_keys);
    return g_test_run();
}
