/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* "All machines", what is done with several at once, and the order of the sidebar. */
#include <glib/gi18n.h>

#include "ui/window-private.h"

void
vm_window_show_overview(VmWindow *self)
{
    self->overview = TRUE;
    vm_machine_sidebar_select_overview(self->sidebar);
    vm_window_take_machine(self, NULL);
    vm_window_show_content(self, TRUE);
}

void
vm_window_sidebar_overview(VmWindow *self, gboolean pressed)
{
    if (!self->store) {
        return;
    }
    self->overview = TRUE;
    vm_window_take_machine(self, NULL);
    if (pressed || !self->narrow) {
        vm_window_show_content(self, TRUE);
    }
}

void
vm_window_row_moved(VmWindow *self, VmMachine *machine, const char *group)
{
    g_autoptr(GPtrArray) machines = g_ptr_array_new_with_free_func(g_object_unref);

    if (g_str_equal(group, vm_machine_found_group())) {
        return; /* no group that a person made */
    }
    g_ptr_array_add(machines, g_object_ref(machine));
    vm_window_set_group(self, machines, group);
}

void
vm_window_overview_act(VmWindow *self, const char *what, GPtrArray *machines)
{
    if (g_str_equal(what, "group")) {
        vm_window_ask_group(self, machines);
        return;
    }
    if (g_str_equal(what, "delete")) {
        vm_window_delete_machines(self, machines);
        return;
    }
    if (g_str_equal(what, "start")) {
        for (guint i = 0; i < machines->len; i++) {
            if (!vm_machine_is_found(g_ptr_array_index(machines, i))) {
                vm_start_queue_add(self->start_queue, g_ptr_array_index(machines, i));
            }
        }
        return;
    }
    /* None of them shall start because another one made room. */
    for (guint i = 0; i < machines->len; i++) {
        vm_start_queue_remove(self->start_queue, g_ptr_array_index(machines, i));
    }
    for (guint i = 0; i < machines->len; i++) {
        vm_machine_shut_down(g_ptr_array_index(machines, i));
    }
}

static void
show_overview(GSimpleAction *action, GVariant *parameter, gpointer data)
{
    vm_window_show_overview(VM_WINDOW(data));
}

static void
select_all(GSimpleAction *action, GVariant *parameter, gpointer data)
{
    VmWindow *self = VM_WINDOW(data);
    GtkWidget *focus = gtk_window_get_focus(GTK_WINDOW(self));

    if (GTK_IS_EDITABLE(focus)) {
        gtk_editable_select_region(GTK_EDITABLE(focus), 0, -1);
    } else if (self->overview) {
        vm_overview_page_select_all(self->overview_page);
    }
}

static VmSidebarSort
sort_named(const char *word)
{
    return g_str_equal(word, "running") ? VM_SIDEBAR_SORT_RUNNING
           : g_str_equal(word, "used")  ? VM_SIDEBAR_SORT_USED
                                        : VM_SIDEBAR_SORT_NAME;
}

static void
set_sort(GSimpleAction *action, GVariant *state, gpointer data)
{
    VmWindow *self = VM_WINDOW(data);
    const char *word = g_variant_get_string(state, NULL);

    g_simple_action_set_state(action, state);
    vm_machine_sidebar_set_sort(self->sidebar, sort_named(word));
    if (self->settings) {
        g_settings_set_string(self->settings, "sort-machines", word);
    }
}

static void
toggle_group(GSimpleAction *action, GVariant *parameter, gpointer data)
{
    vm_machine_sidebar_toggle_group(VM_WINDOW(data)->sidebar,
                                    g_variant_get_string(parameter, NULL));
}

static const GActionEntry entries[] = {
    {"overview", show_overview},
    {"select-all", select_all},
    {"toggle-group", toggle_group, "s"},
    {"sort", NULL, "s", "'name'", set_sort},
};

static cairo_surface_t *
picture_of(VmMachine *machine, gpointer data)
{
    VmWindow *self = VM_WINDOW(data);

    return vm_machine_sidebar_get_picture(self->sidebar, machine);
}

void
vm_window_setup_overview(VmWindow *self)
{
    g_autoptr(GSimpleActionGroup) columns = NULL;
    g_autoptr(GMenuModel) menu = NULL;

    g_action_map_add_action_entries(G_ACTION_MAP(self), entries, G_N_ELEMENTS(entries), self);
    vm_overview_page_set_store(self->overview_page, self->store);
    vm_overview_page_set_pictures(self->overview_page, picture_of, self);
    vm_overview_page_set_settings(self->overview_page, self->settings);
    columns = vm_overview_page_make_column_actions(self->overview_page);
    menu = vm_overview_page_make_column_menu(self->overview_page);
    gtk_widget_insert_action_group(GTK_WIDGET(self), "columns", G_ACTION_GROUP(columns));
    gtk_menu_button_set_menu_model(self->columns_button, menu);
    if (self->settings) {
        g_autofree char *sort = g_settings_get_string(self->settings, "sort-machines");
        g_action_group_change_action_state(G_ACTION_GROUP(self), "sort",
                                           g_variant_new_string(sort));
        vm_machine_sidebar_set_settings(self->sidebar, self->settings);
        if (!g_settings_get_boolean(self->settings, "sidebar-shown")) {
            g_action_group_activate_action(G_ACTION_GROUP(self), "sidebar", NULL);
        }
    }
}
