/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/console-links.h"

#include <glib/gi18n.h>

#include "manager/model/link.h"

#define PCRE2_CODE_UNIT_WIDTH 0
#include <pcre2.h>

#define TIP_WIDTH 60

/* Ends before what closes a sentence or a bracket. */
#define PATTERN                                                                \
    "(?<![A-Za-z0-9])(?:(?:https?|ftp)://[A-Za-z0-9\\[]"                       \
    "(?:[A-Za-z0-9\\-._~:/?#\\[\\]@!$&'()*+,;=%]*[A-Za-z0-9\\-_~/#&*+=%\\]])?" \
    "|mailto:[A-Za-z0-9.\\-_+]+@(?:[A-Za-z0-9.\\-]*[A-Za-z0-9]))"

struct VmConsoleLinks {
    VteTerminal *terminal;
    VmConsoleLinksOpen open;
    gpointer data;
    GdkEvent *motion; /* the pointer's last */
    char *shown;      /* the address in the tip, NULL: none */
};

static char *
address_at(VmConsoleLinks *self, GdkEvent *event)
{
    int tag = -1;
    g_autofree char *text = vte_terminal_match_check_event(self->terminal, event, &tag);

    return text && vm_link_is_safe(text) ? g_steal_pointer(&text) : NULL;
}

/* Lines of TIP_WIDTH: an address has no place where a tip would break it. */
static char *
tip_text(const char *address)
{
    GString *text = g_string_new(NULL);

    for (gsize i = 0; address[i]; i++) {
        if (i > 0 && i % TIP_WIDTH == 0) {
            g_string_append_c(text, '\n');
        }
        g_string_append_c(text, address[i]);
    }
    g_string_append_c(text, '\n');
    g_string_append(text, _("Ctrl and click to open"));
    return g_string_free(text, FALSE);
}

/* Takes address, which may be NULL; a reader gets it as well. */
static void
set_shown(VmConsoleLinks *self, char *address)
{
    AtkObject *accessible = gtk_widget_get_accessible(GTK_WIDGET(self->terminal));
    g_autofree char *text = address ? tip_text(address) : NULL;

    if (g_strcmp0(address, self->shown) != 0) {
        atk_object_set_description(accessible, text ? text : "");
    }
    g_free(self->shown);
    self->shown = address;
}

static gboolean
pointer_moved(VmConsoleLinks *self, GdkEvent *event)
{
    g_autofree char *address = address_at(self, event);

    g_clear_pointer(&self->motion, gdk_event_free);
    self->motion = gdk_event_copy(event);
    if (g_strcmp0(address, self->shown) != 0) {
        set_shown(self, NULL);
    }
    return GDK_EVENT_PROPAGATE;
}

static gboolean
pointer_left(VmConsoleLinks *self)
{
    g_clear_pointer(&self->motion, gdk_event_free);
    set_shown(self, NULL);
    return GDK_EVENT_PROPAGATE;
}

/* NOLINTBEGIN(readability-function-size): the shape of the signal */
static gboolean
tip_asked(VmConsoleLinks *self, int x, int y, gboolean keyboard, GtkTooltip *tooltip)
{
    g_autofree char *text = NULL;

    set_shown(self, keyboard || !self->motion ? NULL : address_at(self, self->motion));
    if (self->shown) {
        text = tip_text(self->shown);
        gtk_tooltip_set_text(tooltip, text);
    }
    return self->shown != NULL;
}
/* NOLINTEND(readability-function-size) */

static gboolean
pressed(VmConsoleLinks *self, GdkEvent *event)
{
    GdkModifierType state = event->button.state & gtk_accelerator_get_default_mod_mask();
    g_autofree char *address = NULL;

    if (event->type != GDK_BUTTON_PRESS || event->button.button != GDK_BUTTON_PRIMARY ||
        state != GDK_CONTROL_MASK) {
        return GDK_EVENT_PROPAGATE;
    }
    address = address_at(self, event);
    if (!address) {
        return GDK_EVENT_PROPAGATE;
    }
    if (g_strcmp0(address, self->shown) == 0) {
        self->open(address, event->button.time, self->data);
        set_shown(self, NULL); /* a press hides the tip */
    }
    return GDK_EVENT_STOP;
}

VmConsoleLinks *
vm_console_links_new(VteTerminal *terminal, VmConsoleLinksOpen open, gpointer data)
{
    VmConsoleLinks *self = g_new0(VmConsoleLinks, 1);
    g_autoptr(VteRegex) regex = vte_regex_new_for_match(
        PATTERN, -1, PCRE2_UTF | PCRE2_MULTILINE | PCRE2_CASELESS | PCRE2_NO_UTF_CHECK, NULL);
    GtkWidget *widget = GTK_WIDGET(terminal);

    self->terminal = terminal;
    self->open = open;
    self->data = data;
    vte_terminal_match_set_cursor_name(terminal, vte_terminal_match_add_regex(terminal, regex, 0),
                                       "pointer");
    gtk_widget_set_has_tooltip(widget, TRUE);
    g_signal_connect_swapped(widget, "motion-notify-event", G_CALLBACK(pointer_moved), self);
    g_signal_connect_swapped(widget, "leave-notify-event", G_CALLBACK(pointer_left), self);
    g_signal_connect_swapped(widget, "query-tooltip", G_CALLBACK(tip_asked), self);
    g_signal_connect_swapped(widget, "button-press-event", G_CALLBACK(pressed), self);
    return self;
}

void
vm_console_links_free(VmConsoleLinks *self)
{
    g_signal_handlers_disconnect_by_data(self->terminal, self);
    g_clear_pointer(&self->motion, gdk_event_free);
    g_free(self->shown);
    g_free(self);
}
