/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Each page and each section of the settings, light and dark, in both directions of writing, at four
 * widths, the last of them the least that the window can have; dialogs at the smallest size they can have. Nothing may stick out of what is shown or get
 * less room than it needs, no two mnemonics of a window are the same, and no library may warn: GLib's tests end at a warning. GDK_SCALE says how
 * many pixels there are for one.
 *
 * With LANGUAGE, and the folder of the catalogues in TEST_CATALOGUES, all of it once in that language.
 *
 * With TEST_PICTURES, the name of a folder, a picture of each is left there.
 */

#include <gtk/gtk.h>
#include <libintl.h>
#include <locale.h>

#include "tests/ui/layout.h"
#include "tests/ui/own-folders.h"
#include "tests/ui/pretended-machine.h"
#include "tests/ui/widgets.h"
#include "ui/create-assistant.h"
#include "ui/create-sources.h"
#include "ui/disks-list.h"
#include "ui/fullscreen-bar.h"
#include "ui/grow-popover.h"
#include "ui/preferences-dialog.h"
#include "ui/report-dialog.h"
#include "ui/settings.h"
#include "ui/window-private.h"

#define CATALOGUES "TEST_CATALOGUES"

enum {
    HEIGHT = 780,
    DIALOG_HEIGHT = 300, /* that any dialog has, or nothing is seen of it */
    DIALOG_WIDTH = 960,  /* that a screen of 1024 has with ease */
};

static const int widths[] = {1280, 900, 600, 420};
static const char *const sections[] = {"general", "system",   "start",   "disks", "display",
                                       "input",   "consoles", "sandbox", "file"};
static const char *const views[] = {"display", "console", "statistics", "log", "settings"};

typedef struct {
    GtkApplication *application;
    GSettings *settings;
    VmStore *store;
    Layout layout;
} Fixture;

/* ------------------------------------------------------------------ widgets */

struct search {
    const char *name;
    GType type;
    GtkWidget *found;
};

static void
search_in(GtkWidget *widget, gpointer data)
{
    struct search *search = data;
    const char *name =
        GTK_IS_BUILDABLE(widget) ? gtk_buildable_get_name(GTK_BUILDABLE(widget)) : "";

    if (g_strcmp0(name, search->name) == 0 || g_type_is_a(G_OBJECT_TYPE(widget), search->type)) {
        search->found = widget;
    } else if (!search->found && GTK_IS_CONTAINER(widget)) {
        gtk_container_forall(GTK_CONTAINER(widget), search_in, search);
    }
}

/* By its name in the .ui file. */
static GtkWidget *
find_named(GtkWidget *widget, const char *name)
{
    struct search search = {.name = name, .type = G_TYPE_INVALID};

    search_in(widget, &search);
    g_assert_nonnull(search.found);
    return search.found;
}

static GtkWidget *
find_kind(GtkWidget *widget, GType type)
{
    struct search search = {.name = " ", .type = type};

    search_in(widget, &search);
    g_assert_nonnull(search.found);
    return search.found;
}

static void
act(Fixture *self, const char *action)
{
    g_action_group_activate_action(G_ACTION_GROUP(self->layout.window), action, NULL);
}

static void
show_view(Fixture *self, const char *view)
{
    g_action_group_change_action_state(G_ACTION_GROUP(self->layout.window), "view",
                                       g_variant_new_string(view));
}

/* ------------------------------------------------------------------ machines */

static void
define(const char *name, const char *members, const char *title)
{
    g_autofree char *folder =
        g_build_filename(g_get_user_config_dir(), "vitrine", "machines", NULL);
    g_autofree char *path = g_strdup_printf("%s/%s.json", folder, name);
    g_autofree char *text = g_strdup_printf(
        "{\"kernel\": \"/bin/true\", %s \"manager\": {\"title\": \"%s\", \"group\": \"Work\"}}",
        members, title);

    g_assert_cmpint(g_mkdir_with_parents(folder, 0700), ==, 0);
    g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static void
write_log(void)
{
    g_autofree char *folder = g_build_filename(g_getenv("XDG_STATE_HOME"), "vitrine", "lab", NULL);
    g_autofree char *path = g_build_filename(folder, "log", NULL);
    g_autoptr(GString) text = g_string_new(NULL);

    for (int second = 10; second < 60; second++) {
        g_string_append_printf(text,
                               "2026-11-21T14:07:%d.123Z gpu %s entry %d of a log with a text of a "
                               "length that no narrow window can show in one line of it\n",
                               second, second % 7 == 0 ? "warning" : "info", second);
    }
    g_assert_cmpint(g_mkdir_with_parents(folder, 0700), ==, 0);
    g_assert_true(g_file_set_contents(path, text->str, -1, NULL));
}

static void
define_machines(void)
{
    define("tiny", "\"gpu\": {\"backend\": \"2d\"},", "Debian 12 with quite a long name");
    define("lab",
           "\"gpu\": {\"backend\": \"auto\"}, \"block\": [{\"path\": \"/bin/true\", \"ro\": true}, "
           "{\"path\": \"/nonexistent/folder/of/a/disk-image-with-a-long-name.qcow2\"}, "
           "{\"path\": \"/bin/cat\"}], "
           "\"serial\": [{\"type\": \"stdout\", \"num\": 1}, {\"type\": \"sink\", \"hardware\": "
           "\"virtio-console\", \"num\": 1}], \"params\": [\"console=ttyS0\", \"root=/dev/vda1\"],",
           "Kernel lab");
    define("broken", "\"mem\": {\"size\": \"much\"},", "Broken");
    write_log();
}

static void
open_window(Fixture *self)
{
    self->store = vm_store_new();
    self->layout.window = vm_window_new(self->application, self->store, self->settings);
    gtk_window_present(GTK_WINDOW(self->layout.window));
    wait_until(gtk_widget_get_mapped(self->layout.window));
    layout_wait_for_frames(self->layout.window);
}

/* ------------------------------------------------------------------ pages */

typedef void (*Pages)(Fixture *self);

static void
for_each_width(Fixture *self, Pages pages)
{
    for (guint i = 0; i < G_N_ELEMENTS(widths); i++) {
        layout_set_width(&self->layout, widths[i], HEIGHT);
        pages(self);
    }
}

/* The window lives on: GTK's window of shortcuts leaks what complains later when the theme changes. */
static void
for_each_look(Fixture *self, Pages pages)
{
    const int looks = g_getenv(CATALOGUES) ? 1 : 2; /* of a language the first is enough */

    for (int rtl = 0; rtl < looks; rtl++) {
        self->layout.rtl = rtl;
        gtk_widget_set_default_direction(rtl ? GTK_TEXT_DIR_RTL : GTK_TEXT_DIR_LTR);
        for (int dark = 0; dark < looks; dark++) {
            self->layout.dark = dark;
            g_object_set(gtk_settings_get_default(), "gtk-application-prefer-dark-theme", dark,
                         NULL);
            pages(self);
        }
    }
}

static void
first_pages(Fixture *self)
{
    GtkStack *stack = VM_WINDOW(self->layout.window)->page_stack;

    gtk_stack_set_visible_child_name(stack, "empty");
    layout_look(&self->layout, "empty");
    gtk_stack_set_visible_child_name(stack, "self-check");
    layout_look(&self->layout, "self-check");
}

static void
show_machine(Fixture *self, const char *name)
{
    vm_window_show_machine(VM_WINDOW(self->layout.window), vm_store_find(self->store, name));
}

static void
settings_sections(Fixture *self)
{
    VmSettingsPage *page =
        vm_machine_page_get_settings(VM_WINDOW(self->layout.window)->machine_page);

    show_view(self, "settings");
    for (guint i = 0; i < G_N_ELEMENTS(sections); i++) {
        g_autofree char *place = g_strdup_printf("settings-%s", sections[i]);
        vm_settings_page_show_section(page, sections[i]);
        layout_look(&self->layout, place);
    }
}

/* It is read in a thread. */
static void
wait_for_log(Fixture *self)
{
    GtkStack *stack =
        GTK_STACK(find_named(find_kind(self->layout.window, VM_TYPE_LOG_PAGE), "stack"));

    wait_until(g_strcmp0(gtk_stack_get_visible_child_name(stack), "text") == 0);
}

static void
machine_pages(Fixture *self)
{
    show_machine(self, "lab");
    for (guint i = 0; i + 1 < G_N_ELEMENTS(views); i++) {
        show_view(self, views[i]);
        if (g_str_equal(views[i], "log")) {
            wait_for_log(self);
        }
        layout_look(&self->layout, views[i]);
    }
    settings_sections(self);
    show_machine(self, "tiny");
    show_view(self, "display");
    layout_look(&self->layout, "display-running");
    show_view(self, "console");
    layout_look(&self->layout, "console-running");
    show_view(self, "statistics");
    layout_look(&self->layout, "statistics-running");
    show_machine(self, "broken");
    layout_look(&self->layout, "broken");
    act(self, "overview");
    act(self, "select-all");
    layout_look(&self->layout, "overview");
    vm_window_show_content(VM_WINDOW(self->layout.window), FALSE);
    layout_look(&self->layout, "sidebar");
}

/* Its file is never written. */
static void
grow_question(Fixture *self)
{
    VmGrowDisk disk = {.index = 2};
    GtkWidget *list = NULL;
    GtkWidget *popover = NULL;

    show_view(self, "settings");
    vm_settings_page_show_section(
        vm_machine_page_get_settings(VM_WINDOW(self->layout.window)->machine_page), "disks");
    layout_wait_for_frames(self->layout.window);
    list = find_kind(self->layout.window, VM_TYPE_DISKS_LIST);
    disk.machine = vm_store_find(self->store, "lab");
    disk.path = vm_json_get_string(vm_machine_get_definition(disk.machine), "block.2.path");
    popover = vm_grow_popover_show(list, &disk, NULL, NULL);
    wait_until(gtk_widget_get_mapped(find_kind(popover, GTK_TYPE_SPIN_BUTTON)));
    layout_look(&self->layout, "grow");
    gtk_popover_popdown(GTK_POPOVER(popover));
}

/* With all that may lie over a page, and the longest words. */
static void
things_above(Fixture *self)
{
    g_autoptr(VmProblem) problem =
        vm_problem_new("guest-panic", "Debian 12 with quite a long name",
                       "Check “Kernel options” and the initrd in Settings ▸ Start.", NULL,
                       "[    2.768] Kernel panic - not syncing: No working init found.\n");
    VmWindow *window = VM_WINDOW(self->layout.window);

    show_machine(self, "tiny");
    show_view(self, "display");
    vm_window_report(window, problem);
    gtk_toggle_button_set_active(
        GTK_TOGGLE_BUTTON(find_named(GTK_WIDGET(window->message_box), "details_toggle")), TRUE);
    vm_window_toast(window, "“Debian 12 with quite a long name” moved to trash");
    vm_undo_toast_add_option(window->undo_toast,
                             "Delete also the disk file outside the machine's folder",
                             "/a/folder/disk.img");
    vm_undo_toast_add_note(window->undo_toast,
                           "“debian-12-generic.qcow2” stays: the disk of another machine needs it",
                           "/a/folder/debian-12-generic.qcow2");
    layout_look(&self->layout, "message");
    act(self, "keys");
    layout_look(&self->layout, "keys");
    gtk_popover_popdown(GTK_POPOVER(window->keys_popover));
    gtk_button_clicked(GTK_BUTTON(find_named(GTK_WIDGET(window->message_box), "close_button")));
    show_machine(self, "lab");
    vm_window_clone(window);
    layout_look(&self->layout, "clone");
    gtk_popover_popdown(GTK_POPOVER(find_kind(self->layout.window, GTK_TYPE_POPOVER)));
    grow_question(self);
}

/* ------------------------------------------------------------------ full screen */

/* As a window manager tells it; there is none here. */
static void
set_fullscreen(Fixture *self, gboolean on)
{
    GdkEvent *event = gdk_event_new(GDK_WINDOW_STATE);

    event->window_state.window = g_object_ref(gtk_widget_get_window(self->layout.window));
    event->window_state.changed_mask = GDK_WINDOW_STATE_FULLSCREEN;
    event->window_state.new_window_state = on ? GDK_WINDOW_STATE_FULLSCREEN : 0;
    gtk_main_do_event(event);
    gdk_event_free(event);
    layout_wait_for_frames(self->layout.window);
}

/* From the top edge of the pages. */
static int
top_of(Fixture *self, GtkWidget *widget)
{
    GtkWidget *pages = GTK_WIDGET(VM_WINDOW(self->layout.window)->page_stack);
    int y = -1;

    g_assert_true(gtk_widget_translate_coordinates(widget, pages, 0, 0, NULL, &y));
    return y;
}

/* Messages stand below the bar, leave the edge to the pointer while it is away, and come back above the page. */
static void
messages_in_full_screen(Fixture *self)
{
    VmWindow *window = VM_WINDOW(self->layout.window);
    GtkWidget *messages = GTK_WIDGET(window->message_box);
    g_autoptr(VmProblem) problem = vm_problem_new("stalled", "Lab", NULL, NULL, NULL);
    GtkWidget *bar = find_kind(self->layout.window, VM_TYPE_FULLSCREEN_BAR);
    GtkWidget *pin = find_named(bar, "pin_button"); /* it stays, however slow this is */

    layout_set_width(&self->layout, widths[0], HEIGHT); /* as a screen */
    show_machine(self, "tiny");
    show_view(self, "display");
    g_assert_false(gtk_widget_get_visible(messages)); /* all were closed */
    vm_window_report(window, problem);
    layout_wait_for_frames(self->layout.window);
    g_assert_cmpint(top_of(self, messages), <, 0);
    gtk_toggle_button_set_active(GTK_TOGGLE_BUTTON(pin), TRUE);
    set_fullscreen(self, TRUE);
    g_assert_true(gtk_revealer_get_reveal_child(GTK_REVEALER(bar)));
    g_assert_cmpint(gtk_widget_get_allocated_height(bar), >, 10);
    g_assert_cmpint(top_of(self, messages), ==, gtk_widget_get_allocated_height(bar));
    layout_look(&self->layout, "fullscreen-message");
    gtk_toggle_button_set_active(GTK_TOGGLE_BUTTON(pin), FALSE);
    wait_until(!gtk_revealer_get_reveal_child(GTK_REVEALER(bar)));
    layout_wait_for_frames(self->layout.window);
    g_assert_cmpint(top_of(self, messages), ==, 2);
    show_view(self, "log"); /* another page is not covered */
    layout_wait_for_frames(self->layout.window);
    g_assert_cmpint(top_of(self, messages), <, 0);
    show_view(self, "display");
    set_fullscreen(self, FALSE);
    g_assert_cmpint(top_of(self, messages), <, 0);
    gtk_button_clicked(GTK_BUTTON(find_named(messages, "close_button")));
    g_assert_false(gtk_widget_get_visible(messages));
}

/* ------------------------------------------------------------------ dialogs */

/* As large as it wants to be, and as small as it can be. */
static void
look_at_dialog(Fixture *self, GtkWidget *dialog, const char *place)
{
    GtkWidget *window = self->layout.window;
    g_autofree char *small = g_strdup_printf("%s-small", place);

    self->layout.window = dialog;
    gtk_window_present(GTK_WINDOW(dialog));
    wait_until(gtk_widget_get_mapped(dialog));
    layout_look(&self->layout, place);
    gtk_window_resize(GTK_WINDOW(dialog), 1, 1);
    layout_look(&self->layout, small);
    if (gtk_widget_get_allocated_width(dialog) > DIALOG_WIDTH) {
        layout_complain(&self->layout, dialog, "is never narrower than %d",
                        gtk_widget_get_allocated_width(dialog));
    }
    if (gtk_widget_get_allocated_height(dialog) < DIALOG_HEIGHT) {
        layout_complain(&self->layout, dialog, "can be only %d high",
                        gtk_widget_get_allocated_height(dialog));
    }
    self->layout.window = window;
}

static void
assistant_steps(Fixture *self)
{
    GtkWidget *assistant =
        vm_create_assistant_new(GTK_WINDOW(self->layout.window), self->store, NULL);
    GtkListBox *sources = GTK_LIST_BOX(find_named(assistant, "source_list"));

    look_at_dialog(self, assistant, "assistant-source");
    g_signal_emit_by_name(sources, "row-activated",
                          gtk_list_box_get_row_at_index(sources, VM_SOURCE_COPY));
    look_at_dialog(self, assistant, "assistant-copy");
    g_signal_emit_by_name(sources, "row-activated",
                          gtk_list_box_get_row_at_index(sources, VM_SOURCE_KERNEL));
    gtk_entry_set_text(GTK_ENTRY(find_named(assistant, "kernel_entry")), "/nonexistent/vmlinuz");
    look_at_dialog(self, assistant, "assistant-problem");
    gtk_entry_set_text(GTK_ENTRY(find_named(assistant, "kernel_entry")), "/bin/true");
    gtk_button_clicked(GTK_BUTTON(find_named(assistant, "next_button")));
    look_at_dialog(self, assistant, "assistant-size");
    gtk_button_clicked(GTK_BUTTON(find_named(assistant, "next_button")));
    look_at_dialog(self, assistant, "assistant-check");
    gtk_widget_destroy(assistant);
}

/* The one on top of the window that `list`, from before, does not have. */
static GtkWidget *
new_toplevel(GList *list)
{
    g_autoptr(GList) now = gtk_window_list_toplevels();

    for (GList *at = now; at; at = at->next) {
        if (!g_list_find(list, at->data) && gtk_widget_get_visible(at->data)) {
            return at->data;
        }
    }
    g_assert_not_reached();
}

static void
dialogs(Fixture *self)
{
    GtkWidget *dialog = vm_preferences_dialog_new(GTK_WINDOW(self->layout.window), self->settings);
    GtkApplicationWindow *window = GTK_APPLICATION_WINDOW(self->layout.window);
    g_autoptr(GList) before = NULL;

    look_at_dialog(self, dialog, "preferences");
    gtk_widget_destroy(dialog);
    assistant_steps(self);
    g_assert_nonnull(gtk_application_window_get_help_overlay(window));
    dialog = GTK_WIDGET(gtk_application_window_get_help_overlay(window));
    look_at_dialog(self, dialog, "shortcuts");
    gtk_widget_hide(dialog);
    before = gtk_window_list_toplevels();
    vm_report_dialog_show(GTK_WINDOW(self->layout.window),
                          "Vitrine\nA report of two lines, one of them long");
    dialog = new_toplevel(before);
    look_at_dialog(self, dialog, "report");
    gtk_widget_destroy(dialog);
}

/* ------------------------------------------------------------------ life */

static void
judge(Fixture *self)
{
    g_test_message("%u places", self->layout.looks);
    if (self->layout.wrong->len > 0) {
        g_printerr("%s", self->layout.wrong->str);
        g_test_fail_printf("%s", self->layout.wrong->str);
    }
}

static void
look_at_first_pages(Fixture *self)
{
    for_each_width(self, first_pages);
}

static void
look_at_all(Fixture *self)
{
    for_each_width(self, machine_pages);
    for_each_width(self, things_above);
    dialogs(self);
}

/* The one that runs was in the list before it was defined. */
static gboolean
all_are_there(Fixture *self)
{
    VmMachine *tiny = vm_store_find(self->store, "tiny");

    return tiny && vm_machine_get_definition(tiny) &&
           vm_machine_get_state(tiny) == VM_MACHINE_RUNNING && vm_store_find(self->store, "lab") &&
           vm_store_find(self->store, "broken");
}

static void
activated(GApplication *application, Fixture *self)
{
    PretendedMachine machine = {0};

    pretended_machine_start(&machine, "tiny");
    open_window(self);
    for_each_look(self, look_at_first_pages);
    define_machines();
    wait_until(all_are_there(self));
    for_each_look(self, look_at_all);
    messages_in_full_screen(self);
    gtk_widget_destroy(self->layout.window);
    g_clear_object(&self->store);
    pretended_machine_stop(&machine);
}

/* As the application does. */
static void
load_style(void)
{
    g_autoptr(GtkCssProvider) css = gtk_css_provider_new();

    gtk_css_provider_load_from_resource(css, "/org/vitrine/Vitrine/style.css");
    gtk_style_context_add_provider_for_screen(gdk_screen_get_default(), GTK_STYLE_PROVIDER(css),
                                              GTK_STYLE_PROVIDER_PRIORITY_APPLICATION);
}

static void
test_pages(void)
{
    Fixture self = {0};

    g_object_set(gtk_settings_get_default(), "gtk-enable-animations", FALSE, "gtk-theme-name",
                 "Adwaita", NULL);
    load_style();
    layout_init(&self.layout);
    self.settings = vm_settings_new();
    g_assert_nonnull(self.settings);
    self.application = gtk_application_new(NULL, G_APPLICATION_NON_UNIQUE);
    g_application_set_resource_base_path(G_APPLICATION(self.application), "/org/vitrine/Vitrine");
    g_signal_connect(self.application, "activate", G_CALLBACK(activated), &self);
    g_assert_cmpint(g_application_run(G_APPLICATION(self.application), 0, NULL), ==, 0);
    judge(&self);
    g_object_unref(self.application);
    g_object_unref(self.settings);
    layout_clear(&self.layout);
}

/* A desktop whose icon theme has nothing but what each must have: the rare ones come with the program. */
static void
test_icons(void)
{
    static const char *const names[] = {
        "application-x-firmware",
        "insert-text",
        "power-profile-performance",
        "security-high",
        "security-low",
        "security-medium",
        "view-pin",
    };
    g_autoptr(GtkIconTheme) theme = gtk_icon_theme_new();

    gtk_icon_theme_set_custom_theme(theme, "hicolor");
    gtk_icon_theme_set_search_path(theme, NULL, 0);
    gtk_icon_theme_add_resource_path(theme, "/org/vitrine/Vitrine/icons");
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *name = g_strconcat(names[i], "-symbolic", NULL);
        g_autoptr(GtkIconInfo) info = gtk_icon_theme_lookup_icon(theme, name, 32, 0);
        g_autoptr(GError) error = NULL;
        g_autoptr(GdkPixbuf) picture = NULL;

        g_test_message("%s", name);
        g_assert_nonnull(info);
        picture = gtk_icon_info_load_icon(info, &error);
        g_assert_no_error(error);
        g_assert_cmpint(gdk_pixbuf_get_width(picture), ==, 32);
    }
}

static void
compile_schema(const char *base)
{
    g_autofree char *folder = g_strconcat("--targetdir=", base, NULL);
    const char *argv[] = {"glib-compile-schemas", folder, g_getenv("TEST_SCHEMAS"), NULL};
    int status = -1;

    g_assert_true(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL,
                               NULL, &status, NULL));
    g_assert_cmpint(status, ==, 0);
    g_setenv("GSETTINGS_SCHEMA_DIR", base, TRUE);
}

/* gtk_test_init() took it for C, where there are no other languages. */
static void
find_language(void)
{
    g_assert_nonnull(setlocale(LC_ALL, "C.UTF-8"));
    bindtextdomain("vitrine", g_getenv(CATALOGUES));
    bind_textdomain_codeset("vitrine", "UTF-8");
    textdomain("vitrine");
    g_assert_cmpstr(gettext("Settings"), !=, "Settings");
}

int
main(int argc, char **argv)
{
    g_autofree char *base = own_folders_make("vitrine-pages-XXXXXX");
    int status = 0;

    compile_schema(base);
    gtk_test_init(&argc, &argv, NULL);
    if (g_getenv(CATALOGUES)) {
        find_language();
    }
    g_test_add_func("/window/icons", test_icons);
    g_test_add_func("/window/pages", test_pages);
    status = g_test_run();
    own_folders_remove(base);
    return status;
}
