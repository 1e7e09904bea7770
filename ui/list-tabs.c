/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/list-tabs.h"

#include "ui/group-heading.h"

/* Tab stops at place 2 i, the heading above row i, and at 2 i + 1, the row, when it is the chosen one. */
static int
focused_place(GtkListBox *list, GtkWidget *focus)
{
    GtkWidget *row = gtk_widget_get_ancestor(focus, GTK_TYPE_LIST_BOX_ROW);
    GtkWidget *heading = gtk_widget_get_ancestor(focus, VM_TYPE_GROUP_HEADING);
    GtkListBoxRow *at = NULL;

    if (!heading) {
        return row ? 2 * gtk_list_box_row_get_index(GTK_LIST_BOX_ROW(row)) + 1 : -1;
    }
    for (int i = 0; (at = gtk_list_box_get_row_at_index(list, i)) != NULL; i++) {
        if (gtk_list_box_row_get_header(at) == heading) {
            return 2 * i;
        }
    }
    return -1;
}

static int
last_place(GtkListBox *list)
{
    int i = 0;

    while (gtk_list_box_get_row_at_index(list, i)) {
        i++;
    }
    return 2 * i;
}

GtkListBoxRow *
vm_list_tabs_chosen(GtkListBox *list)
{
    GtkListBoxRow *row = gtk_list_box_get_selected_row(list);

    return row ? row : gtk_list_box_get_row_at_index(list, 0);
}

static gboolean
focus_place(GtkListBox *list, int place, GtkDirectionType direction)
{
    GtkListBoxRow *row = gtk_list_box_get_row_at_index(list, place / 2);
    GtkWidget *heading = gtk_list_box_row_get_header(row);

    if (place % 2 == 0) {
        return heading && gtk_widget_get_mapped(heading) &&
               gtk_widget_child_focus(heading, direction);
    }
    if (row != vm_list_tabs_chosen(list) || !gtk_widget_get_mapped(GTK_WIDGET(row))) {
        return FALSE;
    }
    gtk_widget_grab_focus(GTK_WIDGET(row));
    return TRUE;
}

gboolean
vm_list_tabs_focus(GtkWidget *widget, GtkDirectionType direction)
{
    GtkListBox *list = GTK_LIST_BOX(widget);
    GtkWidget *focus = gtk_window_get_focus(GTK_WINDOW(gtk_widget_get_toplevel(widget)));
    gboolean inside = focus && gtk_widget_is_ancestor(focus, widget);
    int end = last_place(list);
    int step = direction == GTK_DIR_TAB_FORWARD ? 1 : -1;
    int at = step > 0 ? -1 : end;

    if (direction != GTK_DIR_TAB_FORWARD && direction != GTK_DIR_TAB_BACKWARD) {
        return GDK_EVENT_PROPAGATE;
    }
    if (inside) {
        at = focused_place(list, focus);
    }
    for (at += step; at >= 0 && at < end; at += step) {
        if (focus_place(list, at, direction)) {
            return GDK_EVENT_STOP;
        }
    }
    g_signal_stop_emission_by_name(list, "focus");
    return GDK_EVENT_PROPAGATE;
}

/* The row that the cursor comes to; NULL: GTK's own way. */
static GtkListBoxRow *
destination(GtkListBox *list, GtkMovementStep step, int count)
{
    GtkWidget *at = gtk_container_get_focus_child(GTK_CONTAINER(list));
    int place = 0;
    GtkListBoxRow *row = NULL;

    if (step == GTK_MOVEMENT_BUFFER_ENDS) {
        place = count < 0 ? -1 : last_place(list) / 2;
        count = -count;
    } else if (step == GTK_MOVEMENT_DISPLAY_LINES && GTK_IS_LIST_BOX_ROW(at)) {
        place = gtk_list_box_row_get_index(GTK_LIST_BOX_ROW(at));
    } else {
        return NULL;
    }
    do {
        place += count < 0 ? -1 : 1;
        row = gtk_list_box_get_row_at_index(list, place);
    } while (row && !gtk_widget_get_child_visible(GTK_WIDGET(row)));
    return row && gtk_list_box_row_get_selectable(row) ? row : NULL;
}

static void
cursor_moved(GtkListBox *list, GtkMovementStep step, int count)
{
    GdkModifierType state = 0;
    GtkListBoxRow *row = NULL;

    (void)gtk_get_current_event_state(&state);
    if ((state & (GDK_CONTROL_MASK | GDK_SHIFT_MASK)) == 0) {
        row = destination(list, step, count);
    }
    if (row) {
        gtk_list_box_select_row(list, row);
        gtk_widget_grab_focus(GTK_WIDGET(row));
        g_signal_stop_emission_by_name(list, "move-cursor");
    }
}

static void
tell_row(GtkWidget *row, gpointer data)
{
    const gboolean selected = gtk_list_box_row_is_selected(GTK_LIST_BOX_ROW(row));
    const gboolean told = g_object_get_data(G_OBJECT(row), "told-selected") != NULL;

    (void)data;
    if (selected != told) {
        g_object_set_data(G_OBJECT(row), "told-selected", GINT_TO_POINTER(selected));
        atk_object_notify_state_change(gtk_widget_get_accessible(row), ATK_STATE_SELECTED,
                                       selected);
    }
}

static void
selection_changed(GtkListBox *list)
{
    gtk_container_foreach(GTK_CONTAINER(list), tell_row, NULL);
}

void
vm_list_tabs_tell(GtkListBox *list)
{
    g_signal_connect(list, "selected-rows-changed", G_CALLBACK(selection_changed), NULL);
    g_signal_connect(list, "move-cursor", G_CALLBACK(cursor_moved), NULL);
}
