/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The columns of the overview: which there are, and what of them is kept: order, widths, sorting. */
#include <glib/gi18n.h>

#include "ui/overview-private.h"

#define GROUP_CHARS_MAX 30
#define NAME_WIDTH      260 /* that a name keeps */

const VmOverviewColumnKind *
vm_overview_column_kind(VmOverviewColumn id)
{
    static const VmOverviewColumnKind kinds[VM_OVERVIEW_N_COLUMNS] = {
        [VM_OVERVIEW_NAME] = {"name", N_("Name"), FALSE, FALSE},
        [VM_OVERVIEW_GROUP] = {"group", N_("Group"), FALSE, FALSE},
        [VM_OVERVIEW_STATE] = {"state", N_("State"), FALSE, FALSE},
        [VM_OVERVIEW_CPU] = {"cpu", N_("CPU"), TRUE, FALSE, TRUE, VM_MACHINE_CPU},
        [VM_OVERVIEW_MEMORY] = {"memory", N_("Memory"), TRUE, FALSE, TRUE, VM_MACHINE_MEMORY},
        [VM_OVERVIEW_DISK] = {"disk", N_("Disk"), TRUE, FALSE, TRUE, VM_MACHINE_DISK},
        [VM_OVERVIEW_TIME] = {"time", N_("Running for"), TRUE, FALSE},
        [VM_OVERVIEW_NOTE] = {"note", N_("Note"), FALSE, TRUE},
    };

    return &kinds[id];
}

static int
longest_group(VmOverviewPage *self)
{
    GListModel *machines = G_LIST_MODEL(self->store);
    int longest = VM_OVERVIEW_TEXT_CHARS;

    for (guint i = 0; i < g_list_model_get_n_items(machines); i++) {
        g_autoptr(VmMachine) machine = g_list_model_get_item(machines, i);
        const char *group = vm_machine_get_group(machine);
        longest = MAX(longest, group ? (int)g_utf8_strlen(group, -1) : 0);
    }
    return MIN(longest, GROUP_CHARS_MAX);
}

static int
char_width(VmOverviewPage *self)
{
    PangoContext *context = gtk_widget_get_pango_context(GTK_WIDGET(self->tree));
    PangoFontMetrics *metrics = pango_context_get_metrics(context, NULL, NULL);
    const int width = MAX(pango_font_metrics_get_approximate_char_width(metrics),
                          pango_font_metrics_get_approximate_digit_width(metrics));

    pango_font_metrics_unref(metrics);
    return MAX(PANGO_PIXELS(width), 1);
}

static gboolean
fit(gpointer data)
{
    VmOverviewPage *self = data;
    int now = 0;
    int room = 0;
    int chars = 0;

    self->fitting = 0;
    if (!self->store || !gtk_widget_get_mapped(GTK_WIDGET(self->tree))) {
        return G_SOURCE_REMOVE;
    }
    g_object_get(self->group_cell, "width-chars", &now, NULL);
    /* What both have does not change by how they share it. */
    room = gtk_tree_view_column_get_width(self->columns[VM_OVERVIEW_NAME]) - NAME_WIDTH;
    chars = CLAMP(now + room / char_width(self), VM_OVERVIEW_TEXT_CHARS, longest_group(self));
    if (chars != now) {
        g_object_set(self->group_cell, "width-chars", chars, NULL);
        gtk_tree_view_column_queue_resize(self->columns[VM_OVERVIEW_GROUP]);
    }
    return G_SOURCE_REMOVE;
}

void
vm_overview_columns_fit(VmOverviewPage *self)
{
    if (self->fitting == 0) {
        self->fitting = g_idle_add(fit, self);
    }
}

static int
id_named(const char *name)
{
    for (int id = 0; id < VM_OVERVIEW_N_COLUMNS; id++) {
        if (g_str_equal(vm_overview_column_kind((VmOverviewColumn)id)->id, name)) {
            return id;
        }
    }
    return -1;
}

void
vm_overview_columns_changed(VmOverviewPage *self)
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
        g_strv_builder_add(order, vm_overview_column_kind((VmOverviewColumn)id)->id);
    }
    names = g_strv_builder_end(order);
    g_settings_set_strv(self->settings, "overview-order", (const char *const *)names);
}

static void
visibility_changed(VmOverviewPage *self)
{
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
    g_auto(GStrv) names = NULL;

    for (int id = 0; id < VM_OVERVIEW_N_COLUMNS; id++) {
        if (gtk_tree_view_column_get_visible(self->columns[id])) {
            g_strv_builder_add(builder, vm_overview_column_kind((VmOverviewColumn)id)->id);
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
        g_settings_set_string(self->settings, "overview-sort",
                              vm_overview_column_kind((VmOverviewColumn)id)->id);
        g_settings_set_boolean(self->settings, "overview-descending", order == GTK_SORT_DESCENDING);
    }
}

void
vm_overview_columns_save_widths(VmOverviewPage *self)
{
    GVariantBuilder builder;

    g_variant_builder_init(&builder, G_VARIANT_TYPE("a{si}"));
    for (int id = 0; id < VM_OVERVIEW_N_COLUMNS; id++) {
        int width = gtk_tree_view_column_get_fixed_width(self->columns[id]);
        if (width > 0) {
            g_variant_builder_add(&builder, "{si}",
                                  vm_overview_column_kind((VmOverviewColumn)id)->id, width);
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

    for (int id = 0; id < VM_OVERVIEW_N_COLUMNS; id++) {
        int width = 0;
        gboolean on = g_strv_contains((const char *const *)shown,
                                      vm_overview_column_kind((VmOverviewColumn)id)->id);
        if (g_variant_lookup(widths, vm_overview_column_kind((VmOverviewColumn)id)->id, "i",
                             &width) &&
            width >= VM_OVERVIEW_COLUMN_MIN_WIDTH) {
            gtk_tree_view_column_set_fixed_width(self->columns[id], width);
        }
        gtk_tree_view_column_set_visible(self->columns[id], id == VM_OVERVIEW_NAME || on);
    }
    gtk_tree_sortable_set_sort_column_id(
        GTK_TREE_SORTABLE(self->rows), sorted >= 0 ? sorted : VM_OVERVIEW_NAME,
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
    for (int id = 0; id < VM_OVERVIEW_N_COLUMNS; id++) {
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

    for (int id = VM_OVERVIEW_NAME + 1; id < VM_OVERVIEW_N_COLUMNS; id++) {
        g_autoptr(GPropertyAction) action = g_property_action_new(
            vm_overview_column_kind((VmOverviewColumn)id)->id, self->columns[id], "visible");
        g_action_map_add_action(G_ACTION_MAP(group), G_ACTION(action));
    }
    return group;
}

GMenuModel *
vm_overview_page_make_column_menu(VmOverviewPage *self)
{
    GMenu *menu = g_menu_new();
    g_autoptr(GMenu) section = g_menu_new();

    for (int id = VM_OVERVIEW_NAME + 1; id < VM_OVERVIEW_N_COLUMNS; id++) {
        g_autofree char *action =
            g_strconcat("columns.", vm_overview_column_kind((VmOverviewColumn)id)->id, NULL);
        g_menu_append(section, _(vm_overview_column_kind((VmOverviewColumn)id)->title), action);
    }
    g_menu_append_section(menu, _("Columns"), G_MENU_MODEL(section));
    return G_MENU_MODEL(menu);
}
