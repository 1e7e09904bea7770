/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/report-dialog.h"

#include <glib/gi18n.h>

enum {
    WIDTH = 720,
    LEAST_WIDTH = 420,
    LEAST_HEIGHT = 360,
    HEIGHT = 520,
    MARGIN = 12,
};

static void
answered(GtkDialog *dialog, int response, GtkTextView *view)
{
    if (response == GTK_RESPONSE_ACCEPT) {
        GtkTextBuffer *buffer = gtk_text_view_get_buffer(view);
        g_autofree char *text = NULL;
        g_object_get(buffer, "text", &text, NULL);
        gtk_clipboard_set_text(
            gtk_widget_get_clipboard(GTK_WIDGET(dialog), GDK_SELECTION_CLIPBOARD), text, -1);
    }
    gtk_widget_destroy(GTK_WIDGET(dialog));
}

void
vm_report_dialog_show(GtkWindow *parent, const char *text)
{
    GtkWidget *dialog = gtk_dialog_new_with_buttons(
        _("Report"), parent, GTK_DIALOG_DESTROY_WITH_PARENT | GTK_DIALOG_USE_HEADER_BAR,
        _("_Cancel"), GTK_RESPONSE_CANCEL, _("C_opy"), GTK_RESPONSE_ACCEPT, NULL);
    GtkWidget *hint =
        gtk_label_new(_("This is what will be copied. Take out what is nobody's business."));
    GtkWidget *scroll = gtk_scrolled_window_new(NULL, NULL);
    GtkWidget *view = gtk_text_view_new();
    GtkBox *box = GTK_BOX(gtk_dialog_get_content_area(GTK_DIALOG(dialog)));

    gtk_text_view_set_monospace(GTK_TEXT_VIEW(view), TRUE);
    gtk_text_view_set_wrap_mode(GTK_TEXT_VIEW(view), GTK_WRAP_WORD_CHAR);
    gtk_text_view_set_accepts_tab(GTK_TEXT_VIEW(view), FALSE);
    g_object_set(view, "left-margin", MARGIN, "right-margin", MARGIN, "top-margin", MARGIN, NULL);
    gtk_text_buffer_set_text(gtk_text_view_get_buffer(GTK_TEXT_VIEW(view)), text, -1);
    atk_object_set_name(gtk_widget_get_accessible(view), _("Report"));
    g_object_set(hint, "margin", MARGIN, "wrap", TRUE, "xalign", 0.0, NULL);
    gtk_container_add(GTK_CONTAINER(scroll), view);
    gtk_box_pack_start(box, hint, FALSE, FALSE, 0);
    gtk_box_pack_start(box, scroll, TRUE, TRUE, 0);
    gtk_dialog_set_default_response(GTK_DIALOG(dialog), GTK_RESPONSE_ACCEPT);
    gtk_window_set_default_size(GTK_WINDOW(dialog), WIDTH, HEIGHT);
    gtk_widget_set_size_request(dialog, LEAST_WIDTH, LEAST_HEIGHT);
    g_signal_connect_object(dialog, "response", G_CALLBACK(answered), view, 0);
    gtk_widget_show_all(dialog);
}
