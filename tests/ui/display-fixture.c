/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/ui/display-fixture.h"

#include <linux/input-event-codes.h>

#include "tests/ui/page-window.h"
#include "vmm/keymap/keymap.h"

enum {
    WIDTH = DISPLAY_FIXTURE_WIDTH,
    HEIGHT = DISPLAY_FIXTURE_HEIGHT,
    MARGIN = DISPLAY_FIXTURE_MARGIN,
};

void
display_fixture_set_up(DisplayFixture *self, gconstpointer data)
{
    self->rig = rig_new();
    rig_gpu_hello(self->rig, 2);
    rig_gpu_display(self->rig, 1, 0, 0, 0); /* nothing is plugged in there */
    self->pixels = rig_gpu_show(self->rig, 1, WIDTH, HEIGHT);
    for (guint i = 0; i < WIDTH * HEIGHT; i++) {
        self->pixels[i] = 0x204060;
    }
    self->page =
        page_window_open(self->rig, WIDTH + 2 * MARGIN, HEIGHT + 2 * MARGIN, &self->connection);
    self->window = gtk_widget_get_toplevel(GTK_WIDGET(self->page));
    /* There is no window manager that would do it. */
    gdk_window_focus(gtk_widget_get_window(self->window), GDK_CURRENT_TIME);
    rig_wait(gtk_window_is_active(GTK_WINDOW(self->window)));
    rig_run(200); /* the X server's focus moves from "where the pointer is" to the window */
}

void
display_fixture_tear_down(DisplayFixture *self, gconstpointer data)
{
    gtk_widget_destroy(self->window);
    vm_connection_close(self->connection);
    g_clear_object(&self->connection);
    rig_free(self->rig);
}

void
display_fixture_key(DisplayFixture *self, guint code, gboolean press, guint state)
{
    GdkKeymap *keymap = gdk_keymap_get_for_display(gdk_display_get_default());
    GdkEvent *event = gdk_event_new(press ? GDK_KEY_PRESS : GDK_KEY_RELEASE);

    event->key.window = g_object_ref(gtk_widget_get_window(self->window));
    event->key.time = (guint32)(g_get_monotonic_time() / 1000);
    event->key.state = state;
    event->key.hardware_keycode = (guint16)(code + KEYMAP_X11_OFFSET);
    gdk_keymap_translate_keyboard_state(keymap, event->key.hardware_keycode, state, 0,
                                        &event->key.keyval, NULL, NULL, NULL);
    gdk_event_set_device(
        event, gdk_seat_get_keyboard(gdk_display_get_default_seat(gdk_display_get_default())));
    gtk_main_do_event(event);
    gdk_event_free(event);
}

void
display_fixture_expect_key(DisplayFixture *self, guint code, gint value)
{
    rig_run(30);
    rig_expect_event(self->rig->keyboard, EV_KEY, code, value);
}

void
display_fixture_capture(DisplayFixture *self)
{
    vm_display_page_capture(self->page);
    g_assert_true(vm_display_page_get_captured(self->page));
}

GtkRevealer *
display_fixture_overlay(DisplayFixture *self, GType type)
{
    g_autoptr(GList) children = gtk_container_get_children(GTK_CONTAINER(self->page));

    for (GList *at = children; at; at = at->next) {
        if (g_type_is_a(G_OBJECT_TYPE(at->data), type)) {
            return GTK_REVEALER(at->data);
        }
    }
    g_assert_not_reached();
}
