/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/clone-popover.h"

#include <glib/gi18n.h>

#include "ui/clone-choice.h"
#include "ui/closing.h"

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
    g_object_set_data_full(G_OBJECT(question->popover), "question", question, g_free);
    vm_closing_destroys(question->popover, "closed");
    gtk_popover_popup(GTK_POPOVER(question->popover));
    vm_clone_choice_focus(question->choice);
}
