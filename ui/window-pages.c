/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The actions of single pages: "settings." and "log.". */
#include "ui/window-private.h"

static VmSettingsPage *
settings_of(gpointer data)
{
    return vm_machine_page_get_settings(VM_WINDOW(data)->machine_page);
}

static VmLogPage *
log_of(gpointer data)
{
    return vm_machine_page_get_log(VM_WINDOW(data)->machine_page);
}

static void
section(GSimpleAction *action, GVariant *parameter, gpointer data)
{
    g_action_group_change_action_state(G_ACTION_GROUP(data), "view",
                                       g_variant_new_string("settings"));
    vm_settings_page_show_section(settings_of(data), g_variant_get_string(parameter, NULL));
}

static void
restart_now(GSimpleAction *action, GVariant *parameter, gpointer data)
{
    g_action_group_activate_action(G_ACTION_GROUP(VM_WINDOW(data)->machine_actions), "restart",
                                   NULL);
}

static void
undo_changes(GSimpleAction *action, GVariant *parameter, gpointer data)
{
    vm_settings_page_undo_changes(settings_of(data));
}

static void
find(GSimpleAction *action, GVariant *parameter, gpointer data)
{
    vm_log_page_focus_find(log_of(data));
}

static void
save(GSimpleAction *action, GVariant *parameter, gpointer data)
{
    if (VM_WINDOW(data)->machine) {
        vm_log_page_save(log_of(data));
    }
}

static void
copy_report(GSimpleAction *action, GVariant *parameter, gpointer data)
{
    if (VM_WINDOW(data)->machine) {
        vm_window_copy_report(VM_WINDOW(data));
    }
}

static const GActionEntry settings_entries[] = {
    {"section", section, "s"},
    {"restart-now", restart_now},
    {"undo-changes", undo_changes},
};

static const GActionEntry log_entries[] = {
    {"find", find},
    {"save", save},
    {"copy-report", copy_report},
};

static void
insert(VmWindow *self, const char *name, const GActionEntry *entries, int n)
{
    g_autoptr(GSimpleActionGroup) group = g_simple_action_group_new();

    g_action_map_add_action_entries(G_ACTION_MAP(group), entries, n, self);
    gtk_widget_insert_action_group(GTK_WIDGET(self), name, G_ACTION_GROUP(group));
}

void
vm_window_add_page_actions(VmWindow *self)
{
    insert(self, "settings", settings_entries, G_N_ELEMENTS(settings_entries));
    insert(self, "log", log_entries, G_N_ELEMENTS(log_entries));
}
