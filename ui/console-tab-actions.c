/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib/gi18n.h>

#include "ui/console-tab-private.h"
#include "ui/file-dialog.h"
#include "ui/window.h"

#define PCRE2_CODE_UNIT_WIDTH 0
#include <pcre2.h>

static void
find_again(VmConsoleTab *self, gboolean forward)
{
    const char *words = gtk_entry_get_text(self->find_entry);
    g_autofree char *pattern = g_regex_escape_string(words, -1);
    g_autoptr(VteRegex) regex = NULL;

    if (words[0]) {
        regex = vte_regex_new_for_search(pattern, -1, PCRE2_UTF | PCRE2_MULTILINE | PCRE2_CASELESS,
                                         NULL);
    }
    vte_terminal_search_set_regex(self->terminal, regex, 0);
    vte_terminal_search_set_wrap_around(self->terminal, TRUE);
    if (regex && forward) {
        vte_terminal_search_find_next(self->terminal);
    } else if (regex) {
        vte_terminal_search_find_previous(self->terminal);
    }
}

void
vm_console_tab_find_previous(VmConsoleTab *self)
{
    find_again(self, FALSE);
}

void
vm_console_tab_find_next(VmConsoleTab *self)
{
    find_again(self, TRUE);
}

void
vm_console_tab_find_closed(VmConsoleTab *self)
{
    gtk_revealer_set_reveal_child(self->find_bar, FALSE);
    gtk_widget_grab_focus(GTK_WIDGET(self->terminal));
}

void
vm_console_tab_find(VmConsoleTab *self)
{
    gtk_revealer_set_reveal_child(self->find_bar, TRUE);
    gtk_widget_grab_focus(GTK_WIDGET(self->find_entry));
}

void
vm_console_tab_copy(VmConsoleTab *self)
{
    if (vte_terminal_get_has_selection(self->terminal)) {
        vte_terminal_copy_clipboard_format(self->terminal, VTE_FORMAT_TEXT);
    }
}

void
vm_console_tab_paste(VmConsoleTab *self)
{
    vte_terminal_paste_clipboard(self->terminal);
}

void
vm_console_tab_clear(VmConsoleTab *self)
{
    vm_console_feed_flush(self->feed);
    vte_terminal_reset(self->terminal, FALSE, TRUE);
}

static void
output_saved(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(VmConsoleTab) self = VM_CONSOLE_TAB(data);
    g_autoptr(GError) error = NULL;

    if (g_file_replace_contents_finish(G_FILE(source), result, NULL, &error)) {
        vm_window_say(GTK_WIDGET(self), _("Output saved"));
    } else {
        vm_window_say(GTK_WIDGET(self), error->message);
    }
}

/* Only the terminal's own text is read here; a thread writes it, the disk may be slow. */
static void
save_into(VmConsoleTab *self, GFile *file)
{
    g_autoptr(GOutputStream) text = g_memory_output_stream_new_resizable();
    g_autoptr(GBytes) bytes = NULL;
    g_autoptr(GError) error = NULL;

    if (!vte_terminal_write_contents_sync(self->terminal, text, VTE_WRITE_DEFAULT, NULL, &error) ||
        !g_output_stream_close(text, NULL, &error)) {
        vm_window_say(GTK_WIDGET(self), error->message);
        return;
    }
    bytes = g_memory_output_stream_steal_as_bytes(G_MEMORY_OUTPUT_STREAM(text));
    g_file_replace_contents_bytes_async(file, bytes, NULL, FALSE, G_FILE_CREATE_NONE, NULL,
                                        output_saved, g_object_ref(self));
}

static void
file_chosen(GtkWidget *widget, const char *path)
{
    g_autoptr(GFile) file = path ? g_file_new_for_path(path) : NULL;

    if (file) {
        save_into(VM_CONSOLE_TAB(widget), file);
    }
}

void
vm_console_tab_save(VmConsoleTab *self)
{
    g_autofree char *name = g_strconcat(self->name, ".txt", NULL);

    vm_file_dialog_save(GTK_WIDGET(self), _("Save output"), name, file_chosen);
}
