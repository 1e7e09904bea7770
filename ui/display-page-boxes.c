/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is over the display page's picture, or instead of it: off, waiting, paused. */
#include <glib/gi18n.h>

#include "ui/accessible.h"
#include "ui/beat.h"
#include "ui/display-page-private.h"
#include "ui/display-view.h"

enum {
    LAST_LINE_AFTER_S = 2,
    CONSOLE_BUTTON_AFTER_S = 10,
};

static gboolean
is_on(VmDisplayPage *self)
{
    return self->phase != VM_DISPLAY_OFF;
}

static gboolean
is_ready(VmDisplayPage *self)
{
    return self->connection && vm_connection_get_state(self->connection) == VM_CONNECTION_READY;
}

void
vm_display_page_update_accessible(VmDisplayPage *self)
{
    g_autofree char *name = g_strdup_printf(_("Display of %s"), self->title ? self->title : "");
    const char *description = _("Off");

    if (self->phase == VM_DISPLAY_PAUSED) {
        description = _("Paused");
    } else if (self->phase == VM_DISPLAY_LOST) {
        description = _("Not answering");
    } else if (vm_display_input_get_captured(self->input)) {
        description = _("Running, keyboard captured.");
    } else if (is_on(self)) {
        description = _("Running, keyboard released. Press Enter to control.");
    }
    vm_accessible_set_name(self->view, name);
    vm_accessible_set_description(self->view, description);
}

static gint64
seconds_waited(VmDisplayPage *self)
{
    return self->waits_since ? (g_get_monotonic_time() - self->waits_since) / G_USEC_PER_SEC : 0;
}

static void
update_wait_box(VmDisplayPage *self, gboolean picture)
{
    VmConsole *console = vm_display_view_get_console(VM_DISPLAY_VIEW(self->view));
    gboolean starting = self->phase == VM_DISPLAY_STARTING || !is_ready(self);
    gboolean no_display = !starting && !console;
    gboolean lost = starting && self->phase == VM_DISPLAY_LOST;
    gboolean spins = !no_display && !lost;
    const char *text = _("Starting…");
    gint64 waited = seconds_waited(self);

    if (lost) {
        text = _("Not connected");
    } else if (no_display) {
        text = _("This machine has no display");
    } else if (!starting) {
        text = _("Waiting for the first picture");
    }
    gtk_widget_set_visible(self->wait_box, is_on(self) && !picture);
    g_object_set(self->spinner, "visible", spins, "active", spins && !picture, NULL);
    gtk_label_set_text(GTK_LABEL(self->wait_label), text);
    gtk_widget_set_visible(self->last_line_label, !no_display && waited >= LAST_LINE_AFTER_S);
    gtk_widget_set_visible(self->show_console_button,
                           no_display || waited >= CONSOLE_BUTTON_AFTER_S);
    gtk_widget_set_visible(self->add_display_button, no_display);
}

void
vm_display_page_update_boxes(VmDisplayPage *self)
{
    gboolean picture = vm_display_view_get_has_picture(VM_DISPLAY_VIEW(self->view));

    gtk_widget_set_visible(self->off_box, self->phase == VM_DISPLAY_OFF);
    update_wait_box(self, picture);
    gtk_widget_set_visible(self->paused_button, self->phase == VM_DISPLAY_PAUSED);
    vm_display_view_set_faded(VM_DISPLAY_VIEW(self->view),
                              self->phase == VM_DISPLAY_PAUSED || self->phase == VM_DISPLAY_LOST);
    /* Keys are not for a machine that cannot take them: they would be lost. */
    vm_display_input_set_enabled(
        self->input, picture && is_ready(self) &&
                         (self->phase == VM_DISPLAY_RUNNING || self->phase == VM_DISPLAY_STARTING));
    vm_display_page_update_accessible(self);
}

static void
on_second(GtkWidget *widget)
{
    VmDisplayPage *self = VM_DISPLAY_PAGE(widget);

    vm_display_page_update_boxes(self);
    if (vm_display_view_get_has_picture(VM_DISPLAY_VIEW(self->view)) ||
        seconds_waited(self) >= CONSOLE_BUTTON_AFTER_S) {
        vm_beat_leave(widget);
    }
}

void
vm_display_page_restart_waiting(VmDisplayPage *self, gboolean wait)
{
    self->waits_since = wait ? g_get_monotonic_time() : 0;
    if (wait) {
        vm_beat_join(GTK_WIDGET(self), on_second);
    } else {
        vm_beat_leave(GTK_WIDGET(self));
    }
}

void
vm_display_page_wait_again(VmDisplayPage *self)
{
    if (self->waits_since) {
        vm_beat_join(GTK_WIDGET(self), on_second);
    }
}
