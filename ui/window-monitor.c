/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Full screen, on the monitor where the shown machine was so before. */
#include "ui/window-private.h"

/* As the desktop describes it: maker, model and place, which not every compositor tells; free it. */
static char *
dup_description(GdkMonitor *monitor)
{
    const char *maker = gdk_monitor_get_manufacturer(monitor);
    const char *model = gdk_monitor_get_model(monitor);
    GdkRectangle place;

    gdk_monitor_get_geometry(monitor, &place);
    return g_strdup_printf("%s %s at %d,%d", maker ? maker : "?", model ? model : "?", place.x,
                           place.y);
}

/* A name that the same monitor has again while the monitors are as they were; free it. */
static char *
dup_name(GdkDisplay *display, int number)
{
    g_autofree char *name = dup_description(gdk_display_get_monitor(display, number));
    guint same = 1;

    for (int i = 0; i < number; i++) {
        g_autofree char *other = dup_description(gdk_display_get_monitor(display, i));
        same += g_str_equal(name, other);
    }
    return g_strdup_printf("%s, %u", name, same);
}

/* Of the monitor that the window is on, NULL: on none. */
static char *
dup_here(VmWindow *self)
{
    GdkDisplay *display = gtk_widget_get_display(GTK_WIDGET(self));
    GdkWindow *window = gtk_widget_get_window(GTK_WIDGET(self));
    GdkMonitor *here = window ? gdk_display_get_monitor_at_window(display, window) : NULL;

    for (int i = 0; here && i < gdk_display_get_n_monitors(display); i++) {
        if (gdk_display_get_monitor(display, i) == here) {
            return dup_name(display, i);
        }
    }
    return NULL;
}

/* Its number, -1: there is none of that name. */
static int
find_monitor(GdkDisplay *display, const char *wanted)
{
    for (int i = 0; wanted && i < gdk_display_get_n_monitors(display); i++) {
        g_autofree char *name = dup_name(display, i);

        if (g_str_equal(name, wanted)) {
            return i;
        }
    }
    return -1;
}

void
vm_window_enter_fullscreen(VmWindow *self)
{
    int number = find_monitor(gtk_widget_get_display(GTK_WIDGET(self)),
                              vm_view_state_get_monitor(self->view_state));
    g_autofree char *here = dup_here(self);
    gboolean moved = self->place && g_strcmp0(self->place, here) != 0;

    g_free(self->place);
    self->place = g_steal_pointer(&here);
    if (number >= 0 && !moved) {
        gtk_window_fullscreen_on_monitor(GTK_WINDOW(self), gtk_widget_get_screen(GTK_WIDGET(self)),
                                         number);
    } else { /* to where somebody moved it since */
        gtk_window_fullscreen(GTK_WINDOW(self));
    }
}

void
vm_window_note_monitor(VmWindow *self)
{
    g_autofree char *here = self->fullscreen && self->view_state ? dup_here(self) : NULL;

    if (here) {
        vm_view_state_set_monitor(self->view_state, here);
    }
}

void
vm_window_leave_fullscreen(VmWindow *self)
{
    vm_window_note_monitor(self);
    gtk_window_unfullscreen(GTK_WINDOW(self));
}
