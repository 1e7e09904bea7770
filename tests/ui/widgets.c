/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/ui/widgets.h"

static gboolean
wake(gpointer data)
{
    *(gboolean *)data = TRUE;
    return G_SOURCE_REMOVE;
}

void
run_for(guint ms)
{
    gboolean over = FALSE;

    g_timeout_add(ms, wake, &over);
    while (!over) {
        g_main_context_iteration(NULL, TRUE);
    }
}

GtkWidget *
find_type(GtkWidget *widget, GType type)
{
    g_autoptr(GList) children = NULL;
    GtkWidget *found = g_type_is_a(G_OBJECT_TYPE(widget), type) ? widget : NULL;

    if (!found && GTK_IS_CONTAINER(widget)) {
        children = gtk_container_get_children(GTK_CONTAINER(widget));
        for (GList *at = children; at && !found; at = at->next) {
            found = find_type(at->data, type);
        }
    }
    return found;
}
