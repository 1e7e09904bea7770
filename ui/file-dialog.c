/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/file-dialog.h"

struct dialog {
    GtkFileChooserNative *chooser;
    GtkWidget *widget;
    VmFileChosen chosen;
    gulong destroyed;
};

static void
dialog_end(struct dialog *dialog)
{
    g_signal_handler_disconnect(dialog->widget, dialog->destroyed);
    gtk_native_dialog_destroy(GTK_NATIVE_DIALOG(dialog->chooser));
    g_object_unref(dialog->chooser);
    g_object_unref(dialog->widget);
    g_free(dialog);
}

static void
answered(GtkNativeDialog *chooser, int response, struct dialog *dialog)
{
    g_autoptr(GtkWidget) widget = g_object_ref(dialog->widget);
    g_autofree char *path = response == GTK_RESPONSE_ACCEPT
                                ? gtk_file_chooser_get_filename(GTK_FILE_CHOOSER(chooser))
                                : NULL;
    VmFileChosen chosen = dialog->chosen;

    dialog_end(dialog);
    chosen(widget, path);
}

static GtkFileChooser *
dialog_new(GtkWidget *widget, const char *title, GtkFileChooserAction action, VmFileChosen chosen)
{
    struct dialog *dialog = g_new0(struct dialog, 1);
    GtkWidget *window = gtk_widget_get_toplevel(widget);

    dialog->chooser = gtk_file_chooser_native_new(title, GTK_WINDOW(window), action, NULL, NULL);
    dialog->widget = g_object_ref(widget);
    dialog->chosen = chosen;
    dialog->destroyed = g_signal_connect_swapped(widget, "destroy", G_CALLBACK(dialog_end), dialog);
    g_signal_connect(dialog->chooser, "response", G_CALLBACK(answered), dialog);
    gtk_native_dialog_set_modal(GTK_NATIVE_DIALOG(dialog->chooser), TRUE);
    return GTK_FILE_CHOOSER(dialog->chooser);
}

void
vm_file_dialog_save(GtkWidget *widget, const char *title, const char *name, VmFileChosen chosen)
{
    GtkFileChooser *chooser = dialog_new(widget, title, GTK_FILE_CHOOSER_ACTION_SAVE, chosen);

    if (name) {
        gtk_file_chooser_set_current_name(chooser, name);
    }
    gtk_file_chooser_set_do_overwrite_confirmation(chooser, TRUE);
    gtk_native_dialog_show(GTK_NATIVE_DIALOG(chooser));
}

void
vm_file_dialog_open(GtkWidget *widget, const char *title, const char *folder, VmFileChosen chosen)
{
    GtkFileChooser *chooser = dialog_new(widget, title, GTK_FILE_CHOOSER_ACTION_OPEN, chosen);

    if (folder) {
        gtk_file_chooser_set_current_folder(chooser, folder);
    }
    gtk_native_dialog_show(GTK_NATIVE_DIALOG(chooser));
}

void
vm_file_dialog_choose_folder(GtkWidget *widget, const char *title, VmFileChosen chosen)
{
    gtk_native_dialog_show(GTK_NATIVE_DIALOG(
        dialog_new(widget, title, GTK_FILE_CHOOSER_ACTION_SELECT_FOLDER, chosen)));
}
