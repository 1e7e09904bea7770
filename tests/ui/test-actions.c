/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The running program's actions: each of manager.md, section 7, is there; a menu, a button or a widget
 * of its own leads to it; the keys are those of the table there, each of them leads to one action and
 * is in the window of shortcuts.
 */

#include <gtk/gtk.h>
#include <string.h>

#include "manager/application.h"
#include "tests/ui/own-folders.h"
#include "ui/window-private.h"

/*
 * Not there, for want of what they act on: machine.save-state and machine.snapshot (no state is saved),
 * machine.open-ssh (no port of the guest is forwarded to this computer).
 *
 * where: how a person gets there besides a key of the table. Empty: a menu or a button, which are looked
 * for; else in words.
 */
static const struct action {
    const char *name;
    const char *keys[2];
    const char *where;
} wanted[] = {
    {"app.new-machine", {"<Control>n"}, ""},
    {"app.open-file", {"<Control>o"}, ""},
    {"app.connect-machine", {NULL}, ""},
    {"app.preferences", {"<Control>comma"}, ""},
    {"app.self-check", {NULL}, ""},
    {"app.shortcuts", {NULL}, ""},
    {"win.show-help-overlay", {"F1", "<Control>question"}, "as app.shortcuts"},
    {"app.about", {NULL}, ""},
    {"app.quit", {"<Control>q"}, "its key"},
    {"app.show-machine", {NULL}, "notifications"},
    {"app.start-machine", {NULL}, "D-Bus"},
    {"app.start-again", {NULL}, "notifications"},
    {"app.show-log", {NULL}, "notifications"},
    {"app.shut-down-all", {NULL}, "notifications"},
    {"win.search", {NULL}, "the button of the header, by its property"},
    {"win.find", {"<Control>f"}, "search, or a page's own"},
    {"win.sidebar", {"F9"}, "its key"},
    {"win.view::display", {"<Alt>1"}, "the switcher"},
    {"win.view::console", {"<Alt>2"}, "the switcher"},
    {"win.view::statistics", {"<Alt>3"}, "the switcher"},
    {"win.view::settings", {"<Alt>4"}, "the switcher"},
    {"win.view::log", {"<Alt>5", "<Control>l"}, "the switcher"},
    {"win.overview", {"<Alt>0"}, "the first row of the list"},
    {"win.fullscreen", {"F11"}, ""},
    {"win.back", {"<Alt>Left"}, ""},
    {"win.next-machine", {"<Control>Page_Down"}, ""},
    {"win.previous-machine", {"<Control>Page_Up"}, ""},
    {"win.select-all", {"<Control>a"}, "its key"},
    {"win.undo", {"<Control>z"}, "the toast's button"},
    {"win.close", {"<Control>w"}, "the window's own button"},
    {"win.menu", {"F10"}, "its key"},
    {"win.keys", {"<Control>k"}, "the button of the header"},
    {"win.pane(1)", {"F6"}, "its key"},
    {"win.pane(-1)", {"<Shift>F6"}, "its key"},
    {"win.sort", {NULL}, ""},
    {"columns.group", {NULL}, ""},
    {"columns.note", {NULL}, ""},
    {"machine.start", {NULL}, ""},
    {"machine.start-disposable", {NULL}, ""},
    {"machine.start-fullscreen", {NULL}, ""},
    {"machine.start-windowless", {NULL}, ""},
    {"machine.shut-down", {NULL}, ""},
    {"machine.power", {"<Control>Return"}, ""},
    {"machine.force-off", {NULL}, ""},
    {"machine.restart", {"<Control>r"}, ""},
    {"machine.pause", {"<Control>p"}, ""},
    {"machine.capture", {NULL}, "Enter or a click on the display"},
    {"machine.release", {NULL}, "the gesture"},
    {"machine.screenshot", {"<Control><Shift>s"}, ""},
    {"machine.copy-screenshot", {NULL}, ""},
    {"machine.send-keys", {NULL}, ""},
    {"machine.type-clipboard", {NULL}, ""},
    {"win.type-here", {"<Control><Shift>v"}, "as machine.type-clipboard"},
    {"machine.system-keys", {NULL}, ""},
    {"machine.scaling", {NULL}, ""},
    {"machine.resize-guest", {NULL}, ""},
    {"machine.new-window", {"<Control><Shift>Return"}, ""},
    {"machine.settings", {NULL}, ""},
    {"machine.rename", {"F2"}, ""},
    {"machine.change-group", {NULL}, ""}, /* group(s), whose text it asks for */
    {"machine.clone", {"<Control>d"}, ""},
    {"machine.cancel", {NULL}, ""},
    {"machine.delete", {NULL}, ""}, /* Delete: in lists only */
    {"machine.restart-renderer", {NULL}, ""},
    {"machine.copy-command", {NULL}, ""},
    {"machine.copy-report", {NULL}, ""},
    {"machine.open-folder", {NULL}, ""},
    {"machine.reconnect", {NULL}, "the message that a connection is lost"},
    {"machine.wait", {NULL}, "the message that a machine does not answer"},
    {"console.copy", {NULL}, ""},
    {"console.paste", {NULL}, "as console.type-clipboard"},
    {"console.find", {NULL}, ""},
    {"console.clear", {NULL}, ""},
    {"console.save", {NULL}, ""},
    {"console.type-clipboard", {NULL}, ""},
    {"console.zoom", {NULL}, "keys of the terminal"},
    {"console.next", {NULL}, "the tabs"},
    {"console.previous", {NULL}, "the tabs"},
    {"settings.section", {NULL}, "the index"},
    {"settings.restart-now", {NULL}, ""},
    {"settings.undo-changes", {NULL}, ""},
    {"log.find", {NULL}, "its entry"},
    {"log.save", {NULL}, ""},
    {"log.copy-report", {NULL}, ""},
};

/* Keys of single widgets, which no application knows. */
static const char *const own_keys[] = {
    "Delete",
    "Return",
    "Menu",
    "<Shift>F10",
    "<Control><Shift>c",
    "<Control><Shift>f",
    "<Control><Shift>v",
    "<Control>plus",
    "<Control>minus",
    "<Control>0",
    "Escape",
    "<Control>Alt_L",
};

typedef struct {
    GtkApplication *application;
    GtkWidget *window;
    GHashTable *led_to; /* detailed names that a menu or a button has, and those without a target */
    GHashTable *shown;  /* keys in the window of shortcuts */
    GString *wrong;
} Fixture;

/* ------------------------------------------------------------------ what leads where */

static void
lead_to(Fixture *self, const char *name)
{
    g_autofree char *plain = NULL;

    if (name) {
        plain = g_strndup(name, strcspn(name, ":("));
        g_hash_table_add(self->led_to, g_strdup(name));
        g_hash_table_add(self->led_to, g_steal_pointer(&plain));
    }
}

static void
read_menu(Fixture *self, GMenuModel *model)
{
    for (int i = 0; model && i < g_menu_model_get_n_items(model); i++) {
        g_autoptr(GMenuLinkIter) links = g_menu_model_iterate_item_links(model, i);
        g_autofree char *action = NULL;
        g_autoptr(GVariant) target = g_menu_model_get_item_attribute_value(
            model, i, G_MENU_ATTRIBUTE_TARGET, G_VARIANT_TYPE_STRING);

        if (g_menu_model_get_item_attribute(model, i, G_MENU_ATTRIBUTE_ACTION, "s", &action)) {
            g_autofree char *detailed =
                target ? g_strdup_printf("%s::%s", action, g_variant_get_string(target, NULL))
                       : NULL;
            lead_to(self, detailed ? detailed : action);
        }
        while (g_menu_link_iter_next(links)) {
            g_autoptr(GMenuModel) inside = g_menu_link_iter_get_value(links);
            read_menu(self, inside);
        }
    }
}

static void
read_widget(GtkWidget *widget, gpointer data)
{
    Fixture *self = data;

    if (GTK_IS_ACTIONABLE(widget)) {
        lead_to(self, gtk_actionable_get_action_name(GTK_ACTIONABLE(widget)));
    }
    if (GTK_IS_MENU_BUTTON(widget)) {
        GtkPopover *popover = gtk_menu_button_get_popover(GTK_MENU_BUTTON(widget));
        read_menu(self, gtk_menu_button_get_menu_model(GTK_MENU_BUTTON(widget)));
        if (popover) {
            gtk_container_forall(GTK_CONTAINER(popover), read_widget, self);
        }
    }
    if (GTK_IS_SHORTCUTS_SHORTCUT(widget)) {
        g_autofree char *keys = NULL;
        g_object_get(widget, "accelerator", &keys, NULL);
        g_auto(GStrv) all = g_strsplit(keys, " ", -1);
        for (guint i = 0; all[i]; i++) {
            guint key = 0;
            GdkModifierType modifiers = 0;
            gtk_accelerator_parse(all[i], &key, &modifiers);
            g_assert_cmpuint(key, !=, 0);
            g_hash_table_add(self->shown, gtk_accelerator_name(key, modifiers));
        }
    }
    if (GTK_IS_CONTAINER(widget)) {
        gtk_container_forall(GTK_CONTAINER(widget), read_widget, self);
    }
}

static char *
plain_key(const char *name)
{
    guint key = 0;
    GdkModifierType modifiers = 0;

    gtk_accelerator_parse(name, &key, &modifiers);
    g_assert_cmpuint(key, !=, 0);
    return gtk_accelerator_name(key, modifiers);
}

/* ------------------------------------------------------------------ the three questions */

static gboolean
is_there(Fixture *self, const char *detailed)
{
    g_auto(GStrv) parts = g_strsplit(detailed, ".", 2);
    g_autofree char *name = g_strndup(parts[1], strcspn(parts[1], ":("));
    GActionGroup *group = g_str_equal(parts[0], "app")
                              ? G_ACTION_GROUP(self->application)
                              : gtk_widget_get_action_group(self->window, parts[0]);

    return group && g_action_group_has_action(group, name);
}

static void
check_action(Fixture *self, const struct action *action)
{
    g_auto(GStrv) keys = gtk_application_get_accels_for_action(self->application, action->name);
    guint expected = 0;

    if (!is_there(self, action->name)) {
        g_string_append_printf(self->wrong, "%s is missing\n", action->name);
    }
    if (!action->where[0] && !g_hash_table_contains(self->led_to, action->name)) {
        g_string_append_printf(self->wrong, "nothing leads to %s\n", action->name);
    }
    while (expected < G_N_ELEMENTS(action->keys) && action->keys[expected]) {
        g_autofree char *key = plain_key(action->keys[expected]);
        if (!g_strv_contains((const char *const *)keys, key)) {
            g_string_append_printf(self->wrong, "%s does not lead to %s\n", key, action->name);
        }
        expected++;
    }
    if (g_strv_length(keys) != expected) {
        g_string_append_printf(self->wrong, "%s has %u keys\n", action->name, g_strv_length(keys));
    }
}

static void
check_keys(Fixture *self)
{
    g_auto(GStrv) all = gtk_application_list_action_descriptions(self->application);
    g_autoptr(GHashTable) used = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    for (guint i = 0; all[i]; i++) {
        g_auto(GStrv) keys = gtk_application_get_accels_for_action(self->application, all[i]);
        for (guint j = 0; keys[j]; j++) {
            if (!g_hash_table_add(used, g_strdup(keys[j]))) {
                g_string_append_printf(self->wrong, "%s leads to %s and elsewhere\n", keys[j],
                                       all[i]);
            }
            if (!g_hash_table_contains(self->shown, keys[j])) {
                g_string_append_printf(self->wrong, "%s is not in the window of shortcuts\n",
                                       keys[j]);
            }
        }
    }
    for (guint i = 0; i < G_N_ELEMENTS(own_keys); i++) {
        g_autofree char *key = plain_key(own_keys[i]);
        g_hash_table_add(used, g_steal_pointer(&key));
    }
    GHashTableIter iter;
    gpointer key;
    g_hash_table_iter_init(&iter, self->shown);
    while (g_hash_table_iter_next(&iter, &key, NULL)) {
        if (!g_hash_table_contains(used, key)) {
            g_string_append_printf(self->wrong, "%s is in the window of shortcuts alone\n",
                                   (char *)key);
        }
    }
}

/* ------------------------------------------------------------------ life */

static void
look_at(Fixture *self)
{
    VmWindow *window = VM_WINDOW(self->window);
    GMenuModel *menus[] = {window->power_menu, window->off_menu, window->row_menu};

    for (guint i = 0; i < G_N_ELEMENTS(menus); i++) {
        read_menu(self, menus[i]);
    }
    gtk_container_forall(GTK_CONTAINER(self->window), read_widget, self);
    read_widget(GTK_WIDGET(gtk_application_window_get_help_overlay(GTK_APPLICATION_WINDOW(window))),
                self);
    for (guint i = 0; i < G_N_ELEMENTS(wanted); i++) {
        check_action(self, &wanted[i]);
    }
    check_keys(self);
}

static void
define_machine(void)
{
    g_autofree char *folder =
        g_build_filename(g_get_user_config_dir(), "vitrine", "machines", NULL);
    g_autofree char *path = g_build_filename(folder, "lab.json", NULL);
    g_autofree char *state = g_build_filename(g_getenv("XDG_STATE_HOME"), "vitrine", "lab", NULL);
    g_autofree char *past = g_build_filename(state, "serial.0.log", NULL);

    g_assert_cmpint(g_mkdir_with_parents(folder, 0700), ==, 0);
    g_assert_cmpint(g_mkdir_with_parents(state, 0700), ==, 0);
    g_assert_true(g_file_set_contents(path, "{\"kernel\": \"/bin/true\"}", -1, NULL));
    g_assert_true(g_file_set_contents(past, "login:", -1, NULL)); /* a console to look at */
}

static void
activated(GApplication *application, Fixture *self)
{
    self->window = GTK_WIDGET(gtk_application_get_active_window(self->application));
    while (gtk_events_pending()) {
        gtk_main_iteration();
    }
    look_at(self);
    gtk_widget_destroy(self->window);
}

static void
test_actions(void)
{
    Fixture self = {
        .application = GTK_APPLICATION(vm_application_new()),
        .led_to = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
        .shown = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
        .wrong = g_string_new(NULL),
    };

    define_machine();
    g_application_set_flags(G_APPLICATION(self.application), G_APPLICATION_NON_UNIQUE);
    g_signal_connect_after(self.application, "activate", G_CALLBACK(activated), &self);
    g_assert_cmpint(g_application_run(G_APPLICATION(self.application), 0, NULL), ==, 0);
    if (self.wrong->len > 0) {
        g_test_fail_printf("%s", self.wrong->str);
    }
    g_object_unref(self.application);
    g_hash_table_unref(self.led_to);
    g_hash_table_unref(self.shown);
    g_string_free(self.wrong, TRUE);
}

int
main(int argc, char **argv)
{
    g_autofree char *base = own_folders_make("vitrine-actions-XXXXXX");
    int status = 0;

    gtk_test_init(&argc, &argv, NULL);
    g_test_add_func("/window/actions", test_actions);
    status = g_test_run();
    own_folders_remove(base);
    return status;
}
