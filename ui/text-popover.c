/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/text-popover.h"

#include <glib/gi18n.h>

#include "ui/closing.h"

struct question {
    GtkWidget *popover;
    GtkEntry *entry;
    gboolean may_be_empty;
    VmTextFunc done;
    gpointer data;
};

static void
confirmed(struct question *question)
{
    const char *text = gtk_entry_get_text(question->entry);

    if (text[0] || question->may_be_empty) {
        question->done(text, question->data);
        gtk_popover_popdown(GTK_POPOVER(question->popover));
    }
}

void
vm_text_popover_show(GtkWidget *relative_to, const char *title, const char *text,
                     gboolean may_be_empty, VmTextFunc done, gpointer data)
{
    struct question *question = g_new0(struct question, 1);
    GtkWidget *box = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 8);
    GtkWidget *button = gtk_button_new_with_mnemonic(_("_Apply"));

    question->popover = gtk_popover_new(relative_to);
    question->entry = GTK_ENTRY(gtk_entry_new());
    question->may_be_empty = may_be_empty;
    question->done = done;
    question->data = data;
    gtk_entry_set_text(question->entry, text);
    gtk_entry_set_width_chars(question->entry, 24);
    gtk_entry_set_placeholder_text(question->entry, title);
    atk_object_set_name(gtk_widget_get_accessible(GTK_WIDGET(question->entry)), title);
    gtk_style_context_add_class(gtk_widget_get_style_context(button), "suggested-action");
    gtk_box_pack_start(GTK_BOX(box), GTK_WIDGET(question->entry), TRUE, TRUE, 0);
    gtk_box_pack_start(GTK_BOX(box), button, FALSE, FALSE, 0);
    g_object_set(box, "margin", 12, NULL);
    gtk_container_add(GTK_CONTAINER(question->popover), box);
    gtk_widget_show_all(box);
    g_signal_connect_swapped(question->entry, "activate", G_CALLBACK(confirmed), question);
    g_signal_connect_swapped(button, "clicked", G_CALLBACK(confirmed), question);
    g_object_set_data_full(G_OBJECT(question->popover), "question", question, g_free);
    vm_closing_destroys(question->popover, "closed");
    gtk_popover_popup(GTK_POPOVER(question->popover));
    gtk_widget_grab_focus(GTK_WIDGET(question->entry));
}
