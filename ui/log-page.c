/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/log-page.h"

#include <glib/gi18n.h>
#include <string.h>

#include "manager/model/log-lines.h"
#include "manager/model/log-piece.h"
#include "manager/model/words.h"
#include "ui/file-dialog.h"
#include "ui/window.h"
#include "vmm/client/paths.h"

#define WAITING_MAX      ((gsize)VM_LOG_PIECE_MOST)
#define BYTES_PER_SECOND (1 << 20)
#define FRAME_MAX_US     20000 /* a slow frame is not made slower */
#define ROWS_MAX         10000

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
    char *saving;     /* the file that is saved when a name is chosen; or NULL */
    goffset offset;   /* of the file, read up to here */
    GString *waiting; /* read, not shown yet; the last line may have no end */
    guint64 skipped;  /* bytes before that */
    guint tick;       /* while whole lines wait */
    gint64 ticked;    /* when lines were shown last */
    GFileMonitor *monitor;
    GCancellable *reading; /* while the file is read */
    gboolean again;        /* meanwhile it grew */
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
add_row(VmLogPage *self, const VmLogLine *line, const char *level, const char *icon)
{
    GtkTreeIter at;

    gtk_list_store_insert_with_values(self->rows, &at, -1, COLUMN_TIME, line->time, COLUMN_PROCESS,
                                      line->process, COLUMN_LEVEL, (int)line->level,
                                      COLUMN_LEVEL_WORD, level, COLUMN_LEVEL_ICON, icon,
                                      COLUMN_TEXT, line->text, -1);
    if (self->n_rows < ROWS_MAX) {
        self->n_rows++;
    } else if (gtk_tree_model_get_iter_first(GTK_TREE_MODEL(self->rows), &at)) {
        gtk_list_store_remove(self->rows, &at);
    }
}

static void
add_line(VmLogPage *self, const char *bytes, gsize size)
{
    static const char *const words[] = {N_("Error"), N_("Warning"), N_("Information"),
                                        N_("Detail")};
    static const char *const icons[] = {"dialog-error-symbolic", "dialog-warning-symbolic", NULL,
                                        NULL};
    g_autoptr(VmLogLine) line = vm_log_line_new(bytes, size);

    if (g_hash_table_add(self->processes, g_strdup(line->process))) {
        gtk_combo_box_text_append(self->process_combo, line->process, line->process);
    }
    add_row(self, line, _(words[line->level]), icons[line->level]);
}

/* Of no process and at every level. */
static void
add_skipped(VmLogPage *self)
{
    g_autofree char *amount = vm_words_size(self->skipped);
    /* Translators: %s is an amount such as "3.2 MB" of a console's text. */
    g_autofree char *words = g_strdup_printf(_("%s skipped"), amount);
    g_autofree char *text = g_strdup_printf("──── %s ────", words);
    char nothing[] = "";
    const VmLogLine line = {
        .time = nothing, .process = nothing, .level = VM_LOG_ERROR, .text = text};

    add_row(self, &line, "", NULL);
    self->skipped = 0;
}

/* Whole lines of about as many bytes as may be. FALSE: none is left. */
static gboolean
show_lines(VmLogPage *self, gsize bytes)
{
    gboolean follow = self->follow;
    const char *line = self->waiting->str;
    const char *end = memchr(line, '\n', self->waiting->len);

    if (end && self->skipped > 0) {
        add_skipped(self);
    }
    for (; end && (gsize)(line - self->waiting->str) < bytes;
         end = memchr(line, '\n', self->waiting->len - (gsize)(line - self->waiting->str))) {
        add_line(self, line, (gsize)(end - line));
        line = end + 1;
    }
    if (line != self->waiting->str) {
        g_string_erase(self->waiting, 0, line - self->waiting->str);
        if (follow) {
            show_end(self);
        } else {
            gtk_widget_show(self->new_button);
        }
    }
    return end != NULL;
}

static gboolean
frame_begins(GtkWidget *widget, GdkFrameClock *clock, gpointer data)
{
    VmLogPage *self = VM_LOG_PAGE(widget);
    gint64 now = gdk_frame_clock_get_frame_time(clock);
    gint64 elapsed = CLAMP(now - self->ticked, 1, FRAME_MAX_US);

    self->ticked = now;
    if (show_lines(self, (gsize)(elapsed * BYTES_PER_SECOND / G_USEC_PER_SEC))) {
        return G_SOURCE_CONTINUE;
    }
    self->tick = 0;
    return G_SOURCE_REMOVE;
}

static void
drop_waiting(VmLogPage *self)
{
    if (self->tick) {
        gtk_widget_remove_tick_callback(GTK_WIDGET(self), self->tick);
        self->tick = 0;
    }
    g_string_truncate(self->waiting, 0);
    self->skipped = 0;
}

static void
append(VmLogPage *self, const VmLogPiece *piece)
{
    if (piece->skipped > 0) {
        self->skipped += piece->skipped + self->waiting->len;
        g_string_truncate(self->waiting, 0);
    }
    g_string_append_len(self->waiting, piece->text, (gssize)piece->size);
    if (self->waiting->len > WAITING_MAX) {
        gsize most = self->waiting->len - WAITING_MAX;
        const char *end = memchr(self->waiting->str + most, '\n', WAITING_MAX);
        gsize cut = end ? (gsize)(end - self->waiting->str) + 1 : self->waiting->len;

        self->skipped += cut;
        g_string_erase(self->waiting, 0, (gssize)cut);
    }
    if (!self->tick && self->waiting->len > 0) {
        self->tick = gtk_widget_add_tick_callback(GTK_WIDGET(self), frame_begins, NULL, NULL);
    }
}

static void
forget_rows(VmLogPage *self)
{
    gtk_list_store_clear(self->rows);
    drop_waiting(self);
    self->n_rows = 0;
    self->offset = 0;
    self->follow = TRUE;
    gtk_widget_hide(self->new_button);
}

static void
stop_reading(VmLogPage *self)
{
    g_cancellable_cancel(self->reading);
    g_clear_object(&self->reading);
    self->again = FALSE;
}

static void read_more(VmLogPage *self);

static void
piece_read(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(VmLogPage) self = VM_LOG_PAGE(data);
    g_autoptr(GError) error = NULL;
    g_autoptr(VmLogPiece) piece = vm_log_piece_read_finish(result, &error);
    gboolean again = self->again;

    if (g_task_get_cancellable(G_TASK(result)) != self->reading) {
        return; /* of another file */
    }
    stop_reading(self);
    if (piece) {
        if (piece->anew) {
            forget_rows(self);
        }
        self->offset = piece->end;
        append(self, piece);
    }
    gtk_stack_set_visible_child_name(self->stack, self->offset > 0 ? "text" : "empty");
    if (again) {
        read_more(self);
    }
}

static void
read_more(VmLogPage *self)
{
    if (self->reading) {
        self->again = TRUE;
        return;
    }
    self->reading = g_cancellable_new();
    vm_log_piece_read_async(self->path, self->offset, self->reading, piece_read,
                            g_object_ref(self));
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

static void
file_chosen(GtkWidget *widget, const char *path)
{
    VmLogPage *self = VM_LOG_PAGE(widget);
    g_autoptr(GFile) from = self->saving ? g_file_new_for_path(self->saving) : NULL;
    g_autoptr(GFile) to = path ? g_file_new_for_path(path) : NULL;

    g_clear_pointer(&self->saving, g_free);
    if (from && to) {
        g_file_copy_async(from, to, G_FILE_COPY_OVERWRITE, G_PRIORITY_DEFAULT, NULL, NULL, NULL,
                          log_saved, g_object_ref(self));
    }
}

void
vm_log_page_save(VmLogPage *self)
{
    g_autofree char *name = g_strconcat(vm_machine_get_name(self->machine), ".log", NULL);

    /* Another machine may be shown when the dialog answers. */
    g_free(self->saving);
    self->saving = g_strdup(self->path);
    vm_file_dialog_save(GTK_WIDGET(self), _("Save log"), name, file_chosen);
}

static void
drop_machine(VmLogPage *self)
{
    if (self->monitor) {
        g_file_monitor_cancel(self->monitor);
    }
    g_clear_object(&self->monitor);
    stop_reading(self);
    g_clear_object(&self->machine);
    g_clear_pointer(&self->path, g_free);
}

static void
vm_log_page_dispose(GObject *object)
{
    VmLogPage *self = VM_LOG_PAGE(object);

    drop_machine(self);
    g_clear_pointer(&self->saving, g_free);
    g_clear_object(&self->filter);
    g_clear_pointer(&self->processes, g_hash_table_unref);
    if (self->waiting) {
        drop_waiting(self);
        g_string_free(g_steal_pointer(&self->waiting), TRUE);
    }
    G_OBJECT_CLASS(vm_log_page_parent_class)->dispose(object);
}

/* The machine's own log; before there is one, what `vmm` said when it could not start. */
static char *
choose_path(VmMachine *machine)
{
    g_autofree char *folder = vm_paths_state(vm_machine_get_name(machine));
    g_autofree char *log = vm_machine_dup_log_path(machine);

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
        stop_reading(self);
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

/* In a narrow window its words may be cut; its menu has them whole. */
static void
let_shrink(GtkComboBox *combo)
{
    g_autoptr(GList) cells = gtk_cell_layout_get_cells(GTK_CELL_LAYOUT(combo));

    for (GList *one = cells; one; one = one->next) {
        g_object_set(one->data, "ellipsize", PANGO_ELLIPSIZE_END, NULL);
    }
}

static void
vm_log_page_init(VmLogPage *self)
{
    GtkCellRenderer *icon = gtk_cell_renderer_pixbuf_new();
    GtkTreeViewColumn *level = NULL;

    gtk_widget_init_template(GTK_WIDGET(self));
    let_shrink(self->level_combo);
    let_shrink(GTK_COMBO_BOX(self->process_combo));
    self->processes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    self->waiting = g_string_new(NULL);
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
