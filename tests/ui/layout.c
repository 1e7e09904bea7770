/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/ui/layout.h"

#include <vte/vte.h>

#include "tests/ui/widgets.h"

enum {
    FRAMES = 3, /* until what asked for another layout has it */
};

void
layout_init(Layout *self)
{
    *self = (Layout){.wrong = g_string_new(NULL), .mnemonics = g_hash_table_new(NULL, NULL)};
}

void
layout_clear(Layout *self)
{
    g_hash_table_unref(self->mnemonics);
    g_string_free(self->wrong, TRUE);
}

/* ------------------------------------------------------------------ what is wrong */

void
layout_complain(Layout *self, GtkWidget *widget, const char *format, ...)
{
    const char *name =
        GTK_IS_BUILDABLE(widget) ? gtk_buildable_get_name(GTK_BUILDABLE(widget)) : "";
    g_autofree char *text = NULL;
    va_list list;

    va_start(list, format);
    text = g_strdup_vprintf(format, list);
    va_end(list);
    g_string_append_printf(self->wrong, "%s, %d wide, %s, %s: %s “%s” %s\n", self->place,
                           gtk_widget_get_allocated_width(self->window),
                           self->dark ? "dark" : "light", self->rtl ? "rtl" : "ltr",
                           G_OBJECT_TYPE_NAME(widget), name ? name : "", text);
}

/* These scroll sideways by themselves; all other things must fit. */
static gboolean
scrolls(GtkWidget *widget)
{
    return GTK_IS_TREE_VIEW(widget) || GTK_IS_TEXT_VIEW(widget) || VTE_IS_TERMINAL(widget);
}

/* Each letter leads to one thing in a window. */
static void
note_mnemonic(Layout *self, GtkWidget *widget)
{
    guint key = GTK_IS_LABEL(widget) ? gtk_label_get_mnemonic_keyval(GTK_LABEL(widget))
                                     : GDK_KEY_VoidSymbol;

    if (key != GDK_KEY_VoidSymbol &&
        !g_hash_table_add(self->mnemonics, GUINT_TO_POINTER(gdk_keyval_to_lower(key)))) {
        layout_complain(self, widget, "has a letter that another has: %s", gdk_keyval_name(key));
    }
}

/* Mapped, but nothing of it is seen: in what is folded together, and never given a place. */
static gboolean
is_unseen(GtkWidget *widget)
{
    return gtk_widget_get_allocated_width(widget) <= 1 ||
           (GTK_IS_REVEALER(widget) && !gtk_revealer_get_child_revealed(GTK_REVEALER(widget)));
}

static void
look_at(GtkWidget *widget, gpointer data)
{
    Layout *self = data;
    int width = gtk_widget_get_allocated_width(widget);
    int whole = gtk_widget_get_allocated_width(self->window);
    int needed = 0;
    int x = 0;

    if (!gtk_widget_get_mapped(widget) || gtk_widget_get_toplevel(widget) != self->window ||
        is_unseen(widget)) {
        return;
    }
    note_mnemonic(self, widget);
    gtk_widget_get_preferred_width(widget, &needed, NULL);
    needed -= gtk_widget_get_margin_start(widget) + gtk_widget_get_margin_end(widget);
    if (width < needed && !scrolls(widget)) {
        layout_complain(self, widget, "has %d of the %d it needs", width, needed);
    } else if (gtk_widget_translate_coordinates(widget, self->window, 0, 0, &x, NULL) &&
               (x < 0 || x + width > whole)) {
        layout_complain(self, widget, "is at %d, %d wide", x, width);
    } else if (GTK_IS_VIEWPORT(widget) && gtk_bin_get_child(GTK_BIN(widget)) &&
               gtk_widget_get_allocated_width(gtk_bin_get_child(GTK_BIN(widget))) > width) {
        layout_complain(self, widget, "scrolls sideways");
    } else if (GTK_IS_CONTAINER(widget) && !scrolls(widget)) {
        gtk_container_forall(GTK_CONTAINER(widget), look_at, self);
    }
}

/* ------------------------------------------------------------------ pictures */

static void
frame_ended(GdkFrameClock *clock, int *frames)
{
    (*frames)++;
}

void
layout_wait_for_frames(GtkWidget *widget)
{
    GdkFrameClock *clock = gtk_widget_get_frame_clock(widget);
    int frames = 0;
    gulong handler = g_signal_connect(clock, "after-paint", G_CALLBACK(frame_ended), &frames);

    for (int i = 1; i <= FRAMES; i++) {
        gdk_frame_clock_request_phase(clock, GDK_FRAME_CLOCK_PHASE_AFTER_PAINT);
        wait_until(frames >= i);
        while (gtk_events_pending()) {
            gtk_main_iteration();
        }
    }
    g_signal_handler_disconnect(clock, handler);
}

static void
keep_picture(Layout *self)
{
    const char *folder = g_getenv("TEST_PICTURES");
    GdkWindow *from = gtk_widget_get_window(self->window);
    int width = gtk_widget_get_allocated_width(self->window);
    g_autofree char *name =
        g_strdup_printf("%s-%d-%s-%s-%dx.png", self->place, width, self->dark ? "dark" : "light",
                        self->rtl ? "rtl" : "ltr", gtk_widget_get_scale_factor(self->window));
    g_autofree char *path = folder ? g_build_filename(folder, name, NULL) : NULL;

    if (path) {
        g_autoptr(GdkPixbuf) picture = gdk_pixbuf_get_from_window(
            from, 0, 0, gdk_window_get_width(from), gdk_window_get_height(from));
        (void)g_mkdir_with_parents(folder, 0700);
        g_assert_true(gdk_pixbuf_save(picture, path, "png", NULL, NULL));
    }
}

void
layout_look(Layout *self, const char *place)
{
    self->place = place;
    g_hash_table_remove_all(self->mnemonics);
    layout_wait_for_frames(self->window);
    if (!GTK_IS_SHORTCUTS_WINDOW(self->window)) { /* inside it is GTK's own */
        gtk_container_forall(GTK_CONTAINER(self->window), look_at, self);
    }
    keep_picture(self);
    self->looks++;
}

/* With all that the theme draws around it. */
void
layout_set_width(Layout *self, int width, int height)
{
    int inner = 0;

    gtk_window_get_size(GTK_WINDOW(self->window), &inner, NULL);
    inner = width - (gtk_widget_get_allocated_width(self->window) - inner);
    gtk_window_resize(GTK_WINDOW(self->window), inner, height);
    wait_until(gtk_widget_get_allocated_width(self->window) == width);
}
