/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/overview-page.h"

#include <glib/gi18n.h>
#include <string.h>

#include "manager/model/words.h"
#include "ui/beat.h"
#include "ui/overview-cells.h"
#include "ui/overview-menu.h"

#define COLUMN_MIN_WIDTH 60

enum id {
    ID_NAME,
    ID_GROUP,
    ID_STATE,
    ID_CPU,
    ID_MEMORY,
    ID_DISK,
    ID_TIME,
    ID_NOTE,
    N_IDS
};

static const struct {
    const char *id;
    const char *title;
    gboolean number;
    gboolean hidden; /* at first */
} table[N_IDS] = {
    [ID_NAME] = {"name", N_("Name"), FALSE, FALSE},
    [ID_GROUP] = {"group", N_("Group"), FALSE, FALSE},
    [ID_STATE] = {"state", N_("State"), FALSE, FALSE},
    [ID_CPU] = {"cpu", N_("CPU"), TRUE, FALSE},
    [ID_MEMORY] = {"memory", N_("Memory"), TRUE, FALSE},
    [ID_DISK] = {"disk", N_("Disk"), TRUE, FALSE},
    [ID_TIME] = {"time", N_("Running for"), TRUE, FALSE},
    [ID_NOTE] = {"note", N_("Note"), FALSE, TRUE},
};

struct _VmOverviewPage {
    GtkBox parent_instance;
    GtkTreeView *tree;
    GtkTreeSelection *selection;
    GtkRevealer *action_revealer;
    GtkLabel *count_label;
    GtkWidget *start_button;
    GtkWidget *shut_down_button;
    GtkWidget *group_button;
    GtkWidget *delete_button;

    GtkListStore *rows; /* one column: VmMachine */
    GtkTreeViewColumn *columns[N_IDS];
    VmStore *store;
    GSettings *settings;
    VmPictureFunc picture;
    gpointer picture_data;
};

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
text_of(VmMachine *machine, enum id id)
{
    VmJson *definition = vm_machine_get_definition(machine);
    int share = vm_machine_get_share(machine);
    gint64 seconds = 0;
    gint64 size = 0;
    double rate = 0;

    switch (id) {
    case ID_NAME:
        return g_strdup(vm_machine_get_title(machine));
    case ID_GROUP:
        return g_strdup(vm_machine_get_group(machine));
    case ID_STATE: {
        /* The percentage has its own column. */
        g_auto(GStrv) parts = g_strsplit(vm_machine_get_state_words(machine), " · ", 2);
        return g_strdup(share >= 0 ? parts[0] : vm_machine_get_state_words(machine));
    }
    case ID_CPU:
        return share >= 0 ? g_strdup_printf(_("%d %%"), share) : g_strdup("–");
    case ID_MEMORY:
        size = definition ? vm_json_get_int(definition, "mem.size", 256) : 0;
        return size > 0 ? vm_words_size((guint64)size << 20) : g_strdup("–");
    case ID_DISK:
        rate = vm_machine_get_disk_rate(machine);
        return rate >= 0 ? vm_words_rate(rate) : g_strdup("–");
    case ID_TIME:
        seconds = vm_machine_get_seconds(machine);
        return seconds >= 0 ? vm_machine_duration_words(seconds) : g_strdup("–");
    case ID_NOTE:
        return g_strdelimit(g_strdup(vm_machine_get_note(machine)), "\n", ' ');
    case N_IDS:
    default:
        return g_strdup("");
    }
}

static gint64
number_of(VmMachine *machine, enum id id)
{
    VmJson *definition = vm_machine_get_definition(machine);

    switch (id) {
    case ID_CPU:
        return vm_machine_get_share(machine);
    case ID_MEMORY:
        return definition ? vm_json_get_int(definition, "mem.size", 256) : 0;
    case ID_DISK:
        return (gint64)vm_machine_get_disk_rate(machine);
    case ID_TIME:
        return vm_machine_get_seconds(machine);
    case ID_NAME:
    case ID_GROUP:
    case ID_STATE:
    case ID_NOTE:
    case N_IDS:
    default:
        return 0;
    }
}

static int
compare_rows(GtkTreeModel *model, GtkTreeIter *a, GtkTreeIter *b, gpointer data)
{
    enum id id = (enum id)GPOINTER_TO_INT(data);
    VmMachine *one = machine_at(model, a);
    VmMachine *two = machine_at(model, b);
    g_autofree char *text_one = NULL;
    g_autofree char *text_two = NULL;
    g_autofree char *key_one = NULL;
    g_autofree char *key_two = NULL;

    if (!one || !two) {
        return 0;
    }
    if (table[id].number) {
        gint64 difference = number_of(one, id) - number_of(two, id);
        if (difference != 0) {
            return difference < 0 ? -1 : 1;
        }
        id = ID_NAME;
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
    g_autofree char *text = machine ? text_of(machine, (enum id)GPOINTER_TO_INT(data)) : NULL;

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

    vm_picture_cell_set(VM_PICTURE_CELL(cell), picture, machine && !vm_machine_is_active(machine));
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
fill_column(VmOverviewPage *self, GtkTreeViewColumn *column, enum id id)
{
    GtkCellRenderer *cell = gtk_cell_renderer_text_new();

    if (id == ID_NAME) {
        GtkCellRenderer *picture = vm_picture_cell_new();
        gtk_tree_view_column_pack_start(column, picture, FALSE);
        gtk_tree_view_column_set_cell_data_func(column, picture, show_picture, self, NULL);
        g_object_set(cell, "weight", PANGO_WEIGHT_BOLD, NULL);
    } else if (id == ID_CPU) {
        GtkCellRenderer *history = vm_history_cell_new();
        gtk_tree_view_column_pack_start(column, history, FALSE);
        gtk_tree_view_column_set_cell_data_func(column, history, show_history, self, NULL);
    }
    g_object_set(cell, "xpad", 8, "ypad", 8, NULL);
    if (table[id].number) {
        gtk_cell_renderer_set_alignment(cell, 1, 0.5F);
        gtk_tree_view_column_set_alignment(column, 1);
    } else {
        g_object_set(cell, "ellipsize", PANGO_ELLIPSIZE_END, "width-chars",
                     id == ID_STATE ? 22 : 12, NULL);
    }
    gtk_tree_view_column_pack_start(column, cell, TRUE);
    gtk_tree_view_column_set_cell_data_func(column, cell, show_text, GINT_TO_POINTER(id), NULL);
}

static void
make_columns(VmOverviewPage *self)
{
    for (int id = 0; id < N_IDS; id++) {
        GtkTreeViewColumn *column = gtk_tree_view_column_new();
        self->columns[id] = column;
        gtk_tree_view_column_set_title(column, _(table[id].title));
        fill_column(self, column, (enum id)id);
        gtk_tree_view_column_set_resizable(column, TRUE);
        gtk_tree_view_column_set_reorderable(column, TRUE);
        gtk_tree_view_column_set_min_width(column, COLUMN_MIN_WIDTH);
        gtk_tree_view_column_set_sort_column_id(column, id);
        gtk_tree_view_column_set_visible(column, !table[id].hidden);
        gtk_tree_view_column_set_expand(column, id == ID_NAME);
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
            if (gtk_tree_view_column_get_visible(self->columns[ID_DISK])) {
                vm_machine_refresh_disk_rate(machine);
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
    gtk_label_set_text(self->count_label, words);
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

/* ------------------------------------------------------------------ what is kept */

static int
id_named(const char *name)
{
    for (int id = 0; id < N_IDS; id++) {
        if (g_str_equal(table[id].id, name)) {
            return id;
        }
    }
    return -1;
}

static void
columns_changed(VmOverviewPage *self)
{
    g_autoptr(GStrvBuilder) order = g_strv_builder_new();
    g_auto(GStrv) names = NULL;
    g_autoptr(GList) columns = NULL;

    if (!self->settings) {
        return;
    }
    columns = gtk_tree_view_get_columns(self->tree);
    for (GList *at = columns; at; at = at->next) {
        int id = gtk_tree_view_column_get_sort_column_id(at->data);
        g_strv_builder_add(order, table[id].id);
    }
    names = g_strv_builder_end(order);
    g_settings_set_strv(self->settings, "overview-order", (const char *const *)names);
}

static void
visibility_changed(VmOverviewPage *self)
{
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
    g_auto(GStrv) names = NULL;

    for (int id = 0; id < N_IDS; id++) {
        if (gtk_tree_view_column_get_visible(self->columns[id])) {
            g_strv_builder_add(builder, table[id].id);
        }
    }
    names = g_strv_builder_end(builder);
    g_settings_set_strv(self->settings, "overview-columns", (const char *const *)names);
}

static void
sort_changed(VmOverviewPage *self)
{
    GtkSortType order = GTK_SORT_ASCENDING;
    int id = 0;

    if (gtk_tree_sortable_get_sort_column_id(GTK_TREE_SORTABLE(self->rows), &id, &order) &&
        id >= 0) {
        g_settings_set_string(self->settings, "overview-sort", table[id].id);
        g_settings_set_boolean(self->settings, "overview-descending", order == GTK_SORT_DESCENDING);
    }
}

static void
save_widths(VmOverviewPage *self)
{
    GVariantBuilder builder;

    g_variant_builder_init(&builder, G_VARIANT_TYPE("a{si}"));
    for (int id = 0; id < N_IDS; id++) {
        int width = gtk_tree_view_column_get_fixed_width(self->columns[id]);
        if (width > 0) {
            g_variant_builder_add(&builder, "{si}", table[id].id, width);
        }
    }
    g_settings_set_value(self->settings, "overview-widths", g_variant_builder_end(&builder));
}

static void
restore_order(VmOverviewPage *self)
{
    g_auto(GStrv) order = g_settings_get_strv(self->settings, "overview-order");
    GtkTreeViewColumn *before = NULL;

    for (guint i = 0; order[i]; i++) {
        int id = id_named(order[i]);
        if (id >= 0) {
            gtk_tree_view_move_column_after(self->tree, self->columns[id], before);
            before = self->columns[id];
        }
    }
}

static void
restore_columns(VmOverviewPage *self)
{
    g_auto(GStrv) shown = g_settings_get_strv(self->settings, "overview-columns");
    g_autofree char *sort = g_settings_get_string(self->settings, "overview-sort");
    g_autoptr(GVariant) widths = g_settings_get_value(self->settings, "overview-widths");
    int sorted = id_named(sort);

    for (int id = 0; id < N_IDS; id++) {
        int width = 0;
        gboolean on = g_strv_contains((const char *const *)shown, table[id].id);
        if (g_variant_lookup(widths, table[id].id, "i", &width) && width >= COLUMN_MIN_WIDTH) {
            gtk_tree_view_column_set_fixed_width(self->columns[id], width);
        }
        gtk_tree_view_column_set_visible(self->columns[id], id == ID_NAME || on);
    }
    gtk_tree_sortable_set_sort_column_id(
        GTK_TREE_SORTABLE(self->rows), sorted >= 0 ? sorted : ID_NAME,
        g_settings_get_boolean(self->settings, "overview-descending") ? GTK_SORT_DESCENDING
                                                                      : GTK_SORT_ASCENDING);
}

void
vm_overview_page_set_settings(VmOverviewPage *self, GSettings *settings)
{
    if (!settings || self->settings) {
        return;
    }
    self->settings = g_object_ref(settings);
    restore_columns(self);
    restore_order(self);
    for (int id = 0; id < N_IDS; id++) {
        g_signal_connect_object(self->columns[id], "notify::visible",
                                G_CALLBACK(visibility_changed), self, G_CONNECT_SWAPPED);
    }
    g_signal_connect_object(self->rows, "sort-column-changed", G_CALLBACK(sort_changed), self,
                            G_CONNECT_SWAPPED);
}

GSimpleActionGroup *
vm_overview_page_make_column_actions(VmOverviewPage *self)
{
    GSimpleActionGroup *group = g_simple_action_group_new();

    for (int id = ID_NAME + 1; id < N_IDS; id++) {
        g_autoptr(GPropertyAction) action =
            g_property_action_new(table[id].id, self->columns[id], "visible");
        g_action_map_add_action(G_ACTION_MAP(group), G_ACTION(action));
    }
    return group;
}

GMenuModel *
vm_overview_page_make_column_menu(VmOverviewPage *self)
{
    GMenu *menu = g_menu_new();
    g_autoptr(GMenu) section = g_menu_new();

    for (int id = ID_NAME + 1; id < N_IDS; id++) {
        g_autofree char *action = g_strconcat("columns.", table[id].id, NULL);
        g_menu_append(section, _(table[id].title), action);
    }
    g_menu_append_section(menu, _("Columns"), G_MENU_MODEL(section));
    return G_MENU_MODEL(menu);
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
        save_widths(self);
        self->settings = NULL;
    }
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
    gtk_widget_class_bind_template_callback(widget_class, columns_changed);
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
    gtk_tree_sortable_set_sort_column_id(GTK_TREE_SORTABLE(self->rows), ID_NAME,
                                         GTK_SORT_ASCENDING);
    gtk_tree_view_set_model(self->tree, GTK_TREE_MODEL(self->rows));
    vm_beat_join(GTK_WIDGET(self), second_passed);
}
