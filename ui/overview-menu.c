/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/overview-menu.h"

#include <glib/gi18n.h>

#include "ui/closing.h"

static const struct {
    const char *what;
    const char *title;
    gboolean needs_off;
    gboolean needs_running;
} items[] = {
    {"start", N_("Start"), TRUE, FALSE},
    {"shut-down", N_("Shut down"), FALSE, TRUE},
    {"group", N_("Group…"), FALSE, FALSE},
    {"delete", N_("Delete"), TRUE, FALSE},
};

static void
chosen(GtkMenuItem *item, VmOverviewMenuFunc done)
{
    GtkMenu *menu = GTK_MENU(gtk_widget_get_parent(GTK_WIDGET(item)));
    GtkWidget *tree = gtk_menu_get_attach_widget(menu);

    done(gtk_widget_get_ancestor(tree, GTK_TYPE_BOX), g_object_get_data(G_OBJECT(item), "what"));
}

static void
pop_up(GtkTreeView *tree, GtkMenu *menu, const GdkEvent *event)
{
    GtkTreePath *path = NULL;
    GdkRectangle cell = {0, 0, 1, 1};

    if (event && event->type == GDK_BUTTON_PRESS) {
        gtk_menu_popup_at_pointer(menu, event);
        return;
    }
    gtk_tree_view_get_cursor(tree, &path, NULL);
    gtk_tree_view_get_cell_area(tree, path, gtk_tree_view_get_column(tree, 0), &cell);
    gtk_tree_path_free(path);
    gtk_menu_popup_at_rect(menu, gtk_tree_view_get_bin_window(tree), &cell, GDK_GRAVITY_SOUTH_WEST,
                           GDK_GRAVITY_NORTH_WEST, event);
    gtk_menu_shell_select_first(GTK_MENU_SHELL(menu), TRUE);
}

void
vm_overview_menu_show(GtkTreeView *tree, const GdkEvent *event, gboolean some_off,
                      gboolean some_run, VmOverviewMenuFunc done)
{
    GtkWidget *menu = gtk_menu_new();

    gtk_menu_attach_to_widget(GTK_MENU(menu), GTK_WIDGET(tree), NULL);
    for (guint i = 0; i < G_N_ELEMENTS(items); i++) {
        GtkWidget *item = gtk_menu_item_new_with_label(_(items[i].title));
        g_object_set_data(G_OBJECT(item), "what", (gpointer)items[i].what);
        gtk_widget_set_sensitive(item, (!items[i].needs_off || some_off) &&
                                           (!items[i].needs_running || some_run));
        g_signal_connect(item, "activate", G_CALLBACK(chosen), (gpointer)done);
        gtk_menu_shell_append(GTK_MENU_SHELL(menu), item);
    }
    gtk_widget_show_all(menu);
    vm_closing_destroys(menu, "selection-done");
    pop_up(tree, GTK_MENU(menu), event);
}
