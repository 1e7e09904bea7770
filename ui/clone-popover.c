/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/clone-popover.h"

#include <glib/gi18n.h>

#include "ui/clone-choice.h"

struct question {
    GtkWidget *popover;
    VmCloneChoice *choice;
    VmCloneFunc done;
    gpointer data;
};

static void
confirmed(struct question *question)
{
    VmCloneChoice *choice = question->choice;

    if (vm_clone_choice_is_good(choice)) {
        question->done(vm_clone_choice_get_machine(choice), vm_clone_choice_get_title(choice),
                       vm_clone_choice_get_flags(choice), question->data);
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
    g_free(data);
}

void
vm_clone_popover_show(GtkWidget *relative_to, VmStore *store, VmMachine *machine, VmCloneFunc done,
                      gpointer data)
{
    struct question *question = g_new0(struct question, 1);
    GtkWidget *choice = vm_clone_choice_new();
    GtkWidget *button = gtk_button_new_with_mnemonic(_("_Apply"));

    question->popover = gtk_popover_new(relative_to);
    question->choice = VM_CLONE_CHOICE(choice);
    question->done = done;
    question->data = data;
    gtk_style_context_add_class(gtk_widget_get_style_context(button), "suggested-action");
    gtk_widget_show(button);
    vm_clone_choice_add_button(question->choice, button);
    vm_clone_choice_set_machine(question->choice, store, machine);
    g_object_set(choice, "margin", 12, "visible", TRUE, NULL);
    gtk_container_add(GTK_CONTAINER(question->popover), choice);
    g_signal_connect_swapped(button, "clicked", G_CALLBACK(confirmed), question);
    g_signal_connect_swapped(choice, "confirmed", G_CALLBACK(confirmed), question);
    g_signal_connect_data(question->popover, "closed", G_CALLBACK(closed), question, question_free,
                          0);
    gtk_popover_popup(GTK_POPOVER(question->popover));
    vm_clone_choice_focus(question->choice);
}
