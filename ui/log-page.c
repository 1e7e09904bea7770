/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/log-page.h"

#include <glib/gi18n.h>
#include <string.h>

#include "manager/model/log-lines.h"
#include "ui/window.h"
#include "vmm/client/paths.h"

#define SHOWN_BYTES (1L << 20)
#define ROWS_MAX    10000

enum {
    COLUMN_TIME,
    COLUMN_PROCESS,
    COLUMN_LEVEL,
    COLUMN_LEVEL_WORD,
    COLUMN_LEVEL_ICON,
    COLUMN_TEXT,
    N_COLUMNS
};

struct _VmLogPage {
    GtkBox parent_instance;
    GtkSearchEntry *find_entry;
    GtkComboBox *level_combo;
    GtkComboBoxText *process_combo;
    GtkStack *stack;
    GtkTreeView *tree;
    GtkWidget *new_button;
    GtkListStore *rows;
    GtkTreeModel *filter;
    GHashTable *processes; /* names in the combo */
    guint n_rows;
    gboolean follow; /* the end is in view */
    VmMachine *machine;
    char *path;
    goffset offset; /* of the file, shown up to here */
    GString *rest;  /* of a line whose end is still to come */
    GFileMonitor *monitor;
};

G_DEFINE_FINAL_TYPE(VmLogPage, vm_log_page, GTK_TYPE_BOX)

/* ------------------------------------------------------------------ what is shown */

static gboolean
contains(const char *text, const char *words)
{
    g_autofree char *in = g_utf8_casefold(text, -1);
    g_autofree char *wanted = g_utf8_casefold(words, -1);

    return strstr(in, wanted) != NULL;
}

static gboolean
row_visible(GtkTreeModel *model, GtkTreeIter *at, gpointer data)
{
    VmLogPage *self = VM_LOG_PAGE(data);
    const char *words = gtk_entry_get_text(GTK_ENTRY(self->find_entry));
    const char *level = gtk_combo_box_get_active_id(self->level_combo);
    const char *process = gtk_combo_box_get_active_id(GTK_COMBO_BOX(self->process_combo));
    g_autofree char *text = NULL;
    g_autofree char *from = NULL;
    int row_level = VM_LOG_INFO;

    gtk_tree_model_get(model, at, COLUMN_PROCESS, &from, COLUMN_LEVEL, &row_level, COLUMN_TEXT,
                       &text, -1);
    return text && (!level || row_level <= (int)g_ascii_strtoll(level, NULL, 10)) &&
           (!process || !process[0] || g_str_equal(process, from)) &&
           (!words[0] || contains(text, words));
}

static void
filter_changed(VmLogPage *self)
{
    if (self->filter) {
        gtk_tree_model_filter_refilter(GTK_TREE_MODEL_FILTER(self->filter));
    }
}

static void
show_end(VmLogPage *self)
{
    int n = gtk_tree_model_iter_n_children(self->filter, NULL);

    gtk_widget_hide(self->new_button);
    self->follow = TRUE;
    if (n > 0) {
        g_autoptr(GtkTreePath) last = gtk_tree_path_new_from_indices(n - 1, -1);
        gtk_tree_view_scroll_to_cell(self->tree, last, NULL, FALSE, 0, 0);
    }
}

static void
scrolled(VmLogPage *self)
{
    GtkAdjustment *scroll = gtk_scrollable_get_vadjustment(GTK_SCROLLABLE(self->tree));
    double end = gtk_adjustment_get_upper(scroll) - gtk_adjustment_get_page_size(scroll);

    self->follow = gtk_adjustment_get_value(scroll) >= end - 4;
    if (self->follow) {
        gtk_widget_hide(self->new_button);
    }
}

/* ------------------------------------------------------------------ the file */

static void
add_line(VmLogPage *self, const char *bytes, gsize size)
{
    static const char *const words[] = {N_("Error"), N_("Warning"), N_("Information"),
                                        N_("Detail")};
    static const char *const icons[] = {"dialog-error-symbolic", "dialog-warning-symbolic", NULL,
                                        NULL};
    g_autoptr(VmLogLine) line = vm_log_line_new(bytes, size);
    GtkTreeIter at;

    if (g_hash_table_add(self->processes, g_strdup(line->process))) {
        gtk_combo_box_text_append(self->process_combo, line->process, line->process);
    }
    gtk_list_store_insert_with_values(self->rows, &at, -1, COLUMN_TIME, line->time, COLUMN_PROCESS,
                                      line->process, COLUMN_LEVEL, (int)line->level,
                                      COLUMN_LEVEL_WORD, _(words[line->level]), COLUMN_LEVEL_ICON,
                                      icons[line->level], COLUMN_TEXT, line->text, -1);
    if (self->n_rows < ROWS_MAX) {
        self->n_rows++;
    } else if (gtk_tree_model_get_iter_first(GTK_TREE_MODEL(self->rows), &at)) {
        gtk_list_store_remove(self->rows, &at);
    }
}

static void
append(VmLogPage *self, const char *bytes, gssize size)
{
    gboolean follow = self->follow;
    const char *line = NULL;

    g_string_append_len(self->rest, bytes, size);
    line = self->rest->str;
    for (const char *end = NULL;
         (end = memchr(line, '\n', self->rest->len - (gsize)(line - self->rest->str)));
         line = end + 1) {
        add_line(self, line, (gsize)(end - line));
    }
    g_string_erase(self->rest, 0, line - self->rest->str);
    if (follow) {
        show_end(self);
    } else {
        gtk_widget_show(self->new_button);
    }
}

static void
forget_rows(VmLogPage *self)
{
    gtk_list_store_clear(self->rows);
    g_string_truncate(self->rest, 0);
    self->n_rows = 0;
    self->offset = 0;
    self->follow = TRUE;
    gtk_widget_hide(self->new_button);
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
        forget_rows(self);
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
log_saved(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(VmLogPage) self = VM_LOG_PAGE(data);
    g_autoptr(GError) error = NULL;

    if (g_file_copy_finish(G_FILE(source), result, &error)) {
        vm_window_say(GTK_WIDGET(self), _("Log saved"));
    } else {
        vm_window_say(GTK_WIDGET(self), error->message);
    }
}

void
vm_log_page_save(VmLogPage *self)
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
                          log_saved, g_object_ref(self));
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
    VmLogPage *self = VM_LOG_PAGE(object);

    drop_machine(self);
    g_clear_object(&self->filter);
    g_clear_pointer(&self->processes, g_hash_table_unref);
    if (self->rest) {
        g_string_free(g_steal_pointer(&self->rest), TRUE);
    }
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

/* A page that is not seen reads when it is shown. */
static void
file_changed(VmLogPage *self)
{
    if (gtk_widget_get_mapped(GTK_WIDGET(self))) {
        read_more(self);
    }
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
        forget_rows(self);
        g_clear_object(&self->monitor);
    }
    if (!self->monitor) {
        self->monitor = g_file_monitor_file(file, G_FILE_MONITOR_NONE, NULL, NULL);
        g_signal_connect_object(self->monitor, "changed", G_CALLBACK(file_changed), self,
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
    gtk_widget_class_bind_template_child(widget_class, VmLogPage, level_combo);
    gtk_widget_class_bind_template_child(widget_class, VmLogPage, process_combo);
    gtk_widget_class_bind_template_child(widget_class, VmLogPage, tree);
    gtk_widget_class_bind_template_child(widget_class, VmLogPage, new_button);
    gtk_widget_class_bind_template_callback(widget_class, filter_changed);
    gtk_widget_class_bind_template_callback(widget_class, show_end);
}

static GtkTreeViewColumn *
add_column(VmLogPage *self, const char *title, int column, gboolean fixed_pitch)
{
    GtkCellRenderer *text = gtk_cell_renderer_text_new();
    GtkTreeViewColumn *made =
        gtk_tree_view_column_new_with_attributes(title, text, "text", column, NULL);

    g_object_set(text, "ypad", 2, "xpad", 6, "family", fixed_pitch ? "monospace" : NULL, NULL);
    gtk_tree_view_append_column(self->tree, made);
    return made;
}

static void
vm_log_page_init(VmLogPage *self)
{
    GtkCellRenderer *icon = gtk_cell_renderer_pixbuf_new();
    GtkTreeViewColumn *level = NULL;

    gtk_widget_init_template(GTK_WIDGET(self));
    self->processes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    self->rest = g_string_new(NULL);
    self->follow = TRUE;
    self->rows = gtk_list_store_new(N_COLUMNS, G_TYPE_STRING, G_TYPE_STRING, G_TYPE_INT,
                                    G_TYPE_STRING, G_TYPE_STRING, G_TYPE_STRING);
    self->filter = gtk_tree_model_filter_new(GTK_TREE_MODEL(self->rows), NULL);
    g_object_unref(self->rows); /* the filter holds it */
    gtk_tree_model_filter_set_visible_func(GTK_TREE_MODEL_FILTER(self->filter), row_visible, self,
                                           NULL);
    add_column(self, _("Time"), COLUMN_TIME, FALSE);
    add_column(self, _("Process"), COLUMN_PROCESS, FALSE);
    level = add_column(self, _("Level"), COLUMN_LEVEL_WORD, FALSE);
    gtk_tree_view_column_pack_start(level, icon, FALSE);
    gtk_cell_layout_reorder(GTK_CELL_LAYOUT(level), icon, 0);
    gtk_tree_view_column_add_attribute(level, icon, "icon-name", COLUMN_LEVEL_ICON);
    add_column(self, _("Message"), COLUMN_TEXT, TRUE);
    gtk_tree_view_set_model(self->tree, self->filter);
    gtk_tree_view_set_search_column(self->tree, COLUMN_TEXT);
    g_signal_connect_object(gtk_scrollable_get_vadjustment(GTK_SCROLLABLE(self->tree)),
                            "value-changed", G_CALLBACK(scrolled), self, G_CONNECT_SWAPPED);
}

void
vm_log_page_set_machine(VmLogPage *self, VmMachine *machine)
{
    if (machine == self->machine) {
        return;
    }
    drop_machine(self);
    forget_rows(self);
    gtk_combo_box_set_active(GTK_COMBO_BOX(self->process_combo), 0);
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
vm_log_page_show_process(VmLogPage *self, const char *process)
{
    if (g_hash_table_add(self->processes, g_strdup(process))) {
        gtk_combo_box_text_append(self->process_combo, process, process);
    }
    gtk_combo_box_set_active_id(GTK_COMBO_BOX(self->process_combo), process);
}

void
vm_log_page_focus_find(VmLogPage *self)
{
    gtk_widget_grab_focus(GTK_WIDGET(self->find_entry));
}
