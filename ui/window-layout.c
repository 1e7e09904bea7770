/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Folding by measuring: words or icons in the switcher, sidebar beside or instead of the content. */
#include <string.h>

#include "ui/text-scale.h"
#include "ui/window-private.h"

#define FOLD_WIDTH 700
#define SIDEBAR    264
#define HYSTERESIS 24
#define FRAME_MAX  120
#define BAR_HEIGHT 48
#define EDGE       2 /* of the screen, where the bar of the full screen waits for the pointer */

static const struct {
    const char *view;
    const char *icon;
} icons[] = {
    {"display", "video-display-symbolic"},
    {"console", "utilities-terminal-symbolic"},
    {"statistics", "power-profile-performance-symbolic"},
    {"settings", "emblem-system-symbolic"},
    {"log", "text-x-generic-symbolic"},
};

/* A button that shows an icon has its word only as a tooltip. */
static void
name_button(GtkWidget *button, gpointer data)
{
    g_autofree char *word = gtk_widget_get_tooltip_text(button);

    if (word) {
        atk_object_set_name(gtk_widget_get_accessible(button), word);
    }
}

static void
show_icons(VmWindow *self, gboolean on)
{
    for (guint i = 0; i < G_N_ELEMENTS(icons); i++) {
        GtkWidget *page = gtk_stack_get_child_by_name(GTK_STACK(self->machine_page), icons[i].view);
        if (page) {
            gtk_container_child_set(GTK_CONTAINER(self->machine_page), page, "icon-name",
                                    on ? icons[i].icon : NULL, NULL);
        }
    }
    self->icons = on;
    gtk_container_foreach(GTK_CONTAINER(self->view_switcher), name_button, NULL);
}

static gboolean
page_is(VmWindow *self, const char *name)
{
    return g_strcmp0(gtk_stack_get_visible_child_name(self->page_stack), name) == 0;
}

/* Setting the same layout again would ask for another layout of the window, for ever. */
static void
set_decorations(GtkHeaderBar *header, const char *layout)
{
    if (g_strcmp0(gtk_header_bar_get_decoration_layout(header), layout) != 0) {
        gtk_header_bar_set_decoration_layout(header, layout);
    }
}

/* Which end of the window carries its buttons depends on which header is there. */
static void
place_window_buttons(VmWindow *self, gboolean side, gboolean main)
{
    g_autofree char *layout = NULL;
    g_auto(GStrv) ends = NULL;
    g_autofree char *start = NULL;
    g_autofree char *end = NULL;

    g_object_get(gtk_widget_get_settings(GTK_WIDGET(self)), "gtk-decoration-layout", &layout, NULL);
    ends = g_strsplit(layout ? layout : ":close", ":", 2);
    if (!side || !main) {
        set_decorations(self->side_header, NULL);
        set_decorations(self->main_header, NULL);
        return;
    }
    start = g_strconcat(ends[0] ? ends[0] : "", ":", NULL);
    end = g_strconcat(":", ends[0] && ends[1] ? ends[1] : "", NULL);
    set_decorations(self->side_header, start);
    set_decorations(self->main_header, end);
}

/* What the machine on the page forgets is said above each of its pages. */
void
vm_window_show_strip(VmWindow *self)
{
    gtk_widget_set_visible(self->disposable_strip, page_is(self, "machine") && !self->fullscreen &&
                                                       self->machine &&
                                                       vm_machine_is_disposable(self->machine));
}

static void
show_parts(VmWindow *self)
{
    gboolean some = g_list_model_get_n_items(G_LIST_MODEL(self->store)) > 0;
    gboolean side = some && !self->alone && !self->fullscreen &&
                    (self->sidebar_wanted || self->narrow) && !(self->narrow && self->show_content);
    gboolean content =
        !self->narrow || self->alone || self->show_content || !some || self->fullscreen;
    gboolean machine = page_is(self, "machine");
    gboolean titled = page_is(self, "building") || page_is(self, "overview");
    gboolean alone = !some; /* one header over the empty page */
    gboolean words = !self->narrow && !self->tight;

    gtk_widget_set_visible(self->sidebar_box, side);
    gtk_widget_set_visible(GTK_WIDGET(self->side_header), side || alone);
    gtk_widget_set_hexpand(GTK_WIDGET(self->side_header), !content || alone);
    gtk_widget_set_hexpand(self->sidebar_box, !content);
    gtk_widget_set_visible(self->search_button, some);
    gtk_widget_set_visible(self->content_overlay, content);
    gtk_widget_set_visible(GTK_WIDGET(self->main_header), content && !alone);
    gtk_widget_set_visible(self->header_separator, side && content && !alone);
    gtk_widget_set_visible(self->start_label, words);
    gtk_widget_set_visible(self->shut_label, words);
    gtk_widget_set_visible(self->force_label, words);
    gtk_widget_set_visible(self->back_button, self->narrow && !self->alone);
    gtk_widget_set_visible(self->power_box, machine);
    vm_window_show_strip(self);
    gtk_widget_set_visible(self->more_button, machine);
    gtk_widget_set_visible(GTK_WIDGET(self->columns_button), page_is(self, "overview"));
    gtk_widget_set_visible(self->fullscreen_button, machine);
    gtk_widget_set_visible(GTK_WIDGET(self->keys_button), machine && !self->narrow);
    gtk_widget_set_visible(self->screenshot_button, machine && !self->narrow);
    gtk_widget_set_visible(self->bottom_switcher, machine && self->narrow && !self->fullscreen);
    gtk_stack_set_visible_child_name(self->title_stack, self->narrow || titled ? "title"
                                                        : machine              ? "switcher"
                                                                               : "nothing");
    place_window_buttons(self, side || alone, content && !alone);
}

/* What the theme draws around the window: without a compositor a frame, else a shadow. */
static int
frame_width(VmWindow *self)
{
    int inner = gtk_widget_get_allocated_width(gtk_window_get_titlebar(GTK_WINDOW(self)));
    int frame = gtk_widget_get_allocated_width(GTK_WIDGET(self)) - inner;

    return inner > 1 && frame > 0 && frame < FRAME_MAX ? frame : 0;
}

/* The word on the power button goes when even icons are too wide, as in wordy languages. */
static void
fit_power_button(VmWindow *self, int width)
{
    int needed = 0;

    if (!self->tight) {
        gtk_widget_get_preferred_width(GTK_WIDGET(self->main_header), &needed, NULL);
        self->tight = width < needed;
        self->word_width = needed;
    } else if (width > self->word_width + HYSTERESIS) {
        self->tight = FALSE;
    } else {
        return;
    }
    show_parts(self);
}

/* By the size of text, and by what sidebar and page need beside each other: words differ in length. */
static gboolean
is_too_narrow(VmWindow *self, int width)
{
    int limit = vm_text_scaled(GTK_WIDGET(self), FOLD_WIDTH);
    int sidebar = 0;
    int content = 0;

    if (!self->narrow && gtk_widget_get_visible(self->sidebar_box) &&
        gtk_widget_get_visible(self->content_overlay)) {
        gtk_widget_get_preferred_width(self->sidebar_box, &sidebar, NULL);
        gtk_widget_get_preferred_width(self->content_overlay, &content, NULL);
        self->beside_width = sidebar + content + frame_width(self);
    }
    return width < MAX(limit, self->beside_width) + (self->narrow ? HYSTERESIS : 0);
}

void
vm_window_layout(VmWindow *self, int width)
{
    int sidebar = 0;
    int natural = 0;

    if (!self->store) {
        return;
    }
    if (width == 0) {
        width = gtk_widget_get_allocated_width(GTK_WIDGET(self));
    }
    if (width > 1) {
        self->narrow = is_too_narrow(self, width);
    }
    show_parts(self);
    if (self->narrow || !page_is(self, "machine") || width <= 1) {
        return;
    }
    /* Beside a page, which takes all it can get, it has no more than it needs. */
    gtk_widget_get_preferred_width(self->sidebar_box, &sidebar, NULL);
    if (!gtk_widget_get_visible(self->sidebar_box)) {
        sidebar = 0;
    }
    width -= frame_width(self);
    if (!self->icons) {
        gtk_widget_get_preferred_width(GTK_WIDGET(self->main_header), NULL, &natural);
        self->text_width = natural;
        if (width - sidebar < natural) {
            show_icons(self, TRUE);
        }
    } else if (width - sidebar > self->text_width + HYSTERESIS) {
        show_icons(self, FALSE);
    }
    fit_power_button(self, width - sidebar);
}

static gboolean
layout_now(gpointer data)
{
    VmWindow *self = VM_WINDOW(data);

    self->layout_idle = 0;
    vm_window_layout(self, 0);
    return G_SOURCE_REMOVE;
}

void
vm_window_layout_soon(VmWindow *self)
{
    if (!self->layout_idle) {
        self->layout_idle = g_idle_add_full(G_PRIORITY_HIGH_IDLE, layout_now, self, NULL);
    }
}

/*
 * Above the page; in full screen over its picture and below the bar there, which a pointer at the very
 * edge brings.
 */
static void
place_messages(VmWindow *self)
{
    GtkWidget *messages = GTK_WIDGET(self->message_box);
    GtkWidget *box = gtk_bin_get_child(GTK_BIN(self->content_overlay));
    const char *view = gtk_stack_get_visible_child_name(GTK_STACK(self->machine_page));
    gboolean over = self->fullscreen && g_strcmp0(view, "display") == 0;
    GtkWidget *place = over ? self->content_overlay : box;
    int height = 0;

    g_object_get(vm_machine_page_get_display(self->machine_page), "bar-height", &height, NULL);
    gtk_widget_set_margin_top(messages, over ? MAX(height, EDGE) : 0);
    gtk_widget_set_valign(messages, over ? GTK_ALIGN_START : GTK_ALIGN_FILL);
    if (gtk_widget_get_parent(messages) == place) {
        return;
    }
    g_object_ref(messages);
    gtk_container_remove(GTK_CONTAINER(gtk_widget_get_parent(messages)), messages);
    if (over) {
        gtk_overlay_add_overlay(GTK_OVERLAY(place), messages);
        gtk_overlay_reorder_overlay(GTK_OVERLAY(place), messages, 0); /* the toast is above all */
    } else {
        gtk_box_pack_start(GTK_BOX(place), messages, FALSE, FALSE, 0);
        gtk_box_reorder_child(GTK_BOX(place), messages, 0);
    }
    g_object_unref(messages);
}

static gboolean
window_state_changed(VmWindow *self, GdkEventWindowState *event)
{
    self->maximized = (event->new_window_state & GDK_WINDOW_STATE_MAXIMIZED) != 0;
    self->fullscreen = (event->new_window_state & GDK_WINDOW_STATE_FULLSCREEN) != 0;
    vm_display_page_set_fullscreen(vm_machine_page_get_display(self->machine_page),
                                   self->fullscreen);
    /* The bar of the full screen slides from the same edge. */
    gtk_widget_set_margin_top(GTK_WIDGET(self->undo_toast), self->fullscreen ? BAR_HEIGHT : 0);
    place_messages(self);
    vm_window_update_actions(self);
    vm_window_layout_soon(self);
    return GDK_EVENT_PROPAGATE;
}

void
vm_window_setup_layout(VmWindow *self)
{
    self->sidebar_wanted = TRUE;
    gtk_widget_set_size_request(GTK_WIDGET(self->sidebar),
                                vm_text_scaled(GTK_WIDGET(self), SIDEBAR), -1);
    g_signal_connect(self, "window-state-event", G_CALLBACK(window_state_changed), NULL);
    g_signal_connect_object(vm_machine_page_get_display(self->machine_page), "notify::bar-height",
                            G_CALLBACK(place_messages), self, G_CONNECT_SWAPPED);
    g_signal_connect_object(self->machine_page, "notify::visible-child", G_CALLBACK(place_messages),
                            self, G_CONNECT_SWAPPED);
}

void
vm_window_show_content(VmWindow *self, gboolean content)
{
    self->show_content = content;
    vm_window_layout(self, 0);
}
