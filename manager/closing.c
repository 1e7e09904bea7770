/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/closing.h"

#include <glib/gi18n.h>

enum {
    LOOK_MS = 200,
    STUBBORN_SECONDS = 60,
    RESPONSE_SHUT_DOWN = 1,
    RESPONSE_KEEP = 2,
    RESPONSE_FORCE = 3,
};

typedef struct {
    VmStore *store;
    GtkWidget *dialog;
    gint64 since;
    guint timer;
    gboolean stubborn; /* the way out is offered */
    VmClosingFunc done;
    gpointer data;
} Closing;

static VmMachine *
next_running(VmStore *store, guint *at)
{
    GListModel *machines = G_LIST_MODEL(store);

    for (; *at < g_list_model_get_n_items(machines); (*at)++) {
        g_autoptr(VmMachine) machine = g_list_model_get_item(machines, *at);
        /* What was started elsewhere is somebody else's to stop. */
        if (vm_machine_is_active(machine) && !vm_machine_is_found(machine)) {
            (*at)++;
            return machine; /* the store holds it */
        }
    }
    return NULL;
}

guint
vm_closing_count(VmStore *store)
{
    guint at = 0;
    guint running = 0;

    while (next_running(store, &at)) {
        running++;
    }
    return running;
}

static void
finish(Closing *closing, VmClosingEnd end)
{
    g_clear_handle_id(&closing->timer, g_source_remove);
    gtk_widget_destroy(closing->dialog);
    closing->done(end, closing->data);
    g_object_unref(closing->store);
    g_free(closing);
}

static void
force_all(Closing *closing)
{
    guint at = 0;

    for (VmMachine *machine = NULL; (machine = next_running(closing->store, &at));) {
        vm_machine_force_off(machine);
    }
    gtk_dialog_set_response_sensitive(GTK_DIALOG(closing->dialog), RESPONSE_FORCE, FALSE);
}

static void
wait_answered(GtkDialog *dialog, int response, Closing *closing)
{
    if (response == RESPONSE_FORCE) {
        force_all(closing);
    } else {
        finish(closing, response == RESPONSE_KEEP ? VM_CLOSING_KEEP : VM_CLOSING_CANCELLED);
    }
}

static void
offer_way_out(Closing *closing)
{
    guint running = vm_closing_count(closing->store);
    guint at = 0;
    VmMachine *first = next_running(closing->store, &at);
    g_autofree char *text =
        running == 1
            ? g_strdup_printf(_("\342\201\250%s\342\201\251 still runs"),
                              vm_machine_get_title(first))
            : g_strdup_printf(ngettext("%u machine still runs", "%u machines still run", running),
                              running);

    closing->stubborn = TRUE;
    g_object_set(closing->dialog, "text", text, NULL);
    gtk_dialog_add_buttons(GTK_DIALOG(closing->dialog), _("_Keep them running"), RESPONSE_KEEP,
                           _("_Force off"), RESPONSE_FORCE, NULL);
    gtk_style_context_add_class(gtk_widget_get_style_context(gtk_dialog_get_widget_for_response(
                                    GTK_DIALOG(closing->dialog), RESPONSE_FORCE)),
                                "destructive-action");
}

static gboolean
look(gpointer data)
{
    Closing *closing = data;
    guint running = vm_closing_count(closing->store);

    if (running == 0) {
        closing->timer = 0;
        finish(closing, VM_CLOSING_ALL_OFF);
        return G_SOURCE_REMOVE;
    }
    if (!closing->stubborn &&
        g_get_monotonic_time() - closing->since > STUBBORN_SECONDS * G_TIME_SPAN_SECOND) {
        offer_way_out(closing);
    }
    return G_SOURCE_CONTINUE;
}

static void
shut_down(Closing *closing, GtkWindow *window)
{
    guint running = vm_closing_count(closing->store);
    guint at = 0;

    for (VmMachine *machine = NULL; (machine = next_running(closing->store, &at));) {
        vm_machine_shut_down(machine);
    }
    closing->dialog = gtk_message_dialog_new(
        window, GTK_DIALOG_MODAL, GTK_MESSAGE_OTHER, GTK_BUTTONS_NONE,
        ngettext("Shutting down %u machine…", "Shutting down %u machines…", running), running);
    gtk_dialog_add_button(GTK_DIALOG(closing->dialog), _("_Cancel"), GTK_RESPONSE_CANCEL);
    g_signal_connect(closing->dialog, "response", G_CALLBACK(wait_answered), closing);
    gtk_widget_show_all(closing->dialog);
    closing->since = g_get_monotonic_time();
    closing->timer = g_timeout_add(LOOK_MS, look, closing);
}

static Closing *
closing_new(VmStore *store, VmClosingFunc done, gpointer data)
{
    Closing *closing = g_new0(Closing, 1);

    closing->store = g_object_ref(store);
    closing->done = done;
    closing->data = data;
    return closing;
}

void
vm_closing_shut_down(VmStore *store, GtkWindow *window, VmClosingFunc done, gpointer data)
{
    shut_down(closing_new(store, done, data), window);
}

static void
ask_answered(GtkDialog *dialog, int response, Closing *closing)
{
    if (response == RESPONSE_SHUT_DOWN) {
        GtkWindow *window = gtk_window_get_transient_for(GTK_WINDOW(dialog));
        gtk_widget_destroy(GTK_WIDGET(dialog));
        shut_down(closing, window);
    } else {
        finish(closing, response == RESPONSE_KEEP ? VM_CLOSING_KEEP : VM_CLOSING_CANCELLED);
    }
}

void
vm_closing_ask(VmStore *store, GtkWindow *window, VmClosingFunc done, gpointer data)
{
    Closing *closing = closing_new(store, done, data);
    guint running = vm_closing_count(store);

    closing->dialog = gtk_message_dialog_new(
        window, GTK_DIALOG_MODAL, GTK_MESSAGE_QUESTION, GTK_BUTTONS_NONE,
        ngettext("%u machine is running", "%u machines are running", running), running);
    gtk_dialog_add_buttons(GTK_DIALOG(closing->dialog), _("_Cancel"), GTK_RESPONSE_CANCEL,
                           _("_Shut them down"), RESPONSE_SHUT_DOWN, _("_Keep them running"),
                           RESPONSE_KEEP, NULL);
    gtk_dialog_set_default_response(GTK_DIALOG(closing->dialog), RESPONSE_KEEP);
    g_signal_connect(closing->dialog, "response", G_CALLBACK(ask_answered), closing);
    gtk_widget_show_all(closing->dialog);
}
