/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/clone-popover.h"

#include <glib/gi18n.h>

#include "manager/model/clone.h"

enum {
    NAME_CHARS = 24,
    TEXT_CHARS = 40,
};

struct question {
    GtkWidget *popover;
    GtkEntry *entry;
    GtkToggleButton *linked;
    GtkLabel *says;
    VmMachine *machine;
    char *full; /* what a full clone takes */
    VmCloneFunc done;
    gpointer data;
};

static void
confirmed(struct question *question)
{
    const char *text = gtk_entry_get_text(question->entry);

    if (text[0]) {
        question->done(question->machine, text,
                       gtk_toggle_button_get_active(question->linked) ? VM_CLONE_FLAGS_LINKED
                                                                      : VM_CLONE_FLAGS_NONE,
                       question->data);
        gtk_popover_popdown(GTK_POPOVER(question->popover));
    }
}

static gboolean
destroy_later(gpointer data)
{
    gtk_widget_destroy(GTK_WIDGET(data));
    return G_SOURCE_REMOVE;
}

/* GTK looks at the popover once more after the signal. */
static void
closed(GtkWidget *popover)
{
    g_idle_add_full(G_PRIORITY_DEFAULT, destroy_later, g_object_ref(popover), g_object_unref);
}

static void
question_free(gpointer data, GClosure *closure)
{
    struct question *question = data;

    g_object_unref(question->machine);
    g_free(question->full);
    g_free(question);
}

static void
toggled(struct question *question)
{
    gtk_label_set_text(question->says,
                       gtk_toggle_button_get_active(question->linked)
                           ? _("Nothing is copied. Both machines go on from the disks as they are "
                               "now; those stay, read-only, until both machines are deleted.")
                           : question->full);
}

/* What can be said before it begins; whether there is something to copy at all. */
static gboolean
look_at_full(struct question *question, VmStore *store)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *takes = NULL;
    g_autofree char *there = NULL;
    guint64 size = 0;
    guint64 room = 0;

    if (!vm_clone_look(store, question->machine, VM_CLONE_FLAGS_NONE, &size, &error)) {
        question->full = g_strdup(error->message);
        return TRUE;
    }
    takes = g_format_size(size);
    if (size == 0) {
        question->full = g_strdup(_("There is nothing to copy but settings."));
    } else if (!vm_clone_get_room(store, &room)) {
        question->full = g_strdup_printf(_("The disks are copied: up to %s."), takes);
    } else {
        there = g_format_size(room);
        /* Translators: two sizes, as “4.2 GB”. */
        question->full =
            g_strdup_printf(_("The disks are copied: up to %s; %s are free."), takes, there);
    }
    return size > 0;
}

static void
look_at_linked(struct question *question, VmStore *store, gboolean worth_it)
{
    g_autoptr(GError) error = NULL;
    guint64 size = 0;
    const gboolean can =
        vm_clone_look(store, question->machine, VM_CLONE_FLAGS_LINKED, &size, &error);
    GtkWidget *button = GTK_WIDGET(question->linked);

    gtk_widget_set_sensitive(button, can && worth_it);
    gtk_widget_set_tooltip_text(button, can ? NULL : error->message);
}

static GtkWidget *
make_line(struct question *question)
{
    GtkWidget *line = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 8);
    GtkWidget *button = gtk_button_new_with_mnemonic(_("_Apply"));
    g_autofree char *title = vm_clone_title(question->machine);

    question->entry = GTK_ENTRY(gtk_entry_new());
    gtk_entry_set_text(question->entry, title);
    gtk_entry_set_width_chars(question->entry, NAME_CHARS);
    gtk_entry_set_placeholder_text(question->entry, _("Name of the copy"));
    atk_object_set_name(gtk_widget_get_accessible(GTK_WIDGET(question->entry)),
                        _("Name of the copy"));
    gtk_style_context_add_class(gtk_widget_get_style_context(button), "suggested-action");
    gtk_box_pack_start(GTK_BOX(line), GTK_WIDGET(question->entry), TRUE, TRUE, 0);
    gtk_box_pack_start(GTK_BOX(line), button, FALSE, FALSE, 0);
    g_signal_connect_swapped(question->entry, "activate", G_CALLBACK(confirmed), question);
    g_signal_connect_swapped(button, "clicked", G_CALLBACK(confirmed), question);
    return line;
}

static GtkWidget *
make_text(struct question *question)
{
    GtkWidget *label = gtk_label_new(NULL);

    question->says = GTK_LABEL(label);
    gtk_label_set_line_wrap(question->says, TRUE);
    gtk_label_set_line_wrap_mode(question->says, PANGO_WRAP_WORD_CHAR);
    gtk_label_set_width_chars(question->says, TEXT_CHARS);
    gtk_label_set_max_width_chars(question->says, TEXT_CHARS);
    gtk_label_set_xalign(question->says, 0);
    return label;
}

void
vm_clone_popover_show(GtkWidget *relative_to, VmStore *store, VmMachine *machine, VmCloneFunc done,
                      gpointer data)
{
    struct question *question = g_new0(struct question, 1);
    GtkWidget *box = gtk_box_new(GTK_ORIENTATION_VERTICAL, 8);
    GtkWidget *linked = gtk_check_button_new_with_mnemonic(_("_Linked clone"));

    question->popover = gtk_popover_new(relative_to);
    question->linked = GTK_TOGGLE_BUTTON(linked);
    question->machine = g_object_ref(machine);
    question->done = done;
    question->data = data;
    gtk_container_add(GTK_CONTAINER(box), make_line(question));
    gtk_container_add(GTK_CONTAINER(box), linked);
    gtk_container_add(GTK_CONTAINER(box), make_text(question));
    g_object_set(box, "margin", 12, NULL);
    look_at_linked(question, store, look_at_full(question, store));
    toggled(question);
    gtk_container_add(GTK_CONTAINER(question->popover), box);
    gtk_widget_show_all(box);
    g_signal_connect_swapped(linked, "toggled", G_CALLBACK(toggled), question);
    g_signal_connect_data(question->popover, "closed", G_CALLBACK(closed), question, question_free,
                          0);
    gtk_popover_popup(GTK_POPOVER(question->popover));
    gtk_widget_grab_focus(GTK_WIDGET(question->entry));
}
