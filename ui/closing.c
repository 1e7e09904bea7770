/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/closing.h"

static gboolean
destroy(gpointer widget)
{
    gtk_widget_destroy(GTK_WIDGET(widget));
    return G_SOURCE_REMOVE;
}

static void
closed(GtkWidget *widget)
{
    g_idle_add_full(G_PRIORITY_LOW, destroy, g_object_ref(widget), g_object_unref);
}

void
vm_closing_destroys(GtkWidget *widget, const char *signal)
{
    g_signal_connect(widget, signal, G_CALLBACK(closed), NULL);
}
