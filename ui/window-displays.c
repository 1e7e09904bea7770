/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Displays of the shown machine that come and go while it runs, and what draws on them in 3D. */
#include <glib/gi18n.h>

#include "ui/window-private.h"

enum {
    NEW_WIDTH = 1280, /* where no other display shows how large they are */
    NEW_HEIGHT = 800,
};

static VmDisplayPage *
display_of(VmWindow *self)
{
    return vm_machine_page_get_display(self->machine_page);
}

static VmConnection *
connection_of(VmWindow *self)
{
    return self->machine ? vm_machine_get_connection(self->machine) : NULL;
}

static int
shown_display(VmWindow *self)
{
    int number = -1;

    g_object_get(display_of(self), "display", &number, NULL);
    return number;
}

static void
say_why_not(VmWindow *self, const char *what, GError *error)
{
    g_autofree char *sentence = g_strdup_printf("%s: %s", what, error->message);

    vm_window_toast(self, sentence);
}

static void
display_added(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(VmWindow) self = data;
    g_autoptr(GError) error = NULL;
    VmConnection *connection = VM_CONNECTION(source);
    guint number = 0;

    if (!vm_connection_add_display_finish(connection, result, &number, &error)) {
        say_why_not(self, _("No display was added"), error);
    } else if (connection == connection_of(self)) {
        g_object_set(display_of(self), "display", (int)number, NULL);
    }
}

/* A machine without a graphics card gets one with its next start; the settings say so. */
static void
add_card(VmWindow *self)
{
    vm_window_set_member(self, self->machine, "gpu.backend", "2d");
    gtk_stack_set_visible_child_name(GTK_STACK(self->machine_page), "settings");
    vm_settings_page_show_section(vm_machine_page_get_settings(self->machine_page), "display");
}

void
vm_window_add_display(VmWindow *self)
{
    VmConnection *connection = connection_of(self);
    VmJson *running = self->machine ? vm_machine_get_running_definition(self->machine) : NULL;
    VmDisplayMode mode = {.width = NEW_WIDTH, .height = NEW_HEIGHT};
    g_autoptr(VmConsole) first = NULL;

    if (!connection) {
        return;
    }
    if (running && !vm_json_has(running, "gpu")) {
        add_card(self);
        return;
    }
    first = g_list_model_get_item(vm_connection_get_consoles(connection), 0);
    if (first) {
        VmPicture picture;

        if (vm_console_get_picture(first, &picture)) {
            mode.width = picture.width;
            mode.height = picture.height;
        }
    }
    vm_connection_add_display_async(connection, &mode, NULL, display_added, g_object_ref(self));
}

static void
display_removed(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(VmWindow) self = data;
    g_autoptr(GError) error = NULL;

    if (!vm_connection_remove_display_finish(VM_CONNECTION(source), result, &error)) {
        say_why_not(self, _("The display was not removed"), error);
    }
}

void
vm_window_remove_display(VmWindow *self)
{
    VmConnection *connection = connection_of(self);
    int number = shown_display(self);

    if (connection && number >= 0) {
        vm_connection_remove_display_async(connection, (guint)number, NULL, display_removed,
                                           g_object_ref(self));
    }
}

void
vm_window_display_window(VmWindow *self)
{
    GtkApplication *application = gtk_window_get_application(GTK_WINDOW(self));

    g_action_group_activate_action(
        G_ACTION_GROUP(application), "new-display-window",
        g_variant_new("(si)", vm_machine_get_name(self->machine), shown_display(self)));
}

static void
renderer_restarted(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(VmWindow) self = data;
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;
    guint contexts = 0;

    if (!vm_connection_restart_renderer_finish(VM_CONNECTION(source), result, &contexts, NULL,
                                               &error)) {
        g_dbus_error_strip_remote_error(error);
        say_why_not(self, _("The graphics were not restarted"), error);
        return;
    }
    text = contexts == 0
               ? g_strdup(_("Graphics restarted; no program of the guest drew in 3D"))
               : g_strdup_printf(ngettext("Graphics restarted. The guest lost %u context; start "
                                          "what draws in 3D again there",
                                          "Graphics restarted. The guest lost %u contexts; start "
                                          "what draws in 3D again there",
                                          contexts),
                                 contexts);
    vm_window_toast(self, text);
}

static void
restart_answered(GtkDialog *dialog, int response, VmWindow *self)
{
    VmConnection *connection = g_object_get_data(G_OBJECT(dialog), "connection");

    if (response == GTK_RESPONSE_ACCEPT) {
        vm_connection_restart_renderer_async(connection, NULL, renderer_restarted,
                                             g_object_ref(self));
    }
    gtk_widget_destroy(GTK_WIDGET(dialog));
}

void
vm_window_restart_renderer(VmWindow *self)
{
    VmConnection *connection = connection_of(self);
    GtkWidget *dialog = NULL;
    GtkWidget *button = NULL;

    if (!connection) {
        return;
    }
    dialog = gtk_message_dialog_new(GTK_WINDOW(self), GTK_DIALOG_MODAL, GTK_MESSAGE_QUESTION,
                                    GTK_BUTTONS_NONE, _("Restart the graphics of “%s”?"),
                                    vm_machine_get_title(self->machine));
    gtk_message_dialog_format_secondary_text(GTK_MESSAGE_DIALOG(dialog), "%s",
                                             _("Programs of the guest that draw in 3D, perhaps its "
                                               "whole desktop, show nothing new until "
                                               "they are started again. The last picture stays."));
    gtk_dialog_add_button(GTK_DIALOG(dialog), _("_Cancel"), GTK_RESPONSE_CANCEL);
    button = gtk_dialog_add_button(GTK_DIALOG(dialog), _("_Restart"), GTK_RESPONSE_ACCEPT);
    gtk_style_context_add_class(gtk_widget_get_style_context(button), "destructive-action");
    gtk_dialog_set_default_response(GTK_DIALOG(dialog), GTK_RESPONSE_CANCEL);
    g_object_set_data_full(G_OBJECT(dialog), "connection", g_object_ref(connection),
                           g_object_unref);
    g_signal_connect_object(dialog, "response", G_CALLBACK(restart_answered), self, 0);
    gtk_widget_show_all(dialog);
}
