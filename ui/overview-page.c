/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/overview-page.h"

#include <glib/gi18n.h>
#include <string.h>

#include "manager/model/words.h"
#include "ui/accessible.h"
#include "ui/beat.h"
#include "ui/overview-cells.h"
#include "ui/overview-menu.h"
#include "ui/overview-private.h"
#include "ui/wrap-box.h"

#define STATE_CHARS 22

G_DEFINE_FINAL_TYPE(VmOverviewPage, vm_overview_page, GTK_TYPE_BOX)

enum {
    ACTIVATED,
    ACT,
    N_SIGNALS
};
static guint signals[N_SIGNALS]; /* NOLINT(cppcoreguidelines-avoid-non-const-global-variables) */

/* The list holds it. */
static VmMachine *
machine_at(GtkTreeModel *model, GtkTreeIter *row)
{
    VmMachine *machine = NULL;

    gtk_tree_model_get(model, row, 0, &machine, -1);
    if (machine) {
        g_object_unref(machine);
    }
    return machine;
}

static char *
text_of(VmMachine *machine, VmOverviewColumn id)
{
    VmJson *definition = vm_machine_get_definition(machine);
    int share = vm_machine_get_share(machine);
    gint64 seconds = 0;
    gint64 size = 0;
    double rate = 0;

    switch (id) {
    case VM_OVERVIEW_NAME:
        return g_strdup(vm_machine_get_title(machine));
    case VM_OVERVIEW_GROUP:
        return g_strdup(vm_machine_get_group(machine));
    case VM_OVERVIEW_STATE: {
        /* The percentage has its own column. */
        g_auto(GStrv) parts = g_strsplit(vm_machine_get_state_words(machine), " · ", 2);
        return g_strdup(share >= 0 ? parts[0] : vm_machine_get_state_words(machine));
    }
    case VM_OVERVIEW_CPU:
        return share >= 0 ? g_strdup_printf(_("%d %%"), share) : g_strdup("–");
    case VM_OVERVIEW_MEMORY:
        size = definition ? vm_json_get_int(definition, "mem.size", 256) : 0;
        return size > 0 ? vm_words_size((guint64)size << 20) : g_strdup("–");
    case VM_OVERVIEW_DISK:
        rate = vm_machine_get_disk_rate(machine);
        return rate >= 0 ? vm_words_rate(rate) : g_strdup("–");
    case VM_OVERVIEW_TIME:
        seconds = vm_machine_get_seconds(machine);
        return seconds >= 0 ? vm_machine_duration_words(seconds) : g_strdup("–");
    case VM_OVERVIEW_NOTE:
        return g_strdelimit(g_strdup(vm_machine_get_note(machine)), "\n", ' ');
    case VM_OVERVIEW_N_COLUMNS:
    default:
        return g_strdup("");
    }
}

static gint64
number_of(VmMachine *machine, VmOverviewColumn id)
{
    VmJson *definition = vm_machine_get_definition(machine);

    switch (id) {
    case VM_OVERVIEW_CPU:
        return vm_machine_get_share(machine);
    case VM_OVERVIEW_MEMORY:
        return definition ? vm_json_get_int(definition, "mem.size", 256) : 0;
    case VM_OVERVIEW_DISK:
        return (gint64)vm_machine_get_disk_rate(machine);
    case VM_OVERVIEW_TIME:
        return vm_machine_get_seconds(machine);
    case VM_OVERVIEW_NAME:
    case VM_OVERVIEW_GROUP:
    case VM_OVERVIEW_STATE:
    case VM_OVERVIEW_NOTE:
    case VM_OVERVIEW_N_COLUMNS:
    default:
        return 0;
    }
}

static int
compare_rows(GtkTreeModel *model, GtkTreeIter *a, GtkTreeIter *b, gpointer data)
{
    VmOverviewColumn id = (VmOverviewColumn)GPOINTER_TO_INT(data);
    VmMachine *one = machine_at(model, a);
    VmMachine *two = machine_at(model, b);
    g_autofree char *text_one = NULL;
    g_autofree char *text_two = NULL;
    g_autofree char *key_one = NULL;
    g_autofree char *key_two = NULL;

    if (!one || !two) {
        return 0;
    }
    if (vm_overview_column_kind((VmOverviewColumn)id)->number) {
        gint64 difference = number_of(one, id) - number_of(two, id);
        if (difference != 0) {
            return difference < 0 ? -1 : 1;
        }
        id = VM_OVERVIEW_NAME;
    }
    text_one = text_of(one, id);
    text_two = text_of(two, id);
    key_one = g_utf8_collate_key_for_filename(text_one, -1);
    key_two = g_utf8_collate_key_for_filename(text_two, -1);
    return strcmp(key_one, key_two);
}

/* ------------------------------------------------------------------ cells */

static void
show_text(GtkTreeViewColumn *column, GtkCellRenderer *cell, GtkTreeModel *model, GtkTreeIter *row,
          gpointer data)
{
    VmMachine *machine = machine_at(model, row);
    g_autofree char *text =
        machine ? text_of(machine, (VmOverviewColumn)GPOINTER_TO_INT(data)) : NULL;

    g_object_set(cell, "text", text ? text : "", NULL);
}

static void
show_picture(GtkTreeViewColumn *column, GtkCellRenderer *cell, GtkTreeModel *model,
             GtkTreeIter *row, gpointer data)
{
    VmOverviewPage *self = VM_OVERVIEW_PAGE(data);
    VmMachine *machine = machine_at(model, row);
    cairo_surface_t *picture =
        machine && self->picture ? self->picture(machine, self->picture_data) : NULL;

    vm_picture_cell_set(VM_PICTURE_CELL(cell), picture, machine);
}

static void
show_history(GtkTreeViewColumn *column, GtkCellRenderer *cell, GtkTreeModel *model,
             GtkTreeIter *row, gpointer data)
{
    VmMachine *machine = machine_at(model, row);

    vm_history_cell_set(VM_HISTORY_CELL(cell),
                        machine && vm_machine_get_share(machine) >= 0 ? machine : NULL);
}

static void
fill_column(VmOverviewPage *self, GtkTreeViewColumn *column, VmOverviewColumn id)
{
    const VmOverviewColumnKind *kind = vm_overview_column_kind(id);
    GtkCellRenderer *cell = gtk_cell_renderer_text_new();

    if (id == VM_OVERVIEW_NAME) {
        GtkCellRenderer *picture = vm_picture_cell_new();
        gtk_tree_view_column_pack_start(column, picture, FALSE);
        gtk_tree_view_column_set_cell_data_func(column, picture, show_picture, self, NULL);
        g_object_set(cell, "weight", PANGO_WEIGHT_BOLD, NULL);
    } else if (kind->drawn) {
        GtkCellRenderer *history = vm_history_cell_new(kind->figure);
        gtk_tree_view_column_pack_start(column, history, FALSE);
        gtk_tree_view_column_set_cell_data_func(column, history, show_history, self, NULL);
    }
    g_object_set(cell, "xpad", 8, "ypad", 8, NULL);
    if (kind->number) {
        gtk_cell_renderer_set_alignment(cell, 1, 0.5F);
        gtk_tree_view_column_set_alignment(column, 1);
    } else {
        g_object_set(cell, "ellipsize", PANGO_ELLIPSIZE_END, "width-chars",
                     id == VM_OVERVIEW_STATE ? STATE_CHARS : VM_OVERVIEW_TEXT_CHARS,
                     "single-paragraph-mode", TRUE, NULL);
    }
    if (id == VM_OVERVIEW_GROUP) {
        self->group_cell = cell; /* its column's */
    }
    gtk_tree_view_column_pack_start(column, cell, TRUE);
    gtk_tree_view_column_set_cell_data_func(column, cell, show_text, GINT_TO_POINTER(id), NULL);
}

static void
make_columns(VmOverviewPage *self)
{
    for (int id = 0; id < VM_OVERVIEW_N_COLUMNS; id++) {
        GtkTreeViewColumn *column = gtk_tree_view_column_new();
        self->columns[id] = column;
        gtk_tree_view_column_set_title(column,
                                       _(vm_overview_column_kind((VmOverviewColumn)id)->title));
        fill_column(self, column, (VmOverviewColumn)id);
        gtk_tree_view_column_set_resizable(column, TRUE);
        gtk_tree_view_column_set_reorderable(column, TRUE);
        gtk_tree_view_column_set_min_width(column, VM_OVERVIEW_COLUMN_MIN_WIDTH);
        gtk_tree_view_column_set_sort_column_id(column, id);
        gtk_tree_view_column_set_visible(column,
                                         !vm_overview_column_kind((VmOverviewColumn)id)->hidden);
        gtk_tree_view_column_set_expand(column, id == VM_OVERVIEW_NAME);
        gtk_tree_sortable_set_sort_func(GTK_TREE_SORTABLE(self->rows), id, compare_rows,
                                        GINT_TO_POINTER(id), NULL);
        gtk_tree_view_append_column(self->tree, column);
    }
}

/* ------------------------------------------------------------------ rows */

static gboolean
row_of(VmOverviewPage *self, VmMachine *machine, GtkTreeIter *ret_row)
{
    GtkTreeModel *model = GTK_TREE_MODEL(self->rows);
    gboolean more = gtk_tree_model_get_iter_first(model, ret_row);

    while (more && machine_at(model, ret_row) != machine) {
        more = gtk_tree_model_iter_next(model, ret_row);
    }
    return more;
}

static void
machine_changed(VmMachine *machine, GParamSpec *spec, VmOverviewPage *self)
{
    GtkTreeIter row;

    /* Hidden, all is drawn anew when it is shown. */
    if (gtk_widget_get_mapped(GTK_WIDGET(self)) && row_of(self, machine, &row)) {
        gtk_list_store_set(self->rows, &row, 0, machine, -1);
    }
    if (g_str_equal(g_param_spec_get_name(spec), "group")) {
        vm_overview_columns_fit(self);
    }
}

static void
add_row(VmOverviewPage *self, VmMachine *machine)
{
    gtk_list_store_insert_with_values(self->rows, NULL, -1, 0, machine, -1);
    g_signal_connect_object(machine, "notify", G_CALLBACK(machine_changed), self, 0);
}

static void
remove_gone(VmOverviewPage *self)
{
    GtkTreeModel *model = GTK_TREE_MODEL(self->rows);
    GtkTreeIter row;
    gboolean more = gtk_tree_model_get_iter_first(model, &row);

    while (more) {
        VmMachine *machine = machine_at(model, &row);
        if (vm_store_find(self->store, vm_machine_get_name(machine)) == machine) {
            more = gtk_tree_model_iter_next(model, &row);
        } else {
            g_signal_handlers_disconnect_by_func(machine, machine_changed, self);
            more = gtk_list_store_remove(self->rows, &row);
        }
    }
}

static void
items_changed(VmOverviewPage *self, guint position, guint removed, guint added)
{
    GtkTreeIter row;

    if (removed) {
        remove_gone(self);
    }
    for (guint i = position; i < position + added; i++) {
        g_autoptr(VmMachine) machine = g_list_model_get_item(G_LIST_MODEL(self->store), i);
        if (!row_of(self, machine, &row)) {
            add_row(self, machine);
        }
    }
}

void
vm_overview_page_set_store(VmOverviewPage *self, VmStore *store)
{
    g_set_object(&self->store, store);
    g_signal_connect_object(store, "items-changed", G_CALLBACK(items_changed), self,
                            G_CONNECT_SWAPPED);
    items_changed(self, 0, 0, g_list_model_get_n_items(G_LIST_MODEL(store)));
}

void
vm_overview_page_set_pictures(VmOverviewPage *self, VmPictureFunc function, gpointer data)
{
    self->picture = function;
    self->picture_data = data;
}

/* Rows that can be seen ask for figures; times and pictures are drawn anew. */
static void
second_passed(GtkWidget *widget)
{
    VmOverviewPage *self = VM_OVERVIEW_PAGE(widget);
    g_autoptr(GtkTreePath) first = NULL;
    g_autoptr(GtkTreePath) last = NULL;
    GtkTreeIter row;

    if (!gtk_tree_view_get_visible_range(self->tree, &first, &last)) {
        return;
    }
    while (gtk_tree_path_compare(first, last) <= 0 &&
           gtk_tree_model_get_iter(GTK_TREE_MODEL(self->rows), &row, first)) {
        VmMachine *machine = machine_at(GTK_TREE_MODEL(self->rows), &row);
        if (vm_machine_is_active(machine)) {
            vm_machine_refresh_share(machine);
            if (gtk_tree_view_column_get_visible(self->columns[VM_OVERVIEW_DISK]) ||
                gtk_tree_view_column_get_visible(self->columns[VM_OVERVIEW_MEMORY])) {
                vm_machine_refresh_totals(machine);
            }
            gtk_tree_model_row_changed(GTK_TREE_MODEL(self->rows), first, &row);
        }
        gtk_tree_path_next(first);
    }
}

/* ------------------------------------------------------------------ selection */

GPtrArray *
vm_overview_page_get_selected(VmOverviewPage *self)
{
    GPtrArray *machines = g_ptr_array_new_with_free_func(g_object_unref);
    GtkTreeModel *model = NULL;
    GList *paths = gtk_tree_selection_get_selected_rows(self->selection, &model);

    for (GList *at = paths; at; at = at->next) {
        GtkTreeIter row;
        if (gtk_tree_model_get_iter(model, &row, at->data)) {
            g_ptr_array_add(machines, g_object_ref(machine_at(model, &row)));
        }
    }
    g_list_free_full(paths, (GDestroyNotify)gtk_tree_path_free);
    return machines;
}

void
vm_overview_page_select_all(VmOverviewPage *self)
{
    gtk_tree_selection_select_all(self->selection);
    gtk_widget_grab_focus(GTK_WIDGET(self->tree));
}

GtkWidget *
vm_overview_page_get_group_button(VmOverviewPage *self)
{
    /* With one machine selected there is no bar. */
    return gtk_revealer_get_reveal_child(self->action_revealer) ? self->group_button
                                                                : GTK_WIDGET(self->tree);
}

static void
selection_changed(VmOverviewPage *self)
{
    g_autoptr(GPtrArray) machines = vm_overview_page_get_selected(self);
    g_autofree char *words =
        g_strdup_printf(ngettext("%u selected", "%u selected", machines->len), machines->len);
    gboolean some_run = FALSE;
    gboolean some_off = FALSE;

    for (guint i = 0; i < machines->len; i++) {
        gboolean active = vm_machine_is_active(g_ptr_array_index(machines, i));
        some_run = some_run || active;
        some_off = some_off || !active;
    }
    if (g_strcmp0(gtk_label_get_text(self->count_label), words) != 0) {
        gtk_label_set_text(self->count_label, words);
        vm_accessible_appear(GTK_WIDGET(self->count_label));
    }
    gtk_widget_set_sensitive(self->start_button, some_off);
    gtk_widget_set_sensitive(self->shut_down_button, some_run);
    gtk_widget_set_sensitive(self->delete_button, some_off);
    gtk_revealer_set_reveal_child(self->action_revealer, machines->len > 1);
}

static void
act(VmOverviewPage *self, const char *what)
{
    g_autoptr(GPtrArray) machines = vm_overview_page_get_selected(self);

    if (machines->len > 0) {
        g_signal_emit(self, signals[ACT], 0, what, machines);
        if (!gtk_widget_in_destruction(GTK_WIDGET(self))) {
            selection_changed(self);
        }
    }
}

static void
start_clicked(VmOverviewPage *self)
{
    act(self, "start");
}

static void
shut_down_clicked(VmOverviewPage *self)
{
    act(self, "shut-down");
}

static void
group_clicked(VmOverviewPage *self)
{
    act(self, "group");
}

static void
delete_clicked(VmOverviewPage *self)
{
    act(self, "delete");
}

static void
row_activated(VmOverviewPage *self, GtkTreePath *path)
{
    GtkTreeIter row;

    if (gtk_tree_model_get_iter(GTK_TREE_MODEL(self->rows), &row, path)) {
        g_autoptr(VmMachine) machine = g_object_ref(machine_at(GTK_TREE_MODEL(self->rows), &row));
        g_signal_emit(self, signals[ACTIVATED], 0, machine);
    }
}

static void
menu_chosen(gpointer data, const char *what)
{
    act(VM_OVERVIEW_PAGE(data), what);
}

static gboolean
show_menu(VmOverviewPage *self, const GdkEvent *event)
{
    g_autoptr(GPtrArray) machines = vm_overview_page_get_selected(self);
    guint active = 0;

    for (guint i = 0; i < machines->len; i++) {
        active += vm_machine_is_active(g_ptr_array_index(machines, i)) ? 1 : 0;
    }
    if (machines->len > 0) {
        vm_overview_menu_show(self->tree, event, active<machines->len, active> 0, menu_chosen);
    }
    return machines->len > 0;
}

static gboolean
menu_asked(VmOverviewPage *self)
{
    g_autoptr(GdkEvent) event = gtk_get_current_event();
    g_autoptr(GtkTreePath) path = NULL;

    gtk_tree_view_get_cursor(self->tree, &path, NULL);
    if (path && gtk_tree_selection_count_selected_rows(self->selection) == 0) {
        gtk_tree_selection_select_path(self->selection, path);
    }
    return show_menu(self, event);
}

/* On what is selected already it keeps the selection, on another row it selects that. */
static gboolean
button_pressed(VmOverviewPage *self, GdkEventButton *event)
{
    g_autoptr(GtkTreePath) path = NULL;

    if (!gdk_event_triggers_context_menu((GdkEvent *)event) ||
        !gtk_tree_view_get_path_at_pos(self->tree, (int)event->x, (int)event->y, &path, NULL, NULL,
                                       NULL)) {
        return GDK_EVENT_PROPAGATE;
    }
    if (!gtk_tree_selection_path_is_selected(self->selection, path)) {
        gtk_tree_view_set_cursor(self->tree, path, NULL, FALSE);
    }
    return show_menu(self, (GdkEvent *)event);
}

static gboolean
key_pressed(VmOverviewPage *self, GdkEventKey *event)
{
    if (event->keyval == GDK_KEY_Delete || event->keyval == GDK_KEY_KP_Delete) {
        act(self, "delete");
        return GDK_EVENT_STOP;
    }
    return GDK_EVENT_PROPAGATE;
}

/* ------------------------------------------------------------------ the widget */

static void
vm_overview_page_map(GtkWidget *widget)
{
    GTK_WIDGET_CLASS(vm_overview_page_parent_class)->map(widget);
    gtk_widget_queue_draw(widget);
}

static void
vm_overview_page_dispose(GObject *object)
{
    VmOverviewPage *self = VM_OVERVIEW_PAGE(object);

    self->picture = NULL;
    if (self->settings) {
        g_autoptr(GSettings) settings = self->settings;
        vm_overview_columns_save_widths(self);
        self->settings = NULL;
    }
    g_clear_handle_id(&self->fitting, g_source_remove);
    g_clear_object(&self->store);
    g_clear_object(&self->rows);
    G_OBJECT_CLASS(vm_overview_page_parent_class)->dispose(object);
}

static void
vm_overview_page_class_init(VmOverviewPageClass *klass)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(klass);

    G_OBJECT_CLASS(klass)->dispose = vm_overview_page_dispose;
    widget_class->map = vm_overview_page_map;
    signals[ACTIVATED] = g_signal_new("activated", VM_TYPE_OVERVIEW_PAGE, G_SIGNAL_RUN_LAST, 0,
                                      NULL, NULL, NULL, G_TYPE_NONE, 1, VM_TYPE_MACHINE);
    signals[ACT] = g_signal_new("act", VM_TYPE_OVERVIEW_PAGE, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                NULL, G_TYPE_NONE, 2, G_TYPE_STRING, G_TYPE_PTR_ARRAY);
    g_type_ensure(VM_TYPE_WRAP_BOX);
    gtk_widget_class_set_template_from_resource(widget_class,
                                                "/org/vitrine/Vitrine/ui/overview-page.ui");
    gtk_widget_class_bind_template_child(widget_class, VmOverviewPage, tree);
    gtk_widget_class_bind_template_child(widget_class, VmOverviewPage, selection);
    gtk_widget_class_bind_template_child(widget_class, VmOverviewPage, action_revealer);
    gtk_widget_class_bind_template_child(widget_class, VmOverviewPage, count_label);
    gtk_widget_class_bind_template_child(widget_class, VmOverviewPage, start_button);
    gtk_widget_class_bind_template_child(widget_class, VmOverviewPage, shut_down_button);
    gtk_widget_class_bind_template_child(widget_class, VmOverviewPage, group_button);
    gtk_widget_class_bind_template_child(widget_class, VmOverviewPage, delete_button);
    gtk_widget_class_bind_template_callback(widget_class, row_activated);
    gtk_widget_class_bind_template_callback(widget_class, key_pressed);
    gtk_widget_class_bind_template_callback(widget_class, button_pressed);
    gtk_widget_class_bind_template_callback(widget_class, menu_asked);
    gtk_widget_class_bind_template_callback_full(widget_class, "columns_changed",
                                                 G_CALLBACK(vm_overview_columns_changed));
    gtk_widget_class_bind_template_callback(widget_class, selection_changed);
    gtk_widget_class_bind_template_callback(widget_class, start_clicked);
    gtk_widget_class_bind_template_callback(widget_class, shut_down_clicked);
    gtk_widget_class_bind_template_callback(widget_class, group_clicked);
    gtk_widget_class_bind_template_callback(widget_class, delete_clicked);
}

static void
vm_overview_page_init(VmOverviewPage *self)
{
    gtk_widget_init_template(GTK_WIDGET(self));
    self->rows = gtk_list_store_new(1, VM_TYPE_MACHINE);
    make_columns(self);
    gtk_tree_sortable_set_sort_column_id(GTK_TREE_SORTABLE(self->rows), VM_OVERVIEW_NAME,
                                         GTK_SORT_ASCENDING);
    gtk_tree_view_set_model(self->tree, GTK_TREE_MODEL(self->rows));
    g_signal_connect_swapped(self->tree, "size-allocate", G_CALLBACK(vm_overview_columns_fit),
                             self);
    vm_beat_join(GTK_WIDGET(self), second_passed);
}
