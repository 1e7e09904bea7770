/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/file-button.h"

static void
clicked(GtkEntry *entry)
{
    g_signal_emit_by_name(entry, "icon-press", GTK_ENTRY_ICON_SECONDARY, NULL);
}

/* What the container knows about the one child goes for the other. */
static void
take_place(GtkWidget *widget, GtkWidget *other)
{
    GtkContainer *container = GTK_CONTAINER(gtk_widget_get_parent(widget));
    guint count = 0;
    g_autofree GParamSpec **specs =
        gtk_container_class_list_child_properties(G_OBJECT_GET_CLASS(container), &count);
    g_autoptr(GArray) values = g_array_new(FALSE, TRUE, sizeof(GValue));

    g_array_set_clear_func(values, (GDestroyNotify)g_value_unset);
    g_array_set_size(values, count);
    for (guint i = 0; i < count; i++) {
        GValue *value = &g_array_index(values, GValue, i);

        g_value_init(value, specs[i]->value_type);
        gtk_container_child_get_property(container, widget, specs[i]->name, value);
    }
    gtk_container_remove(container, widget);
    gtk_container_add(container, other);
    for (guint i = 0; i < count; i++) {
        gtk_container_child_set_property(container, other, specs[i]->name,
                                         &g_array_index(values, GValue, i));
    }
}

void
vm_file_button_add(GtkEntry *entry)
{
    GtkWidget *box = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 0);
    GtkWidget *button = gtk_button_new_from_icon_name(
        gtk_entry_get_icon_name(entry, GTK_ENTRY_ICON_SECONDARY), GTK_ICON_SIZE_BUTTON);
    g_autofree char *words = gtk_entry_get_icon_tooltip_text(entry, GTK_ENTRY_ICON_SECONDARY);
    g_autofree char *name = g_strdup_printf(
        "%s: %s", atk_object_get_name(gtk_widget_get_accessible(GTK_WIDGET(entry))), words);

    gtk_entry_set_icon_from_icon_name(entry, GTK_ENTRY_ICON_SECONDARY, NULL);
    gtk_widget_set_tooltip_text(button, words);
    atk_object_set_name(gtk_widget_get_accessible(button), name);
    g_signal_connect_object(button, "clicked", G_CALLBACK(clicked), entry, G_CONNECT_SWAPPED);
    gtk_style_context_add_class(gtk_widget_get_style_context(box), "linked");
    gtk_widget_set_valign(box, GTK_ALIGN_CENTER);
    g_object_ref(entry);
    take_place(GTK_WIDGET(entry), box);
    gtk_box_pack_start(GTK_BOX(box), GTK_WIDGET(entry), TRUE, TRUE, 0);
    gtk_box_pack_start(GTK_BOX(box), button, FALSE, FALSE, 0);
    g_object_unref(entry);
    gtk_widget_show(button);
    gtk_widget_show(box);
}
