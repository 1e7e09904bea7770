/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/log-page.h"

#include <glib/gi18n.h>
#include <string.h>

#include "vmm/client/paths.h"

#define SHOWN_BYTES (1L << 20)

struct _VmLogPage {
    GtkBox parent_instance;
    GtkSearchEntry *find_entry;
    GtkStack *stack;
    GtkTextView *text_view;
    VmMachine *machine;
    char *path;
    goffset offset; /* of the file, shown up to here */
    GFileMonitor *monitor;
};

G_DEFINE_FINAL_TYPE(VmLogPage, vm_log_page, GTK_TYPE_BOX)

static gboolean
follows_end(VmLogPage *self)
{
    GtkAdjustment *scroll = gtk_scrollable_get_vadjustment(GTK_SCROLLABLE(self->text_view));
    double end = gtk_adjustment_get_upper(scroll) - gtk_adjustment_get_page_size(scroll);

    return gtk_adjustment_get_value(scroll) >= end - 4;
}

static void
append(VmLogPage *self, const char *text, gssize size)
{
    GtkTextBuffer *buffer = gtk_text_view_get_buffer(self->text_view);
    gboolean follow = follows_end(self);
    g_autofree char *valid = g_utf8_make_valid(text, size);
    GtkTextIter end;

    gtk_text_buffer_get_end_iter(buffer, &end);
    gtk_text_buffer_insert(buffer, &end, valid, -1);
    if (follow) {
        GtkTextMark *mark = NULL;
        gtk_text_buffer_get_end_iter(buffer, &end);
        mark = gtk_text_buffer_create_mark(buffer, NULL, &end, FALSE);
        gtk_text_view_scroll_mark_onscreen(self->text_view, mark);
        gtk_text_buffer_delete_mark(buffer, mark);
    }
}

static void
read_more(VmLogPage *self)
{
    g_autoptr(GFile) file = g_file_new_for_path(self->path);
    g_autoptr(GFileInputStream) stream = g_file_read(file, NULL, NULL);
    g_autoptr(GFileInfo) info =
        stream ? g_file_input_stream_query_info(stream, G_FILE_ATTRIBUTE_STANDARD_SIZE, NULL, NULL)
               : NULL;
    goffset size = info ? g_file_info_get_size(info) : 0;
    g_autofree char *text = NULL;
    gssize got = 0;

    if (size < self->offset) {
        gtk_text_buffer_set_text(gtk_text_view_get_buffer(self->text_view), "", -1);
        self->offset = 0;
    }
    if (size - self->offset > SHOWN_BYTES) {
        self->offset = size - SHOWN_BYTES;
    }
    if (size > self->offset &&
        g_seekable_seek(G_SEEKABLE(stream), self->offset, G_SEEK_SET, NULL, NULL)) {
        text = g_malloc((gsize)(size - self->offset));
        got = g_input_stream_read(G_INPUT_STREAM(stream), text, (gsize)(size - self->offset), NULL,
                                  NULL);
    }
    if (got > 0) {
        self->offset += got;
        append(self, text, got);
    }
    gtk_stack_set_visible_child_name(self->stack, self->offset > 0 ? "text" : "empty");
}

static void
find_changed(VmLogPage *self)
{
    GtkTextBuffer *buffer = gtk_text_view_get_buffer(self->text_view);
    const char *words = gtk_entry_get_text(GTK_ENTRY(self->find_entry));
    GtkTextIter start;
    GtkTextIter end;

    gtk_text_buffer_get_selection_bounds(buffer, NULL, &start);
    if (words[0] == '\0') {
        return;
    }
    if (!gtk_text_iter_forward_search(&start, words, GTK_TEXT_SEARCH_CASE_INSENSITIVE, &start, &end,
                                      NULL)) {
        gtk_text_buffer_get_start_iter(buffer, &start);
        if (!gtk_text_iter_forward_search(&start, words, GTK_TEXT_SEARCH_CASE_INSENSITIVE, &start,
                                          &end, NULL)) {
            return;
        }
    }
    gtk_text_buffer_select_range(buffer, &start, &end);
    gtk_text_view_scroll_to_iter(self->text_view, &start, 0.1, FALSE, 0, 0);
}

static void
save_clicked(VmLogPage *self)
{
    GtkWindow *window = GTK_WINDOW(gtk_widget_get_toplevel(GTK_WIDGET(self)));
    g_autoptr(GtkFileChooserNative) chooser = gtk_file_chooser_native_new(
        _("Save log"), window, GTK_FILE_CHOOSER_ACTION_SAVE, NULL, NULL);
    g_autofree char *name = g_strconcat(vm_machine_get_name(self->machine), ".log", NULL);
    g_autoptr(GFile) from = g_file_new_for_path(self->path);
    g_autoptr(GFile) to = NULL;

    gtk_file_chooser_set_current_name(GTK_FILE_CHOOSER(chooser), name);
    gtk_file_chooser_set_do_overwrite_confirmation(GTK_FILE_CHOOSER(chooser), TRUE);
    if (gtk_native_dialog_run(GTK_NATIVE_DIALOG(chooser)) == GTK_RESPONSE_ACCEPT) {
        to = gtk_file_chooser_get_file(GTK_FILE_CHOOSER(chooser));
        g_file_copy_async(from, to, G_FILE_COPY_OVERWRITE, G_PRIORITY_DEFAULT, NULL, NULL, NULL,
                          NULL, NULL);
    }
}

static void
drop_machine(VmLogPage *self)
{
    if (self->monitor) {
        g_file_monitor_cancel(self->monitor);
    }
    g_clear_object(&self->monitor);
    g_clear_object(&self->machine);
    g_clear_pointer(&self->path, g_free);
}

static void
vm_log_page_dispose(GObject *object)
{
    drop_machine(VM_LOG_PAGE(object));
    G_OBJECT_CLASS(vm_log_page_parent_class)->dispose(object);
}

/* The machine's own log; before there is one, what `vmm` said when it could not start. */
static char *
choose_path(VmMachine *machine)
{
    g_autofree char *folder = vm_paths_state(vm_machine_get_name(machine));
    g_autofree char *log = g_build_filename(folder, "log", NULL);

    if (g_file_test(log, G_FILE_TEST_EXISTS)) {
        return g_steal_pointer(&log);
    }
    return g_build_filename(folder, "messages.log", NULL);
}

static void
follow_file(VmLogPage *self)
{
    g_autofree char *path = self->machine ? choose_path(self->machine) : NULL;
    g_autoptr(GFile) file = path ? g_file_new_for_path(path) : NULL;

    if (!file) {
        return;
    }
    if (g_strcmp0(path, self->path) != 0) {
        g_free(self->path);
        self->path = g_steal_pointer(&path);
        self->offset = 0;
        g_clear_object(&self->monitor);
        gtk_text_buffer_set_text(gtk_text_view_get_buffer(self->text_view), "", -1);
    }
    if (!self->monitor) {
        self->monitor = g_file_monitor_file(file, G_FILE_MONITOR_NONE, NULL, NULL);
        g_signal_connect_object(self->monitor, "changed", G_CALLBACK(read_more), self,
                                G_CONNECT_SWAPPED);
    }
    read_more(self);
}

static void
vm_log_page_map(GtkWidget *widget)
{
    GTK_WIDGET_CLASS(vm_log_page_parent_class)->map(widget);
    follow_file(VM_LOG_PAGE(widget));
}

static void
vm_log_page_class_init(VmLogPageClass *klass)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(klass);

    G_OBJECT_CLASS(klass)->dispose = vm_log_page_dispose;
    widget_class->map = vm_log_page_map;
    gtk_widget_class_set_template_from_resource(widget_class,
                                                "/org/vitrine/Vitrine/ui/log-page.ui");
    gtk_widget_class_bind_template_child(widget_class, VmLogPage, find_entry);
    gtk_widget_class_bind_template_child(widget_class, VmLogPage, stack);
    gtk_widget_class_bind_template_child(widget_class, VmLogPage, text_view);
    gtk_widget_class_bind_template_callback(widget_class, find_changed);
    gtk_widget_class_bind_template_callback(widget_class, save_clicked);
}

static void
vm_log_page_init(VmLogPage *self)
{
    gtk_widget_init_template(GTK_WIDGET(self));
}

void
vm_log_page_set_machine(VmLogPage *self, VmMachine *machine)
{
    if (machine == self->machine) {
        return;
    }
    drop_machine(self);
    gtk_text_buffer_set_text(gtk_text_view_get_buffer(self->text_view), "", -1);
    self->offset = 0;
    if (!machine) {
        return;
    }
    self->machine = g_object_ref(machine);
    self->path = choose_path(machine);
    if (gtk_widget_get_mapped(GTK_WIDGET(self))) {
        follow_file(self);
    }
}

void
vm_log_page_find(VmLogPage *self, const char *words)
{
    gtk_entry_set_text(GTK_ENTRY(self->find_entry), words);
}

void
vm_log_page_focus_find(VmLogPage *self)
{
    gtk_widget_grab_focus(GTK_WIDGET(self->find_entry));
}
