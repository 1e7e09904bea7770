/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/fullscreen-bar.h"

#include "ui/keys-popover.h"

enum {
    EDGE_PX = 2,
    EDGE_DELAY_MS = 300,
    HIDE_DELAY_MS = 1500,
    ENTER_SECONDS = 3,
};

struct _VmFullscreenBar {
    GtkRevealer parent_instance;
    GtkWidget *event_box;
    GtkWidget *title_label;
    GtkWidget *osd_box;
    GtkWidget *keys_button;
    GtkWidget *screenshot_button;
    GtkWidget *previous_button;
    GtkWidget *next_button;
    GtkWidget *shut_down_button;
    GtkWidget *more_button; /* has those four where there is no room for them */
    GtkWidget *pin_button;
    GtkWidget *popover;
    gboolean active;
    gboolean pointer_inside;
    gboolean folded;
    int whole_width; /* that it needs with all its buttons */
    guint show_source;
    guint hide_source;
};

G_DEFINE_FINAL_TYPE(VmFullscreenBar, vm_fullscreen_bar, GTK_TYPE_REVEALER)

static gboolean
must_stay(VmFullscreenBar *self)
{
    GtkWidget *top = gtk_widget_get_toplevel(GTK_WIDGET(self));
    GtkWidget *focus = GTK_IS_WINDOW(top) ? gtk_window_get_focus(GTK_WINDOW(top)) : NULL;

    return self->pointer_inside || gtk_widget_get_visible(self->popover) ||
           gtk_toggle_button_get_active(GTK_TOGGLE_BUTTON(self->more_button)) ||
           gtk_toggle_button_get_active(GTK_TOGGLE_BUTTON(self->pin_button)) ||
           (focus && gtk_widget_is_ancestor(focus, GTK_WIDGET(self)));
}

static void schedule_hide(VmFullscreenBar *self, guint delay_ms);

static gboolean
on_hide_timeout(gpointer data)
{
    VmFullscreenBar *self = data;

    self->hide_source = 0;
    if (must_stay(self)) {
        schedule_hide(self, HIDE_DELAY_MS);
    } else {
        gtk_revealer_set_reveal_child(GTK_REVEALER(self), FALSE);
    }
    return G_SOURCE_REMOVE;
}

static void
schedule_hide(VmFullscreenBar *self, guint delay_ms)
{
    g_clear_handle_id(&self->hide_source, g_source_remove);
    self->hide_source = g_timeout_add(delay_ms, on_hide_timeout, self);
}

void
vm_fullscreen_bar_peek(VmFullscreenBar *self, guint seconds)
{
    g_return_if_fail(VM_IS_FULLSCREEN_BAR(self));

    if (self->active) {
        gtk_revealer_set_reveal_child(GTK_REVEALER(self), TRUE);
        schedule_hide(self, seconds * 1000);
    }
}

void
vm_fullscreen_bar_show_keys(VmFullscreenBar *self)
{
    g_return_if_fail(VM_IS_FULLSCREEN_BAR(self));

    vm_fullscreen_bar_peek(self, ENTER_SECONDS);
    gtk_popover_popup(GTK_POPOVER(self->popover));
}

void
vm_fullscreen_bar_set_settings(VmFullscreenBar *self, GSettings *settings)
{
    g_return_if_fail(VM_IS_FULLSCREEN_BAR(self));
    vm_keys_popover_set_settings(VM_KEYS_POPOVER(self->popover), settings);
}

static gboolean
on_show_timeout(gpointer data)
{
    VmFullscreenBar *self = data;

    self->show_source = 0;
    vm_fullscreen_bar_peek(self, HIDE_DELAY_MS / 1000 + 1);
    return G_SOURCE_REMOVE;
}

void
vm_fullscreen_bar_pointer_at(VmFullscreenBar *self, double y)
{
    g_return_if_fail(VM_IS_FULLSCREEN_BAR(self));

    if (y >= EDGE_PX || !self->active) {
        g_clear_handle_id(&self->show_source, g_source_remove);
    } else if (self->show_source == 0 && !gtk_revealer_get_reveal_child(GTK_REVEALER(self))) {
        self->show_source = g_timeout_add(EDGE_DELAY_MS, on_show_timeout, self);
    }
}

void
vm_fullscreen_bar_set_active(VmFullscreenBar *self, gboolean active)
{
    g_return_if_fail(VM_IS_FULLSCREEN_BAR(self));

    self->active = active;
    if (active) {
        vm_fullscreen_bar_peek(self, ENTER_SECONDS);
    } else {
        g_clear_handle_id(&self->show_source, g_source_remove);
        g_clear_handle_id(&self->hide_source, g_source_remove);
        gtk_revealer_set_reveal_child(GTK_REVEALER(self), FALSE);
    }
}

void
vm_fullscreen_bar_set_title(VmFullscreenBar *self, const char *title)
{
    g_return_if_fail(VM_IS_FULLSCREEN_BAR(self));

    gtk_label_set_text(GTK_LABEL(self->title_label), title);
    vm_keys_popover_set_title(VM_KEYS_POPOVER(self->popover), title);
}

void
vm_fullscreen_bar_fit(VmFullscreenBar *self, int width)
{
    GtkWidget *buttons[] = {self->screenshot_button, self->previous_button, self->next_button,
                            self->shut_down_button};
    gboolean folded = FALSE;

    g_return_if_fail(VM_IS_FULLSCREEN_BAR(self));

    if (!self->folded) {
        gtk_widget_get_preferred_width(self->osd_box, &self->whole_width, NULL);
    }
    folded = self->whole_width > width;
    if (folded != self->folded) {
        self->folded = folded;
        for (guint i = 0; i < G_N_ELEMENTS(buttons); i++) {
            gtk_widget_set_visible(buttons[i], !folded);
        }
        gtk_widget_set_visible(self->more_button, folded);
    }
}

static gboolean
on_crossing(VmFullscreenBar *self, GdkEventCrossing *event)
{
    if (event->detail != GDK_NOTIFY_INFERIOR) {
        self->pointer_inside = event->type == GDK_ENTER_NOTIFY;
        if (self->active) {
            schedule_hide(self, HIDE_DELAY_MS);
        }
    }
    return GDK_EVENT_PROPAGATE;
}

/* The revealer keeps one row of pixels at the edge while it is closed, which the view never sees. */
static gboolean
on_edge(VmFullscreenBar *self)
{
    vm_fullscreen_bar_pointer_at(self, 0);
    return GDK_EVENT_PROPAGATE;
}

static void
vm_fullscreen_bar_dispose(GObject *object)
{
    VmFullscreenBar *self = VM_FULLSCREEN_BAR(object);

    g_clear_handle_id(&self->show_source, g_source_remove);
    g_clear_handle_id(&self->hide_source, g_source_remove);
    G_OBJECT_CLASS(vm_fullscreen_bar_parent_class)->dispose(object);
}

static void
vm_fullscreen_bar_class_init(VmFullscreenBarClass *klass)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(klass);

    G_OBJECT_CLASS(klass)->dispose = vm_fullscreen_bar_dispose;
    gtk_widget_class_set_template_from_resource(widget_class,
                                                "/org/vitrine/Vitrine/ui/fullscreen-bar.ui");
    gtk_widget_class_bind_template_child(widget_class, VmFullscreenBar, event_box);
    gtk_widget_class_bind_template_child(widget_class, VmFullscreenBar, title_label);
    gtk_widget_class_bind_template_child(widget_class, VmFullscreenBar, keys_button);
    gtk_widget_class_bind_template_child(widget_class, VmFullscreenBar, osd_box);
    gtk_widget_class_bind_template_child(widget_class, VmFullscreenBar, screenshot_button);
    gtk_widget_class_bind_template_child(widget_class, VmFullscreenBar, previous_button);
    gtk_widget_class_bind_template_child(widget_class, VmFullscreenBar, next_button);
    gtk_widget_class_bind_template_child(widget_class, VmFullscreenBar, shut_down_button);
    gtk_widget_class_bind_template_child(widget_class, VmFullscreenBar, more_button);
    gtk_widget_class_bind_template_child(widget_class, VmFullscreenBar, pin_button);
}

static void
vm_fullscreen_bar_init(VmFullscreenBar *self)
{
    gtk_widget_init_template(GTK_WIDGET(self));
    gtk_widget_add_events(GTK_WIDGET(self), GDK_ENTER_NOTIFY_MASK | GDK_POINTER_MOTION_MASK);
    g_signal_connect(self, "enter-notify-event", G_CALLBACK(on_edge), NULL);
    g_signal_connect(self, "motion-notify-event", G_CALLBACK(on_edge), NULL);
    self->popover = vm_keys_popover_new();
    gtk_menu_button_set_popover(GTK_MENU_BUTTON(self->keys_button), self->popover);
    g_signal_connect_swapped(self->event_box, "enter-notify-event", G_CALLBACK(on_crossing), self);
    g_signal_connect_swapped(self->event_box, "leave-notify-event", G_CALLBACK(on_crossing), self);
}

GtkWidget *
vm_fullscreen_bar_new(void)
{
    return g_object_new(VM_TYPE_FULLSCREEN_BAR, NULL);
}
