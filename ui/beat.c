/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/beat.h"

#define WINDOW_KEY "vm-beat-window"
#define WIDGET_KEY "vm-beat-widget"

/* Of a window. */
typedef struct {
    GtkWidget *window;  /* which holds it */
    GPtrArray *members; /* widgets, mapped; none is held */
    gboolean hidden;    /* minimised */
    guint timer;
} Beat;

/* Of a widget. */
typedef struct {
    GtkWidget *widget; /* which holds it */
    VmBeatFunc func;
    GtkWidget *window; /* in whose list it is; NULL: in none */
} Member;

static gboolean
beat(gpointer data)
{
    Beat *self = data;
    g_autoptr(GtkWidget) keep = g_object_ref(self->window);
    g_autoptr(GPtrArray) now = g_ptr_array_new_with_free_func(g_object_unref);

    for (guint i = 0; i < self->members->len; i++) {
        g_ptr_array_add(now, g_object_ref(g_ptr_array_index(self->members, i)));
    }
    for (guint i = 0; i < now->len; i++) {
        GtkWidget *widget = g_ptr_array_index(now, i);
        Member *member = g_object_get_data(G_OBJECT(widget), WIDGET_KEY);

        if (member && member->window == keep) { /* others may have hidden it */
            member->func(widget);
        }
    }
    return G_SOURCE_CONTINUE;
}

static void
update_timer(Beat *self)
{
    gboolean wanted = self->members->len > 0 && !self->hidden;

    if (wanted && !self->timer) {
        self->timer = g_timeout_add_seconds(1, beat, self);
    } else if (!wanted) {
        g_clear_handle_id(&self->timer, g_source_remove);
    }
}

/* What changed while it could not be seen is not waited for. */
static gboolean
state_changed(GtkWidget *window, GdkEventWindowState *event, Beat *self)
{
    gboolean was = self->hidden;

    self->hidden = (event->new_window_state & GDK_WINDOW_STATE_ICONIFIED) != 0;
    update_timer(self);
    if (was && self->timer) {
        beat(self);
    }
    return GDK_EVENT_PROPAGATE;
}

static void
free_beat(gpointer data)
{
    Beat *self = data;

    g_clear_handle_id(&self->timer, g_source_remove);
    g_ptr_array_unref(self->members);
    g_free(self);
}

static Beat *
beat_of(GtkWidget *window)
{
    Beat *self = g_object_get_data(G_OBJECT(window), WINDOW_KEY);

    if (!self) {
        self = g_new0(Beat, 1);
        self->window = window;
        self->members = g_ptr_array_new();
        g_object_set_data_full(G_OBJECT(window), WINDOW_KEY, self, free_beat);
        g_signal_connect(window, "window-state-event", G_CALLBACK(state_changed), self);
    }
    return self;
}

static void
come(Member *member)
{
    GtkWidget *window = gtk_widget_get_toplevel(member->widget);

    if (!member->window && GTK_IS_WINDOW(window)) {
        Beat *self = beat_of(window);

        member->window = window;
        g_ptr_array_add(self->members, member->widget);
        update_timer(self);
    }
}

static void
go(Member *member)
{
    if (member->window) {
        Beat *self = beat_of(member->window);

        member->window = NULL;
        g_ptr_array_remove(self->members, member->widget);
        update_timer(self);
    }
}

static void
free_member(gpointer data)
{
    Member *member = data;

    go(member);
    g_signal_handlers_disconnect_by_data(member->widget, member);
    g_free(member);
}

void
vm_beat_join(GtkWidget *widget, VmBeatFunc func)
{
    Member *member = g_object_get_data(G_OBJECT(widget), WIDGET_KEY);

    if (!member) {
        member = g_new0(Member, 1);
        member->widget = widget;
        g_object_set_data_full(G_OBJECT(widget), WIDGET_KEY, member, free_member);
        g_signal_connect_swapped(widget, "map", G_CALLBACK(come), member);
        g_signal_connect_swapped(widget, "unmap", G_CALLBACK(go), member);
    }
    member->func = func;
    if (gtk_widget_get_mapped(widget)) {
        come(member);
    }
}

void
vm_beat_leave(GtkWidget *widget)
{
    g_object_set_data(G_OBJECT(widget), WIDGET_KEY, NULL);
}

gboolean
vm_beat_is_running(GtkWidget *window)
{
    Beat *self = g_object_get_data(G_OBJECT(window), WINDOW_KEY);

    return self && self->timer != 0;
}
