/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every action of the window: "win." and, for the shown machine, "machine." and "console.". */
#include <glib/gi18n.h>
#include <string.h>

#include "ui/settings.h"
#include "ui/window-private.h"

static VmDisplayPage *
display_of(VmWindow *self)
{
    return vm_machine_page_get_display(self->machine_page);
}

/* ------------------------------------------------------------------ machine. */

static void
start(GSimpleAction *action, GVariant *parameter, gpointer data)
{
    vm_machine_start(VM_WINDOW(data)->machine);
}

static void
start_disposable(GSimpleAction *action, GVariant *parameter, gpointer data)
{
    vm_machine_start_disposable(VM_WINDOW(data)->machine);
}

static void
start_fullscreen(GSimpleAction *action, GVariant *parameter, gpointer data)
{
    VmWindow *self = VM_WINDOW(data);

    vm_machine_start(self->machine);
    if (!self->fullscreen) {
        g_action_group_activate_action(G_ACTION_GROUP(self), "fullscreen", NULL);
    }
}

/* The machine runs without it; one that cannot start says so here. */
static void
start_windowless(GSimpleAction *action, GVariant *parameter, gpointer data)
{
    VmWindow *self = VM_WINDOW(data);
    GtkApplication *application = gtk_window_get_application(GTK_WINDOW(self));
    guint32 id = gtk_application_window_get_id(GTK_APPLICATION_WINDOW(self));

    vm_machine_start(self->machine);
    if (vm_machine_is_active(self->machine)) {
        g_action_group_activate_action(G_ACTION_GROUP(application), "leave-window",
                                       g_variant_new_uint32(id));
    }
}

static void
shut_down(GSimpleAction *action, GVariant *parameter, gpointer data)
{
    vm_machine_shut_down(VM_WINDOW(data)->machine);
}

static void
restart(GSimpleAction *action, GVariant *parameter, gpointer data)
{
    vm_machine_restart(VM_WINDOW(data)->machine);
}

/* Start, shut down, and where the guest does not listen, force off: one button. */
static void
power(GSimpleAction *action, GVariant *parameter, gpointer data)
{
    VmMachine *machine = VM_WINDOW(data)->machine;

    if (!vm_machine_is_active(machine)) {
        vm_machine_start(machine);
    } else if (vm_machine_get_stubborn(machine)) {
        vm_window_force_off(VM_WINDOW(data));
    } else {
        vm_machine_shut_down(machine);
    }
}

static void
set_pause(GSimpleAction *action, GVariant *state, gpointer data)
{
    /* The state follows the machine: vm_window_update_actions(). */
    vm_machine_set_paused(VM_WINDOW(data)->machine, g_variant_get_boolean(state));
}

static void
reconnect(GSimpleAction *action, GVariant *parameter, gpointer data)
{
    VmConnection *connection = vm_machine_get_connection(VM_WINDOW(data)->machine);

    if (connection) {
        vm_connection_retry_now(connection);
    } else {
        vm_machine_find_run(VM_WINDOW(data)->machine);
    }
}

/* Until keys get no answer once more. */
static void
wait_longer(GSimpleAction *action, GVariant *parameter, gpointer data)
{
    vm_machine_dismiss_problem(VM_WINDOW(data)->machine);
}

static void
capture(GSimpleAction *action, GVariant *parameter, gpointer data)
{
    vm_display_page_capture(display_of(VM_WINDOW(data)));
}

static void
release(GSimpleAction *action, GVariant *parameter, gpointer data)
{
    vm_display_page_release(display_of(VM_WINDOW(data)));
}

static void
send_keys(GSimpleAction *action, GVariant *parameter, gpointer data)
{
    vm_display_page_send_keys(display_of(VM_WINDOW(data)), g_variant_get_string(parameter, NULL));
}

static gboolean
is_shift_click(void)
{
    g_autoptr(GdkEvent) event = gtk_get_current_event();
    GdkModifierType state = 0;

    return event && gdk_event_get_event_type(event) == GDK_BUTTON_RELEASE &&
           gdk_event_get_state(event, &state) && (state & GDK_SHIFT_MASK) != 0;
}

/* A click with Shift copies instead. */
static void
screenshot(GSimpleAction *action, GVariant *parameter, gpointer data)
{
    if (is_shift_click()) {
        vm_window_copy_screenshot(VM_WINDOW(data));
    } else {
        vm_window_save_screenshot(VM_WINDOW(data));
    }
}

static void
add_console(GSimpleAction *action, GVariant *parameter, gpointer data)
{
    vm_window_add_console(VM_WINDOW(data), g_variant_get_string(parameter, NULL));
}

/* Folded, the list makes room for them. */
static void
show_settings(GSimpleAction *action, GVariant *parameter, gpointer data)
{
    VmWindow *self = VM_WINDOW(data);

    vm_window_show_machine(self, self->machine);
    gtk_stack_set_visible_child_name(GTK_STACK(self->machine_page), "settings");
}

static void
cancel_making(GSimpleAction *action, GVariant *parameter, gpointer data)
{
    vm_machine_cancel_making(VM_WINDOW(data)->machine);
}

/* The definition, as text. */
static void
correct(GSimpleAction *action, GVariant *parameter, gpointer data)
{
    VmWindow *self = VM_WINDOW(data);

    vm_settings_page_show_section(vm_machine_page_get_settings(self->machine_page), "file");
    gtk_stack_set_visible_child_name(GTK_STACK(self->machine_page), "settings");
}

static const GActionEntry machine_entries[] = {
    {"start", start},
    {"start-disposable", start_disposable},
    {"start-fullscreen", start_fullscreen},
    {"start-windowless", start_windowless},
    {"shut-down", shut_down},
    {"restart", restart},
    {"power", power},
    {"pause", NULL, NULL, "false", set_pause},
    {"reconnect", reconnect},
    {"wait", wait_longer},
    {"capture", capture},
    {"release", release},
    {"send-keys", send_keys, "s"},
    {"screenshot", screenshot},
    {"settings", show_settings},
    {"add-console", add_console, "s"},
    {"cancel", cancel_making},
    {"correct", correct},
};

/* Of the window itself; called with it and nothing else. */
struct call {
    const char *name;
    void (*run)(VmWindow *self);
};

static const struct call machine_calls[] = {
    {"force-off", vm_window_force_off},
    {"type-clipboard", vm_window_type_clipboard},
    {"copy-screenshot", vm_window_copy_screenshot},
    {"rename", vm_window_rename},
    {"change-group", vm_window_change_group},
    {"clone", vm_window_clone},
    {"keep", vm_window_keep},
    {"new-window", vm_window_new_window},
    {"add-display", vm_window_add_display},
    {"remove-display", vm_window_remove_display},
    {"display-window", vm_window_display_window},
    {"restart-renderer", vm_window_restart_renderer},
    {"delete", vm_window_delete},
    {"copy-command", vm_window_copy_command},
    {"copy-report", vm_window_copy_report},
    {"open-folder", vm_window_open_folder},
    {"choose-file", vm_window_choose_file},
    {"remove-file", vm_window_remove_file},
    {"use-less", vm_window_use_less},
};

static void
add_machine_calls(VmWindow *self)
{
    for (guint i = 0; i < G_N_ELEMENTS(machine_calls); i++) {
        g_autoptr(GSimpleAction) action = g_simple_action_new(machine_calls[i].name, NULL);

        g_signal_connect_swapped(action, "activate", G_CALLBACK(machine_calls[i].run), self);
        g_action_map_add_action(G_ACTION_MAP(self->machine_actions), G_ACTION(action));
    }
}

/* ------------------------------------------------------------------ console. */

static void
console_do(GSimpleAction *action, GVariant *parameter, gpointer data)
{
    VmConsolePage *page = vm_machine_page_get_console(VM_WINDOW(data)->machine_page);
    VmConsoleTab *tab = vm_console_page_get_tab(page);
    const char *name = g_action_get_name(G_ACTION(action));
    static const struct {
        const char *name;
        void (*call)(VmConsoleTab *tab);
    } calls[] = {
        {"copy", vm_console_tab_copy}, {"paste", vm_console_tab_paste},
        {"find", vm_console_tab_find}, {"clear", vm_console_tab_clear},
        {"save", vm_console_tab_save}, {"type-clipboard", vm_console_tab_paste},
    };

    for (guint i = 0; tab && i < G_N_ELEMENTS(calls); i++) {
        if (g_str_equal(name, calls[i].name)) {
            calls[i].call(tab);
        }
    }
    if (g_str_equal(name, "next")) {
        vm_console_page_move(page, 1);
    } else if (g_str_equal(name, "previous")) {
        vm_console_page_move(page, -1);
    }
}

static void
console_zoom(GSimpleAction *action, GVariant *parameter, gpointer data)
{
    VmConsolePage *page = vm_machine_page_get_console(VM_WINDOW(data)->machine_page);
    VmConsoleTab *tab = vm_console_page_get_tab(page);

    if (tab) {
        vm_console_tab_zoom(tab, g_variant_get_int32(parameter));
    }
}

static const GActionEntry console_entries[] = {
    {"copy", console_do},     {"paste", console_do},       {"find", console_do},
    {"clear", console_do},    {"save", console_do},        {"next", console_do},
    {"previous", console_do}, {"zoom", console_zoom, "i"}, {"type-clipboard", console_do},
};

/* ------------------------------------------------------------------ win. */

static void
set_fullscreen(GSimpleAction *action, GVariant *parameter, gpointer data)
{
    VmWindow *self = VM_WINDOW(data);

    if (self->fullscreen) {
        vm_window_leave_fullscreen(self);
    } else {
        gtk_stack_set_visible_child_name(GTK_STACK(self->machine_page), "display");
        vm_window_enter_fullscreen(self);
    }
}

static void
toggle_sidebar(GSimpleAction *action, GVariant *parameter, gpointer data)
{
    VmWindow *self = VM_WINDOW(data);

    self->sidebar_wanted = !self->sidebar_wanted;
    g_simple_action_set_state(action, g_variant_new_boolean(self->sidebar_wanted));
    if (self->settings && !self->alone) {
        g_settings_set_boolean(self->settings, "sidebar-shown", self->sidebar_wanted);
    }
    vm_window_layout(self, 0);
}

/* The page of the machine that is shown; NULL for what is no page of a machine. */
static const char *
shown_view(VmWindow *self)
{
    gboolean machine =
        g_strcmp0(gtk_stack_get_visible_child_name(self->page_stack), "machine") == 0;

    return machine ? gtk_stack_get_visible_child_name(GTK_STACK(self->machine_page)) : NULL;
}

static void
find(GSimpleAction *action, GVariant *parameter, gpointer data)
{
    VmWindow *self = VM_WINDOW(data);
    const char *view = shown_view(self);
    VmConsoleTab *tab = vm_console_page_get_tab(vm_machine_page_get_console(self->machine_page));
    gboolean search = FALSE;

    if (g_strcmp0(view, "log") == 0) {
        vm_log_page_focus_find(vm_machine_page_get_log(self->machine_page));
    } else if (g_strcmp0(view, "console") == 0 && tab) {
        vm_console_tab_find(tab);
    } else {
        g_object_get(self->sidebar, "search", &search, NULL);
        g_object_set(self->sidebar, "search", !search, NULL);
    }
}

static void
back(GSimpleAction *action, GVariant *parameter, gpointer data)
{
    VmWindow *self = VM_WINDOW(data);

    if (self->narrow) {
        vm_window_show_content(self, FALSE);
        vm_machine_sidebar_focus(self->sidebar);
    }
}

/* In full screen only displays are seen: of machines that run. */
static void
move_to_machine(VmWindow *self, int step)
{
    vm_machine_sidebar_move(self->sidebar, step, self->fullscreen);
    if (self->fullscreen) {
        gtk_stack_set_visible_child_name(GTK_STACK(self->machine_page), "display");
    }
}

static void
next_machine(GSimpleAction *action, GVariant *parameter, gpointer data)
{
    move_to_machine(VM_WINDOW(data), 1);
}

static void
previous_machine(GSimpleAction *action, GVariant *parameter, gpointer data)
{
    move_to_machine(VM_WINDOW(data), -1);
}

static void
undo(GSimpleAction *action, GVariant *parameter, gpointer data)
{
    vm_undo_toast_act(VM_WINDOW(data)->undo_toast);
}

static void
close_window(GSimpleAction *action, GVariant *parameter, gpointer data)
{
    gtk_window_close(GTK_WINDOW(data));
}

static void
menu(GSimpleAction *action, GVariant *parameter, gpointer data)
{
    VmWindow *self = VM_WINDOW(data);
    GtkWidget *button =
        gtk_widget_get_visible(self->more_button) ? self->more_button : self->main_menu_button;

    gtk_button_clicked(GTK_BUTTON(button));
}

static void
keys_closed(VmWindow *self)
{
    gtk_popover_set_relative_to(GTK_POPOVER(self->keys_popover), GTK_WIDGET(self->keys_button));
}

/* In full screen from the bar; folded, where its button was put away. */
static void
show_keys(GSimpleAction *action, GVariant *parameter, gpointer data)
{
    VmWindow *self = VM_WINDOW(data);

    if (self->fullscreen) {
        vm_display_page_show_keys(display_of(self));
        return;
    }
    if (!gtk_widget_get_mapped(GTK_WIDGET(self->keys_button))) {
        gtk_popover_set_relative_to(GTK_POPOVER(self->keys_popover), vm_window_anchor(self));
    }
    gtk_popover_popup(GTK_POPOVER(self->keys_popover));
}

static void
minimise(GSimpleAction *action, GVariant *parameter, gpointer data)
{
    gtk_window_iconify(GTK_WINDOW(data));
}

/*
 * By key only where the guest is seen that gets the text. A page that is being left is mapped until it
 * has faded away.
 */
static void
type_here(GSimpleAction *action, GVariant *parameter, gpointer data)
{
    VmWindow *self = VM_WINDOW(data);
    GAction *type =
        g_action_map_lookup_action(G_ACTION_MAP(self->machine_actions), "type-clipboard");

    if (g_strcmp0(shown_view(self), "display") == 0) {
        g_action_activate(type, NULL);
    }
}

static GtkWidget *
beside_page(VmWindow *self)
{
    return shown_view(self) ? vm_machine_page_get_pane(self->machine_page) : NULL;
}

/* F6: list (in full screen its bar), header, bars, page, what is beside it, toast, and around again. */
static void
next_pane(GSimpleAction *action, GVariant *parameter, gpointer data)
{
    VmWindow *self = VM_WINDOW(data);
    gboolean full = self->fullscreen;
    GtkWidget *first =
        full ? vm_display_page_show_bar(display_of(self)) : GTK_WIDGET(self->sidebar);
    GtkWidget *page =
        full ? vm_display_page_get_view(display_of(self)) : GTK_WIDGET(self->page_stack);
    GtkWidget *panes[] = {first,
                          GTK_WIDGET(self->main_header),
                          GTK_WIDGET(self->message_box),
                          page,
                          beside_page(self),
                          GTK_WIDGET(self->undo_toast)};
    GtkWidget *focus = gtk_window_get_focus(GTK_WINDOW(self));
    int step = g_variant_get_int32(parameter);
    int n = (int)G_N_ELEMENTS(panes);
    int at = step > 0 ? -1 : n;

    for (int i = 0; focus && i < n; i++) {
        if (panes[i] && (focus == panes[i] || gtk_widget_is_ancestor(focus, panes[i]))) {
            at = i;
        }
    }
    gtk_window_set_focus(GTK_WINDOW(self),
                         NULL); /* or the page would go on from what is beside it */
    for (int i = 0; i < n; i++) {
        at = (at + step + n) % n;
        if (panes[at] && gtk_widget_is_visible(panes[at]) &&
            gtk_widget_child_focus(panes[at], GTK_DIR_TAB_FORWARD)) {
            if (panes[at] == GTK_WIDGET(self->sidebar)) {
                vm_machine_sidebar_focus(self->sidebar); /* not a heading */
            }
            return;
        }
    }
    gtk_window_set_focus(GTK_WINDOW(self), focus);
}

static const GActionEntry window_entries[] = {
    {"fullscreen", set_fullscreen, NULL, "false"},
    {"sidebar", toggle_sidebar, NULL, "true"},
    {"find", find},
    {"back", back},
    {"next-machine", next_machine},
    {"previous-machine", previous_machine},
    {"undo", undo},
    {"close", close_window},
    {"menu", menu},
    {"keys", show_keys},
    {"minimise", minimise},
    {"type-here", type_here},
    {"pane", next_pane, "i"},
};

/* ------------------------------------------------------------------ of the display page */

/* "scaling" and the switches act on the display page's properties. */
static void
set_scaling(GSimpleAction *action, GVariant *state, gpointer data)
{
    const char *word = g_variant_get_string(state, NULL);
    int scaling = VM_SCALING_FIT;

    if (g_str_equal(word, "never")) {
        scaling = VM_SCALING_NEVER;
    } else if (g_str_equal(word, "whole")) {
        scaling = VM_SCALING_WHOLE;
    }
    g_object_set(display_of(VM_WINDOW(data)), "scaling", scaling, NULL);
    g_simple_action_set_state(action, state);
}

/* The page was set another way. */
static void
scaling_changed(VmWindow *self)
{
    static const char *const words[] = {
        [VM_SCALING_FIT] = "fit", [VM_SCALING_NEVER] = "never", [VM_SCALING_WHOLE] = "whole"};
    GAction *action = g_action_map_lookup_action(G_ACTION_MAP(self->machine_actions), "scaling");
    int scaling = VM_SCALING_FIT;

    g_object_get(display_of(self), "scaling", &scaling, NULL);
    g_simple_action_set_state(G_SIMPLE_ACTION(action), g_variant_new_string(words[scaling]));
}

static const GActionEntry scaling_entry[] = {{"scaling", NULL, "s", "'fit'", set_scaling}};

static void
add_property_action(GActionMap *map, const char *name, gpointer object, const char *property)
{
    g_autoptr(GPropertyAction) action = g_property_action_new(name, object, property);

    g_action_map_add_action(map, G_ACTION(action));
}

static void
page_says(VmWindow *self, const char *sentence)
{
    vm_window_toast(self, sentence);
}

static void
page_stalled(VmWindow *self)
{
    if (self->machine) {
        vm_machine_say_stalled(self->machine);
    }
}

/* Asked for with the host key. */
static void
host_action(VmWindow *self, const char *detailed)
{
    g_autofree char *name = NULL;
    g_autoptr(GVariant) target = NULL;
    const char *action = NULL;

    if (g_action_parse_detailed_name(detailed, &name, &target, NULL)) {
        action = strchr(name, '.') + 1;
        if (g_str_has_prefix(name, "machine.")) {
            g_action_group_activate_action(G_ACTION_GROUP(self->machine_actions), action, target);
        } else {
            g_action_group_activate_action(G_ACTION_GROUP(self), action, target);
        }
    }
}

void
vm_window_add_actions(VmWindow *self)
{
    g_autoptr(GSimpleActionGroup) console = g_simple_action_group_new();

    self->machine_actions = g_simple_action_group_new();
    g_action_map_add_action_entries(G_ACTION_MAP(self->machine_actions), machine_entries,
                                    G_N_ELEMENTS(machine_entries), self);
    add_machine_calls(self);
    g_action_map_add_action_entries(G_ACTION_MAP(self->machine_actions), scaling_entry, 1, self);
    add_property_action(G_ACTION_MAP(self->machine_actions), "resize-guest", display_of(self),
                        "resize-guest");
    add_property_action(G_ACTION_MAP(self->machine_actions), "system-keys", display_of(self),
                        "system-keys");
    add_property_action(G_ACTION_MAP(self->machine_actions), "display", display_of(self),
                        "display");
    gtk_widget_insert_action_group(GTK_WIDGET(self), "machine",
                                   G_ACTION_GROUP(self->machine_actions));
    g_action_map_add_action_entries(G_ACTION_MAP(console), console_entries,
                                    G_N_ELEMENTS(console_entries), self);
    gtk_widget_insert_action_group(GTK_WIDGET(self), "console", G_ACTION_GROUP(console));
    vm_window_add_page_actions(self);
    g_action_map_add_action_entries(G_ACTION_MAP(self), window_entries,
                                    G_N_ELEMENTS(window_entries), self);
    add_property_action(G_ACTION_MAP(self), "view", self->machine_page, "visible-child-name");
    add_property_action(G_ACTION_MAP(self), "search", self->sidebar, "search");
    g_signal_connect_object(self->keys_popover, "closed", G_CALLBACK(keys_closed), self,
                            G_CONNECT_SWAPPED | G_CONNECT_AFTER);
    g_signal_connect_object(display_of(self), "notify::scaling", G_CALLBACK(scaling_changed), self,
                            G_CONNECT_SWAPPED);
    g_signal_connect_object(display_of(self), "host-action", G_CALLBACK(host_action), self,
                            G_CONNECT_SWAPPED);
    g_signal_connect_object(display_of(self), "notify::n-displays",
                            G_CALLBACK(vm_window_update_actions), self, G_CONNECT_SWAPPED);
    g_signal_connect_object(display_of(self), "stalled", G_CALLBACK(page_stalled), self,
                            G_CONNECT_SWAPPED);
    g_signal_connect_object(display_of(self), "message", G_CALLBACK(page_says), self,
                            G_CONNECT_SWAPPED);
}
