/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/accessible.h"

#include <glib/gi18n.h>

void
vm_accessible_set_name(GtkWidget *widget, const char *name)
{
    AtkObject *accessible = gtk_widget_get_accessible(widget);

    if (g_strcmp0(atk_object_get_name(accessible), name) != 0) {
        atk_object_set_name(accessible, name);
    }
}

void
vm_accessible_set_description(GtkWidget *widget, const char *description)
{
    AtkObject *accessible = gtk_widget_get_accessible(widget);

    if (g_strcmp0(atk_object_get_description(accessible), description) != 0) {
        atk_object_set_description(accessible, description);
    }
}

void
vm_accessible_appear(GtkWidget *widget)
{
    GtkWidget *window = gtk_widget_get_toplevel(widget);
    GtkWidget *focus = GTK_IS_WINDOW(window) ? gtk_window_get_focus(GTK_WINDOW(window)) : NULL;

    if (gtk_widget_get_mapped(widget) && !(focus && gtk_widget_is_ancestor(focus, widget))) {
        gtk_widget_hide(widget);
    }
    gtk_widget_show(widget);
}

void
vm_accessible_set_group(GtkListBox *list)
{
    atk_object_set_role(gtk_widget_get_accessible(GTK_WIDGET(list)), ATK_ROLE_GROUPING);
}

static void
mark_changed(GtkWidget *mark)
{
    GtkWidget *row = gtk_widget_get_ancestor(mark, GTK_TYPE_LIST_BOX_ROW);

    vm_accessible_set_description(row, gtk_widget_get_opacity(mark) > 0 ? _("Chosen") : "");
}

void
vm_accessible_tell_mark(GtkWidget *mark)
{
    g_signal_connect(mark, "notify::opacity", G_CALLBACK(mark_changed), NULL);
    mark_changed(mark);
}
