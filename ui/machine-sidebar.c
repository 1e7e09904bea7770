/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/machine-sidebar.h"

#include <glib/gi18n.h>
#include <string.h>

#include "manager/model/battery.h"
#include "ui/beat.h"
#include "ui/group-heading.h"
#include "ui/list-tabs.h"
#include "ui/machine-row.h"
#include "ui/machine-search.h"

struct _VmMachineSidebar {
    GtkBox parent_instance;
    GtkSearchBar *search_bar;
    GtkSearchEntry *search_entry;
    GtkScrolledWindow *list_scroll;
    GtkListBox *list;
    GtkWidget *no_match_box;
    GtkLabel *no_match_label;

    GtkListBoxRow *all_row; /* "All machines" */
    VmStore *store;
    GSettings *settings;
    GHashTable *folded; /* set of group names */
    VmSidebarSort sort;
    GStrv words;   /* of the search, folded */
    guint seconds; /* since it began */
    VmBattery *battery;
    VmPictureTurns *turns;
};

G_DEFINE_FINAL_TYPE(VmMachineSidebar, vm_machine_sidebar, GTK_TYPE_BOX)

enum {
    PROP_SEARCH = 1,
    N_PROPERTIES
};
static GParamSpec
    *properties[N_PROPERTIES]; /* NOLINT(cppcoreguidelines-avoid-non-const-global-variables) */

enum {
    SELECTED,
    ACTIVATED,
    MENU,
    PRESSED,
    OVERVIEW,
    MOVED,
    N_SIGNALS
};
static guint signals[N_SIGNALS]; /* NOLINT(cppcoreguidelines-avoid-non-const-global-variables) */

/* NULL for the row "All machines". */
static VmMachine *
machine_of(GtkListBoxRow *row)
{
    return row && VM_IS_MACHINE_ROW(row) ? vm_machine_row_get_machine(VM_MACHINE_ROW(row)) : NULL;
}

/* The rows of machines, without "All machines"; g_list_free(). */
static GList *
machine_rows(VmMachineSidebar *self)
{
    GList *rows = gtk_container_get_children(GTK_CONTAINER(self->list));

    return g_list_remove(rows, self->all_row);
}

/* What is searched for is seen in a folded group too. */
static gboolean
is_searching(VmMachineSidebar *self)
{
    return self->words && self->words[0] && self->words[0][0];
}

/* A folded group keeps its first row out of sight too; the heading of a hidden row would vanish, so
 * rows of a folded group are only collapsed, not filtered: see heading_toggled(). */
static gboolean
filter_row(GtkListBoxRow *row, gpointer data)
{
    VmMachineSidebar *self = VM_MACHINE_SIDEBAR(data);

    if (row == self->all_row) {
        return !is_searching(self);
    }
    return vm_search_matches(machine_of(row), (const char *const *)self->words);
}

static gint64
last_used(VmMachine *machine)
{
    return vm_machine_is_active(machine) ? G_MAXINT64 : vm_machine_get_last_used(machine);
}

/* In a group; 0 when only the name decides. */
static int
compare_by_sort(VmSidebarSort sort, VmMachine *one, VmMachine *two)
{
    gint64 difference = 0;

    if (sort == VM_SIDEBAR_SORT_RUNNING) {
        difference = (gint64)vm_machine_is_active(two) - (gint64)vm_machine_is_active(one);
    } else if (sort == VM_SIDEBAR_SORT_USED) {
        gint64 first = last_used(one);
        gint64 second = last_used(two);
        difference = first == second ? 0 : first > second ? -1 : 1;
    }
    return (int)difference;
}

static int
sort_rows(GtkListBoxRow *a, GtkListBoxRow *b, gpointer data)
{
    VmMachineSidebar *self = VM_MACHINE_SIDEBAR(data);
    VmMachine *one = machine_of(a);
    VmMachine *two = machine_of(b);
    g_autofree char *key_one = NULL;
    g_autofree char *key_two = NULL;
    int order = 0;

    if (!one || !two) {
        return one ? 1 : -1;
    }
    order = g_utf8_collate(vm_machine_get_group(one), vm_machine_get_group(two));
    if (order == 0) {
        order = compare_by_sort(self->sort, one, two);
    }
    if (order != 0) {
        return order;
    }
    key_one = g_utf8_collate_key_for_filename(vm_machine_get_title(one), -1);
    key_two = g_utf8_collate_key_for_filename(vm_machine_get_title(two), -1);
    return strcmp(key_one, key_two);
}

static gboolean
is_folded(VmMachineSidebar *self, const char *group)
{
    return g_hash_table_contains(self->folded, group) && !is_searching(self);
}

static void
show_group(VmMachineSidebar *self, const char *group)
{
    gboolean folded = is_folded(self, group);
    g_autoptr(GList) rows = machine_rows(self);

    for (GList *at = rows; at; at = at->next) {
        GtkWidget *inside = gtk_bin_get_child(GTK_BIN(at->data));
        if (g_str_equal(vm_machine_get_group(machine_of(at->data)), group)) {
            gtk_widget_set_visible(inside, !folded);
            gtk_list_box_row_set_selectable(at->data, !folded);
        }
    }
}

static void
fold_group(VmMachineSidebar *self, const char *group, gboolean folded)
{
    if (folded) {
        g_hash_table_add(self->folded, g_strdup(group));
    } else {
        g_hash_table_remove(self->folded, group);
    }
    show_group(self, group);
    gtk_list_box_invalidate_headers(self->list);
    if (self->settings) {
        g_autofree const char **names =
            (const char **)g_hash_table_get_keys_as_array(self->folded, NULL);
        g_settings_set_strv(self->settings, "folded-groups", names);
    }
}

static void
heading_toggled(VmMachineSidebar *self, VmGroupHeading *heading)
{
    g_autofree char *group = g_strdup(vm_group_heading_get_group(heading));

    fold_group(self, group, !g_hash_table_contains(self->folded, group));
}

/* A row was dragged to the heading of a group. */
static void
heading_dropped(VmMachineSidebar *self, const char *name, VmGroupHeading *heading)
{
    VmMachine *machine = vm_store_find(self->store, name);

    if (machine) {
        g_signal_emit(self, signals[MOVED], 0, machine, vm_group_heading_get_group(heading));
    }
}

static void
update_header(GtkListBoxRow *row, GtkListBoxRow *before, gpointer data)
{
    VmMachineSidebar *self = VM_MACHINE_SIDEBAR(data);
    const char *group = machine_of(row) ? vm_machine_get_group(machine_of(row)) : "";
    const char *previous =
        before && machine_of(before) ? vm_machine_get_group(machine_of(before)) : "";
    GtkWidget *old = gtk_list_box_row_get_header(row);
    GtkWidget *heading = NULL;

    if (g_str_equal(group, previous)) {
        gtk_list_box_row_set_header(row, NULL);
        return;
    }
    if (old && g_str_equal(vm_group_heading_get_group(VM_GROUP_HEADING(old)), group)) {
        vm_group_heading_set_folded(VM_GROUP_HEADING(old), is_folded(self, group));
        return;
    }
    heading = vm_group_heading_new(group, is_folded(self, group));
    g_signal_connect_object(heading, "toggled", G_CALLBACK(heading_toggled), self,
                            G_CONNECT_SWAPPED);
    g_signal_connect_object(heading, "dropped", G_CALLBACK(heading_dropped), self,
                            G_CONNECT_SWAPPED);
    gtk_list_box_row_set_header(row, heading);
}

static void
row_selected(VmMachineSidebar *self, GtkListBoxRow *row)
{
    if (row && row == self->all_row) {
        g_signal_emit(self, signals[OVERVIEW], 0, FALSE);
    } else {
        g_signal_emit(self, signals[SELECTED], 0, machine_of(row));
    }
}

static void
row_activated(VmMachineSidebar *self, GtkListBoxRow *row)
{
    if (row == self->all_row) {
        g_signal_emit(self, signals[OVERVIEW], 0, TRUE);
    } else {
        g_signal_emit(self, signals[ACTIVATED], 0, machine_of(row));
    }
}

static gboolean
any_row_matches(VmMachineSidebar *self)
{
    g_autoptr(GList) rows = machine_rows(self);

    for (GList *at = rows; at; at = at->next) {
        if (vm_search_matches(machine_of(at->data), (const char *const *)self->words)) {
            return TRUE;
        }
    }
    return FALSE;
}

static void
show_folded_groups(VmMachineSidebar *self)
{
    GHashTableIter iter;
    gpointer group = NULL;

    g_hash_table_iter_init(&iter, self->folded);
    while (g_hash_table_iter_next(&iter, &group, NULL)) {
        show_group(self, group);
    }
    gtk_list_box_invalidate_headers(self->list);
}

static void
search_changed(VmMachineSidebar *self)
{
    const char *text = gtk_entry_get_text(GTK_ENTRY(self->search_entry));
    g_autofree char *folded = vm_search_fold(text);
    gboolean was_searching = is_searching(self);
    gboolean some = TRUE;

    g_strfreev(self->words);
    self->words = g_strsplit_set(folded, " \t", -1);
    if (was_searching != is_searching(self)) {
        show_folded_groups(self);
    }
    gtk_list_box_invalidate_filter(self->list);
    some = any_row_matches(self);
    gtk_widget_set_visible(self->no_match_box, !some);
    gtk_widget_set_visible(GTK_WIDGET(self->list_scroll), some);
    if (!some) {
        g_autofree char *words = g_strdup_printf(_("No machine matches “%s”"), text);
        gtk_label_set_text(self->no_match_label, words);
    }
}

static void
clear_clicked(VmMachineSidebar *self)
{
    gtk_entry_set_text(GTK_ENTRY(self->search_entry), "");
}

/* The first Escape clears, the second closes (the search bar's own doing). */
static gboolean
search_key_pressed(VmMachineSidebar *self, GdkEventKey *event)
{
    if (event->keyval == GDK_KEY_Escape &&
        gtk_entry_get_text_length(GTK_ENTRY(self->search_entry)) > 0) {
        clear_clicked(self);
        return GDK_EVENT_STOP;
    }
    return GDK_EVENT_PROPAGATE;
}

static gboolean
list_key_pressed(VmMachineSidebar *self, GdkEventKey *event)
{
    GtkListBoxRow *row = gtk_list_box_get_selected_row(self->list);
    gboolean menu_key = event->keyval == GDK_KEY_Menu ||
                        (event->keyval == GDK_KEY_F10 && (event->state & GDK_SHIFT_MASK) != 0);

    if (menu_key && machine_of(row)) {
        g_signal_emit(self, signals[MENU], 0, machine_of(row), row);
        return GDK_EVENT_STOP;
    }
    if ((event->keyval == GDK_KEY_Delete || event->keyval == GDK_KEY_KP_Delete) &&
        machine_of(row)) {
        GActionGroup *actions =
            gtk_widget_get_action_group(gtk_widget_get_toplevel(GTK_WIDGET(self)), "machine");
        if (actions) {
            g_action_group_activate_action(actions, "delete", NULL);
        }
        return GDK_EVENT_STOP;
    }
    return gtk_search_bar_handle_event(self->search_bar, (GdkEvent *)event);
}

/* The row below the pointer; the event may be of a widget in it. */
static GtkListBoxRow *
row_at(VmMachineSidebar *self, GdkEventButton *event)
{
    GtkWidget *widget = gtk_get_event_widget((GdkEvent *)event);
    int y = 0;

    if (!widget || !gtk_widget_translate_coordinates(widget, GTK_WIDGET(self->list), (int)event->x,
                                                     (int)event->y, NULL, &y)) {
        return NULL;
    }
    return gtk_list_box_get_row_at_y(self->list, y);
}

static gboolean
list_button_pressed(VmMachineSidebar *self, GdkEventButton *event)
{
    GtkListBoxRow *row = row_at(self, event);

    if (!row) {
        return GDK_EVENT_PROPAGATE;
    }
    if (row == self->all_row) {
        if (gtk_list_box_row_is_selected(row)) {
            g_signal_emit(self, signals[OVERVIEW], 0, TRUE);
        }
        return GDK_EVENT_PROPAGATE;
    }
    if (!gdk_event_triggers_context_menu((GdkEvent *)event)) {
        g_signal_emit(self, signals[PRESSED], 0, machine_of(row));
        return GDK_EVENT_PROPAGATE;
    }
    gtk_list_box_select_row(self->list, row);
    g_signal_emit(self, signals[MENU], 0, machine_of(row), row);
    return GDK_EVENT_STOP;
}

#define SAVING_SECONDS 10 /* between two pictures, on battery */

static gboolean
saves_battery(VmMachineSidebar *self)
{
    return self->settings && g_settings_get_boolean(self->settings, "save-battery") &&
           vm_battery_is_used(self->battery);
}

/* Rows that can be seen get their numbers and pictures once a second. */
static void
second_passed(GtkWidget *widget)
{
    VmMachineSidebar *self = VM_MACHINE_SIDEBAR(widget);
    GtkAdjustment *scroll = gtk_scrolled_window_get_vadjustment(self->list_scroll);
    int top = (int)gtk_adjustment_get_value(scroll);
    int bottom = top + (int)gtk_adjustment_get_page_size(scroll);
    gboolean pictures = !saves_battery(self) || self->seconds % SAVING_SECONDS == 0;
    g_autoptr(GList) rows = machine_rows(self);

    self->seconds++;
    for (GList *at = rows; at; at = at->next) {
        GtkAllocation place;
        gtk_widget_get_allocation(at->data, &place);
        if (gtk_widget_get_child_visible(at->data) && place.y < bottom &&
            place.y + place.height > top) {
            vm_machine_row_refresh(at->data, pictures ? self->turns : NULL);
        }
    }
}

static void
vm_machine_sidebar_get_property(GObject *object, guint id, GValue *value, GParamSpec *spec)
{
    g_value_set_boolean(value,
                        gtk_search_bar_get_search_mode(VM_MACHINE_SIDEBAR(object)->search_bar));
}

static void
vm_machine_sidebar_set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
    gtk_search_bar_set_search_mode(VM_MACHINE_SIDEBAR(object)->search_bar,
                                   g_value_get_boolean(value));
}

static void
search_mode_changed(VmMachineSidebar *self)
{
    g_object_notify_by_pspec(G_OBJECT(self), properties[PROP_SEARCH]);
}

static void
vm_machine_sidebar_dispose(GObject *object)
{
    VmMachineSidebar *self = VM_MACHINE_SIDEBAR(object);

    g_clear_object(&self->store);
    g_clear_object(&self->settings);
    g_clear_object(&self->battery);
    g_clear_object(&self->turns);
    g_clear_pointer(&self->folded, g_hash_table_unref);
    g_clear_pointer(&self->words, g_strfreev);
    G_OBJECT_CLASS(vm_machine_sidebar_parent_class)->dispose(object);
}

static void
vm_machine_sidebar_class_init(VmMachineSidebarClass *klass)
{
    GObjectClass *object_class = G_OBJECT_CLASS(klass);
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(klass);

    object_class->dispose = vm_machine_sidebar_dispose;
    object_class->get_property = vm_machine_sidebar_get_property;
    object_class->set_property = vm_machine_sidebar_set_property;
    properties[PROP_SEARCH] = g_param_spec_boolean("search", NULL, NULL, FALSE,
                                                   G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS);
    g_object_class_install_properties(object_class, N_PROPERTIES, properties);
    signals[SELECTED] = g_signal_new("selected", VM_TYPE_MACHINE_SIDEBAR, G_SIGNAL_RUN_LAST, 0,
                                     NULL, NULL, NULL, G_TYPE_NONE, 1, VM_TYPE_MACHINE);
    signals[ACTIVATED] = g_signal_new("activated", VM_TYPE_MACHINE_SIDEBAR, G_SIGNAL_RUN_LAST, 0,
                                      NULL, NULL, NULL, G_TYPE_NONE, 1, VM_TYPE_MACHINE);
    signals[MENU] = g_signal_new("menu", VM_TYPE_MACHINE_SIDEBAR, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                 NULL, G_TYPE_NONE, 2, VM_TYPE_MACHINE, GTK_TYPE_WIDGET);
    signals[PRESSED] = g_signal_new("pressed", VM_TYPE_MACHINE_SIDEBAR, G_SIGNAL_RUN_LAST, 0, NULL,
                                    NULL, NULL, G_TYPE_NONE, 1, VM_TYPE_MACHINE);
    signals[OVERVIEW] = g_signal_new("overview", VM_TYPE_MACHINE_SIDEBAR, G_SIGNAL_RUN_LAST, 0,
                                     NULL, NULL, NULL, G_TYPE_NONE, 1, G_TYPE_BOOLEAN);
    signals[MOVED] = g_signal_new("moved", VM_TYPE_MACHINE_SIDEBAR, G_SIGNAL_RUN_LAST, 0, NULL,
                                  NULL, NULL, G_TYPE_NONE, 2, VM_TYPE_MACHINE, G_TYPE_STRING);
    gtk_widget_class_set_template_from_resource(widget_class,
                                                "/org/vitrine/Vitrine/ui/machine-sidebar.ui");
    gtk_widget_class_bind_template_child(widget_class, VmMachineSidebar, all_row);
    gtk_widget_class_bind_template_child(widget_class, VmMachineSidebar, search_bar);
    gtk_widget_class_bind_template_child(widget_class, VmMachineSidebar, search_entry);
    gtk_widget_class_bind_template_child(widget_class, VmMachineSidebar, list_scroll);
    gtk_widget_class_bind_template_child(widget_class, VmMachineSidebar, list);
    gtk_widget_class_bind_template_child(widget_class, VmMachineSidebar, no_match_box);
    gtk_widget_class_bind_template_child(widget_class, VmMachineSidebar, no_match_label);
    gtk_widget_class_bind_template_callback(widget_class, row_selected);
    gtk_widget_class_bind_template_callback(widget_class, row_activated);
    gtk_widget_class_bind_template_callback(widget_class, search_changed);
    gtk_widget_class_bind_template_callback(widget_class, search_key_pressed);
    gtk_widget_class_bind_template_callback(widget_class, search_mode_changed);
    gtk_widget_class_bind_template_callback(widget_class, clear_clicked);
    gtk_widget_class_bind_template_callback(widget_class, list_key_pressed);
    gtk_widget_class_bind_template_callback(widget_class, list_button_pressed);
}

static void
vm_machine_sidebar_init(VmMachineSidebar *self)
{
    gtk_widget_init_template(GTK_WIDGET(self));
    g_signal_connect(self->list, "focus", G_CALLBACK(vm_list_tabs_focus), NULL);
    vm_list_tabs_tell(self->list);
    self->battery = vm_battery_new();
    self->turns = vm_picture_turns_new();
    self->folded = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    gtk_search_bar_connect_entry(self->search_bar, GTK_ENTRY(self->search_entry));
    gtk_list_box_set_sort_func(self->list, sort_rows, self, NULL);
    gtk_list_box_set_filter_func(self->list, filter_row, self, NULL);
    gtk_list_box_set_header_func(self->list, update_header, self, NULL);
    vm_beat_join(GTK_WIDGET(self), second_passed);
}

static GtkListBoxRow *
row_of(VmMachineSidebar *self, VmMachine *machine)
{
    g_autoptr(GList) rows = machine_rows(self);

    for (GList *at = rows; at; at = at->next) {
        if (machine_of(at->data) == machine) {
            return at->data;
        }
    }
    return NULL;
}

static gboolean
store_has(VmMachineSidebar *self, VmMachine *machine)
{
    return vm_store_find(self->store, vm_machine_get_name(machine)) == machine;
}

/* Out of a folded group, or into one. */
static void
group_changed(VmMachine *machine, GParamSpec *spec, VmMachineSidebar *self)
{
    (void)spec;
    show_group(self, vm_machine_get_group(machine));
    gtk_list_box_invalidate_headers(self->list);
}

static void
items_changed(VmMachineSidebar *self, guint position, guint removed, guint added)
{
    g_autoptr(GList) rows = removed ? machine_rows(self) : NULL;

    for (GList *at = rows; at; at = at->next) {
        if (!store_has(self, machine_of(at->data))) {
            gtk_widget_destroy(at->data);
        }
    }
    for (guint i = position; i < position + added; i++) {
        g_autoptr(VmMachine) machine = g_list_model_get_item(G_LIST_MODEL(self->store), i);
        if (!row_of(self, machine)) {
            gtk_container_add(GTK_CONTAINER(self->list), vm_machine_row_new(machine));
            show_group(self, vm_machine_get_group(machine));
            g_signal_connect_object(machine, "notify::group", G_CALLBACK(group_changed), self, 0);
        }
    }
    gtk_list_box_invalidate_headers(self->list);
}

void
vm_machine_sidebar_set_store(VmMachineSidebar *self, VmStore *store)
{
    g_set_object(&self->store, store);
    g_signal_connect_object(store, "items-changed", G_CALLBACK(items_changed), self,
                            G_CONNECT_SWAPPED);
    items_changed(self, 0, 0, g_list_model_get_n_items(G_LIST_MODEL(store)));
}

void
vm_machine_sidebar_select(VmMachineSidebar *self, VmMachine *machine)
{
    GtkListBoxRow *row = machine ? row_of(self, machine) : NULL;

    if (row) {
        gtk_list_box_select_row(self->list, row);
    }
}

void
vm_machine_sidebar_select_overview(VmMachineSidebar *self)
{
    gtk_list_box_select_row(self->list, self->all_row);
}

void
vm_machine_sidebar_set_settings(VmMachineSidebar *self, GSettings *settings)
{
    g_auto(GStrv) folded = g_settings_get_strv(settings, "folded-groups");

    g_set_object(&self->settings, settings);
    for (guint i = 0; folded[i]; i++) {
        g_hash_table_add(self->folded, g_strdup(folded[i]));
        show_group(self, folded[i]);
    }
    gtk_list_box_invalidate_headers(self->list);
}

void
vm_machine_sidebar_set_sort(VmMachineSidebar *self, VmSidebarSort sort)
{
    self->sort = sort;
    gtk_list_box_invalidate_sort(self->list);
    gtk_list_box_invalidate_headers(self->list);
}

cairo_surface_t *
vm_machine_sidebar_get_picture(VmMachineSidebar *self, VmMachine *machine)
{
    GtkListBoxRow *row = row_of(self, machine);

    return row ? vm_machine_row_get_picture(VM_MACHINE_ROW(row)) : NULL;
}

void
vm_machine_sidebar_toggle_group(VmMachineSidebar *self, const char *group)
{
    fold_group(self, group, !g_hash_table_contains(self->folded, group));
}

VmMachine *
vm_machine_sidebar_get_selected(VmMachineSidebar *self)
{
    return machine_of(gtk_list_box_get_selected_row(self->list));
}

void
vm_machine_sidebar_move(VmMachineSidebar *self, int step, gboolean running)
{
    GtkListBoxRow *row = gtk_list_box_get_selected_row(self->list);
    int index = row ? gtk_list_box_row_get_index(row) : 0;

    do {
        index += step;
        row = gtk_list_box_get_row_at_index(self->list, index);
    } while (row && (row == self->all_row || !gtk_widget_get_child_visible(GTK_WIDGET(row)) ||
                     !gtk_list_box_row_get_selectable(row) ||
                     (running && !vm_machine_is_active(machine_of(row)))));
    if (row) {
        gtk_list_box_select_row(self->list, row);
    }
}

gboolean
vm_machine_sidebar_has_focus(VmMachineSidebar *self)
{
    return gtk_container_get_focus_child(GTK_CONTAINER(self->list)) != NULL;
}

void
vm_machine_sidebar_focus(VmMachineSidebar *self)
{
    GtkListBoxRow *row = vm_list_tabs_chosen(self->list);

    if (row) {
        gtk_widget_grab_focus(GTK_WIDGET(row));
    }
}
