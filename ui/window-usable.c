/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which actions can be used now, and what their buttons say of it. */
#include <glib/gi18n.h>

#include "ui/window-private.h"

static void
enable(VmWindow *self, const char *name, gboolean enabled)
{
    GAction *action = g_action_map_lookup_action(G_ACTION_MAP(self->machine_actions), name);

    g_simple_action_set_enabled(G_SIMPLE_ACTION(action), enabled);
}

static void
show_power_menu(VmWindow *self, gboolean active)
{
    const char *words = active ? _("More ways to stop") : _("More ways to start");
    g_autofree char *before = gtk_widget_get_tooltip_text(self->power_menu_button);

    if (g_strcmp0(before, words) != 0) {
        gtk_menu_button_set_menu_model(GTK_MENU_BUTTON(self->power_menu_button),
                                       active ? self->power_menu : self->off_menu);
        gtk_widget_set_tooltip_text(self->power_menu_button, words);
        atk_object_set_name(gtk_widget_get_accessible(self->power_menu_button), words);
    }
}

static void
show_power(VmWindow *self, gboolean active)
{
    GtkStyleContext *context = gtk_widget_get_style_context(GTK_WIDGET(self->power_button));
    gboolean stubborn = self->machine && vm_machine_get_stubborn(self->machine);
    const char *what = !active ? "start" : stubborn ? "force-off" : "shut-down";
    const char *word = !active ? _("Start") : stubborn ? _("Force off") : _("Shut down");

    gtk_stack_set_visible_child_name(self->power_stack, what);
    gtk_style_context_remove_class(context, "suggested-action");
    gtk_style_context_remove_class(context, "destructive-action");
    if (!active) {
        gtk_style_context_add_class(context, "suggested-action");
    } else if (stubborn) {
        gtk_style_context_add_class(context, "destructive-action");
    }
    gtk_widget_set_tooltip_text(GTK_WIDGET(self->power_button), word);
    atk_object_set_name(gtk_widget_get_accessible(GTK_WIDGET(self->power_button)), word);
    show_power_menu(self, active);
}

/* A disabled button says why. */
static void
explain(GtkWidget *button, gboolean usable, const char *what)
{
    g_autofree char *why = usable ? g_strdup(what) : g_strdup_printf(_("%s (not while off)"), what);

    gtk_widget_set_tooltip_text(button, why);
}

static void
enable_start(VmWindow *self, gboolean can_start)
{
    enable(self, "start", can_start);
    enable(self, "start-fullscreen", can_start);
    enable(self, "start-windowless", can_start);
    enable(self, "start-disposable", can_start && vm_machine_has_writable_disk(self->machine));
}

/* What is nothing for a machine that was started elsewhere and has none. */
static void
enable_of_definition(VmWindow *self, gboolean ours, gboolean active)
{
    static const char *const names[] = {"rename", "change-group", "copy-command", "open-folder"};

    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        enable(self, names[i], ours);
    }
    enable(self, "clone", ours && !active);
    enable(self, "delete", ours && !active);
}

static void
update_actions(VmWindow *self)
{
    VmMachineState state = self->machine ? vm_machine_get_state(self->machine) : VM_MACHINE_OFF;
    gboolean any = self->machine != NULL && state != VM_MACHINE_BUILDING;
    gboolean active = any && vm_machine_is_active(self->machine);
    gboolean runs = active && (state == VM_MACHINE_RUNNING || state == VM_MACHINE_PAUSED ||
                               state == VM_MACHINE_SHUTTING_DOWN);
    static const char *const while_running[] = {"capture",        "release",    "send-keys",
                                                "type-clipboard", "screenshot", "copy-screenshot",
                                                "pause"};
    static const char *const always[] = {"settings", "new-window",   "copy-report",
                                         "scaling",  "resize-guest", "system-keys"};
    gboolean can_start =
        any && !active && state != VM_MACHINE_BROKEN && !vm_machine_is_found(self->machine);
    GAction *pause = g_action_map_lookup_action(G_ACTION_MAP(self->machine_actions), "pause");
    GAction *fullscreen = g_action_map_lookup_action(G_ACTION_MAP(self), "fullscreen");

    guint displays = 0;

    g_object_get(vm_machine_page_get_display(self->machine_page), "n-displays", &displays, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(while_running); i++) {
        enable(self, while_running[i], runs);
    }
    enable(self, "restart", runs && vm_machine_can_restart(self->machine));
    enable(self, "add-display", runs);
    enable(self, "remove-display", runs && displays > 1);
    enable(self, "display-window", runs && displays > 1);
    enable(self, "restart-renderer", runs && vm_machine_has_renderer(self->machine));
    for (guint i = 0; i < G_N_ELEMENTS(always); i++) {
        GAction *action =
            g_action_map_lookup_action(G_ACTION_MAP(self->machine_actions), always[i]);
        if (G_IS_SIMPLE_ACTION(action)) {
            enable(self, always[i], any);
        }
    }
    enable_start(self, can_start);
    enable(self, "keep", active && vm_machine_is_found(self->machine));
    enable_of_definition(self, any && !vm_machine_is_found(self->machine), active);
    vm_window_show_strip(self);
    enable(self, "add-console", any && vm_machine_get_definition(self->machine) != NULL);
    enable(self, "shut-down", active);
    enable(self, "force-off", active);
    enable(self, "correct", state == VM_MACHINE_BROKEN);
    enable(self, "power", active || can_start);
    enable(self, "reconnect", any);
    enable(self, "wait", active);
    enable(self, "cancel", state == VM_MACHINE_BUILDING);
    g_simple_action_set_state(G_SIMPLE_ACTION(pause),
                              g_variant_new_boolean(state == VM_MACHINE_PAUSED));
    g_simple_action_set_state(G_SIMPLE_ACTION(fullscreen), g_variant_new_boolean(self->fullscreen));
    show_power(self, active);
    gtk_widget_set_sensitive(GTK_WIDGET(self->keys_button), runs);
    g_simple_action_set_enabled(
        G_SIMPLE_ACTION(g_action_map_lookup_action(G_ACTION_MAP(self), "keys")), runs);
    explain(GTK_WIDGET(self->keys_button), runs, _("Send keys"));
    explain(self->screenshot_button, runs, _("Save screenshot"));
}

void
vm_window_update_actions(VmWindow *self)
{
    if (self->machine_actions) {
        update_actions(self);
    }
}
