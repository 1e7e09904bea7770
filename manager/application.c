/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/application.h"

#include <glib/gi18n.h>

#include "manager/background.h"
#include "manager/closing.h"
#include "manager/model/clone.h"
#include "manager/model/store.h"
#include "ui/preferences-dialog.h"
#include "ui/settings.h"
#include "ui/window.h"

#define APPLICATION_ID "org.vitrine.Vitrine"

struct _VmApplication {
    GtkApplication parent_instance;
    VmStore *store;
    GSettings *settings;
    VmWindow *window;
    VmBackground *background;
    GtkWindow *closing; /* waits for an answer or for machines */
    gboolean quitting;
    gboolean looked_for_copies;
};

G_DEFINE_FINAL_TYPE(VmApplication, vm_application, GTK_TYPE_APPLICATION)

static void
window_destroyed(VmApplication *self)
{
    self->window = NULL;
}

/* Whether another window with machines stays open. */
static gboolean
has_other_window(VmApplication *self, GtkWindow *window)
{
    GList *windows = gtk_application_get_windows(GTK_APPLICATION(self));

    for (GList *at = windows; at; at = at->next) {
        if (VM_IS_WINDOW(at->data) && at->data != (gpointer)window) {
            return TRUE;
        }
    }
    return FALSE;
}

static void
closing_ended(VmClosingEnd end, gpointer data)
{
    VmApplication *self = VM_APPLICATION(data);
    GtkWindow *window = self->closing;

    self->closing = NULL;
    if (end == VM_CLOSING_CANCELLED || !window) {
        self->quitting = FALSE;
        return;
    }
    if (end == VM_CLOSING_KEEP && !self->quitting) {
        vm_background_window_closed(self->background);
    }
    gtk_widget_destroy(GTK_WIDGET(window));
}

/* A window is to close; the last one has the machines in mind. */
static gboolean
window_closing(VmApplication *self, GdkEvent *event, GtkWindow *window)
{
    g_autofree char *policy =
        self->settings ? g_settings_get_string(self->settings, "close-policy") : g_strdup("keep");

    if (self->closing) {
        return GDK_EVENT_STOP;
    }
    if (vm_closing_count(self->store) == 0 || has_other_window(self, window)) {
        return GDK_EVENT_PROPAGATE;
    }
    if (g_str_equal(policy, "keep")) {
        if (!self->quitting) {
            vm_background_window_closed(self->background);
        }
        return GDK_EVENT_PROPAGATE;
    }
    self->closing = window;
    if (g_str_equal(policy, "ask")) {
        vm_closing_ask(self->store, window, closing_ended, self);
    } else {
        vm_closing_shut_down(self->store, window, closing_ended, self);
    }
    return GDK_EVENT_STOP;
}

/* A machine was started for itself: its window goes, whatever closing a window means otherwise. */
static void
leave_window(GSimpleAction *action, GVariant *parameter, gpointer data)
{
    VmApplication *self = VM_APPLICATION(data);
    GtkWindow *window =
        gtk_application_get_window_by_id(GTK_APPLICATION(self), g_variant_get_uint32(parameter));

    if (VM_IS_WINDOW(window) && !self->closing) {
        if (!has_other_window(self, window)) {
            vm_background_window_closed(self->background);
        }
        gtk_widget_destroy(GTK_WIDGET(window));
    }
}

static void
vm_application_window_added(GtkApplication *application, GtkWindow *window)
{
    GTK_APPLICATION_CLASS(vm_application_parent_class)->window_added(application, window);
    if (VM_IS_WINDOW(window)) {
        g_signal_connect_object(window, "delete-event", G_CALLBACK(window_closing), application,
                                G_CONNECT_SWAPPED);
    }
}

/*
 * The last one: the process ends now, unless machines hold it. Without this the main loop would go on
 * for what is still to do in it, and the accessibility bridge asks widgets that are gone.
 */
static void
vm_application_window_removed(GtkApplication *application, GtkWindow *window)
{
    VmApplication *self = VM_APPLICATION(application);

    GTK_APPLICATION_CLASS(vm_application_parent_class)->window_removed(application, window);
    if (!gtk_application_get_windows(application) &&
        (self->quitting || !vm_background_is_held(self->background))) {
        g_application_quit(G_APPLICATION(self));
    }
}

/* Once, with the first window. */
static void
tell_of_copies(VmApplication *self)
{
    g_autofree char *sentence =
        self->looked_for_copies ? NULL : vm_clone_remove_half_made(self->store);

    self->looked_for_copies = TRUE;
    if (sentence) {
        vm_window_say(GTK_WIDGET(self->window), sentence);
    }
}

static VmWindow *
window_of(VmApplication *self)
{
    if (!self->window) {
        self->window = VM_WINDOW(vm_window_new(GTK_APPLICATION(self), self->store, self->settings));
        g_signal_connect_object(self->window, "destroy", G_CALLBACK(window_destroyed), self,
                                G_CONNECT_SWAPPED);
        tell_of_copies(self);
    }
    gtk_window_present(GTK_WINDOW(self->window));
    return self->window;
}

static VmMachine *
find_machine(VmApplication *self, const char *name)
{
    VmMachine *machine = vm_store_find(self->store, name);

    if (!machine) {
        g_warning("there is no machine “%s”", name);
    }
    return machine;
}

static VmMachine *
machine_named(VmApplication *self, GVariant *parameter)
{
    return find_machine(self, g_variant_get_string(parameter, NULL));
}

static void
new_machine(GSimpleAction *action, GVariant *parameter, gpointer data)
{
    vm_window_create(window_of(data), NULL);
}

static void
make_debian(GSimpleAction *action, GVariant *parameter, gpointer data)
{
    vm_window_make_debian(window_of(data));
}

static void
open_file(GSimpleAction *action, GVariant *parameter, gpointer data)
{
    vm_window_open_file(window_of(data));
}

static void
connect_machine(GSimpleAction *action, GVariant *parameter, gpointer data)
{
    vm_window_connect(window_of(data));
}

static void
preferences(GSimpleAction *action, GVariant *parameter, gpointer data)
{
    VmApplication *self = VM_APPLICATION(data);
    GtkWidget *dialog = NULL;

    if (self->settings) {
        dialog = vm_preferences_dialog_new(GTK_WINDOW(window_of(self)), self->settings);
        gtk_window_present(GTK_WINDOW(dialog));
    }
}

static void
self_check(GSimpleAction *action, GVariant *parameter, gpointer data)
{
    vm_window_show_self_check(window_of(data));
}

static void
shortcuts(GSimpleAction *action, GVariant *parameter, gpointer data)
{
    g_action_group_activate_action(G_ACTION_GROUP(window_of(data)), "show-help-overlay", NULL);
}

static void
about(GSimpleAction *action, GVariant *parameter, gpointer data)
{
    gtk_show_about_dialog(GTK_WINDOW(window_of(data)), "program-name", "Vitrine", "version",
                          VITRINE_VERSION, "logo-icon-name", APPLICATION_ID, "license-type",
                          GTK_LICENSE_LGPL_2_1, "comments",
                          _("Virtual machines, each of their parts in a jail"), NULL);
}

static void
quit(GSimpleAction *action, GVariant *parameter, gpointer data)
{
    VmApplication *self = VM_APPLICATION(data);

    g_autoptr(GList) windows = g_list_copy(gtk_application_get_windows(GTK_APPLICATION(self)));
    g_autoptr(GList) all = gtk_window_list_toplevels();

    /* A dialog that is modal holds off the closing of the window below it. */
    for (GList *at = all; at; at = at->next) {
        if (gtk_window_get_modal(at->data) && gtk_widget_get_visible(at->data)) {
            gtk_window_close(GTK_WINDOW(at->data));
        }
    }
    /* Quitting ends the process too: then nobody tells of machines that run on. */
    self->quitting = TRUE;
    for (GList *at = windows; at; at = at->next) {
        gtk_window_close(GTK_WINDOW(at->data));
    }
    if (!windows) {
        g_application_quit(G_APPLICATION(self)); /* it was held by machines that run on */
    }
}

static void
show_machine(GSimpleAction *action, GVariant *parameter, gpointer data)
{
    VmMachine *machine = machine_named(data, parameter);

    if (machine) {
        vm_background_shown(VM_APPLICATION(data)->background, machine);
        vm_window_show_machine(window_of(data), machine);
    }
}

static void
show_log(GSimpleAction *action, GVariant *parameter, gpointer data)
{
    VmMachine *machine = machine_named(data, parameter);

    if (machine) {
        vm_background_shown(VM_APPLICATION(data)->background, machine);
        vm_window_show_machine(window_of(data), machine);
        g_action_group_change_action_state(G_ACTION_GROUP(VM_APPLICATION(data)->window), "view",
                                           g_variant_new_string("log"));
    }
}

static void
activate(GSimpleAction *action, GVariant *parameter, gpointer data)
{
    (void)window_of(data);
}

static void
start_machine(GSimpleAction *action, GVariant *parameter, gpointer data)
{
    VmMachine *machine = machine_named(data, parameter);

    if (machine) {
        vm_window_show_machine(window_of(data), machine);
        vm_machine_start(machine);
    }
}

static void
open_window(VmApplication *self, const char *name, int display)
{
    VmMachine *machine = find_machine(self, name);
    GtkWidget *window = NULL;

    if (machine) {
        window = vm_window_new(GTK_APPLICATION(self), self->store, self->settings);
        vm_window_set_alone(VM_WINDOW(window), machine);
        vm_window_set_display(VM_WINDOW(window), display);
        gtk_window_present(GTK_WINDOW(window));
    }
}

static void
new_window(GSimpleAction *action, GVariant *parameter, gpointer data)
{
    open_window(VM_APPLICATION(data), g_variant_get_string(parameter, NULL), 0);
}

/* The machine's name and the number of the display. */
static void
new_display_window(GSimpleAction *action, GVariant *parameter, gpointer data)
{
    const char *name;
    int display;

    g_variant_get(parameter, "(&si)", &name, &display);
    open_window(VM_APPLICATION(data), name, display);
}

static void
shut_down_all(GSimpleAction *action, GVariant *parameter, gpointer data)
{
    GListModel *machines = G_LIST_MODEL(VM_APPLICATION(data)->store);

    for (guint i = 0; i < g_list_model_get_n_items(machines); i++) {
        g_autoptr(VmMachine) machine = g_list_model_get_item(machines, i);
        if (!vm_machine_is_found(machine)) {
            vm_machine_shut_down(machine);
        }
    }
}

static const GActionEntry entries[] = {
    {"new-machine", new_machine},
    {"make-debian", make_debian},
    {"open-file", open_file},
    {"connect-machine", connect_machine},
    {"preferences", preferences},
    {"self-check", self_check},
    {"shortcuts", shortcuts},
    {"about", about},
    {"quit", quit},
    {"show-machine", show_machine, "s"},
    {"start-machine", start_machine, "s"},
    {"start-again", start_machine, "s"},
    {"new-window", new_window, "s"},
    {"leave-window", leave_window, "u"},
    {"new-display-window", new_display_window, "(si)"},
    {"show-log", show_log, "s"},
    {"activate", activate},
    {"shut-down-all", shut_down_all},
};

static const struct {
    const char *action;
    const char *keys[3];
} accelerators[] = {
    {"app.new-machine", {"<Control>n"}},
    {"app.open-file", {"<Control>o"}},
    {"app.preferences", {"<Control>comma"}},
    {"app.quit", {"<Control>q"}},
    {"win.find", {"<Control>f"}},
    {"win.sidebar", {"F9"}},
    {"win.overview", {"<Alt>0"}},
    {"win.select-all", {"<Control>a"}},
    {"win.view::display", {"<Alt>1"}},
    {"win.view::console", {"<Alt>2"}},
    {"win.view::statistics", {"<Alt>3"}},
    {"win.view::settings", {"<Alt>4"}},
    {"win.view::log", {"<Alt>5", "<Control>l"}},
    {"win.next-machine", {"<Control>Page_Down"}},
    {"win.previous-machine", {"<Control>Page_Up"}},
    {"win.fullscreen", {"F11"}},
    {"win.back", {"<Alt>Left"}},
    {"win.undo", {"<Control>z"}},
    {"win.close", {"<Control>w"}},
    {"win.menu", {"F10"}},
    {"win.keys", {"<Control>k"}},
    {"win.pane(1)", {"F6"}},
    {"win.pane(-1)", {"<Shift>F6"}},
    {"win.show-help-overlay", {"F1", "<Control>question"}},
    {"machine.power", {"<Control>Return"}},
    {"machine.restart", {"<Control>r"}},
    {"machine.pause", {"<Control>p"}},
    {"machine.rename", {"F2"}},
    {"machine.clone", {"<Control>d"}},
    {"machine.new-window", {"<Control><Shift>Return"}},
    {"machine.screenshot", {"<Control><Shift>s"}},
    {"win.type-here", {"<Control><Shift>v"}},
};

static void
disk_folder_changed(VmApplication *self)
{
    g_autofree char *folder = g_settings_get_string(self->settings, "disk-folder");

    vm_store_set_disk_folder(self->store, folder);
}

static void
vm_application_startup(GApplication *application)
{
    VmApplication *self = VM_APPLICATION(application);
    g_autoptr(GtkCssProvider) css = gtk_css_provider_new();

    G_APPLICATION_CLASS(vm_application_parent_class)->startup(application);
    gtk_window_set_default_icon_name(APPLICATION_ID);
    gtk_css_provider_load_from_resource(css, "/org/vitrine/Vitrine/style.css");
    gtk_style_context_add_provider_for_screen(gdk_screen_get_default(), GTK_STYLE_PROVIDER(css),
                                              GTK_STYLE_PROVIDER_PRIORITY_APPLICATION);
    self->settings = vm_settings_new();
    if (self->settings) {
        vm_settings_follow_colour_scheme(self->settings);
    }
    self->store = vm_store_new();
    if (self->settings) {
        g_signal_connect_object(self->settings, "changed::disk-folder",
                                G_CALLBACK(disk_folder_changed), self, G_CONNECT_SWAPPED);
        disk_folder_changed(self);
    }
    self->background = vm_background_new(GTK_APPLICATION(self), self->store, self->settings);
    g_action_map_add_action_entries(G_ACTION_MAP(self), entries, G_N_ELEMENTS(entries), self);
    for (guint i = 0; i < G_N_ELEMENTS(accelerators); i++) {
        gtk_application_set_accels_for_action(GTK_APPLICATION(self), accelerators[i].action,
                                              accelerators[i].keys);
    }
}

static void
vm_application_shutdown(GApplication *application)
{
    vm_clone_stop_all(VM_APPLICATION(application)->store);
    G_APPLICATION_CLASS(vm_application_parent_class)->shutdown(application);
}

static void
vm_application_activate(GApplication *application)
{
    (void)window_of(VM_APPLICATION(application));
}

static void
vm_application_open(GApplication *application, GFile **files, int n_files, const char *hint)
{
    g_autofree char *path = g_file_get_path(files[0]);

    vm_window_create(window_of(VM_APPLICATION(application)), path);
}

static void
vm_application_dispose(GObject *object)
{
    VmApplication *self = VM_APPLICATION(object);

    g_clear_object(&self->background);
    g_clear_object(&self->store);
    g_clear_object(&self->settings);
    G_OBJECT_CLASS(vm_application_parent_class)->dispose(object);
}

static void
vm_application_class_init(VmApplicationClass *klass)
{
    GApplicationClass *application_class = G_APPLICATION_CLASS(klass);

    G_OBJECT_CLASS(klass)->dispose = vm_application_dispose;
    application_class->startup = vm_application_startup;
    application_class->shutdown = vm_application_shutdown;
    application_class->activate = vm_application_activate;
    application_class->open = vm_application_open;
    GTK_APPLICATION_CLASS(klass)->window_added = vm_application_window_added;
    GTK_APPLICATION_CLASS(klass)->window_removed = vm_application_window_removed;
}

static const GOptionEntry options[] = {{NULL}};

static void
vm_application_init(VmApplication *self)
{
    GApplication *application = G_APPLICATION(self);

    g_application_set_option_context_parameter_string(application, _("[FILE]"));
    g_application_set_option_context_summary(
        application, _("Virtual machines in a window. FILE is a kernel, a disk image or a "
                       "configuration that a new machine starts from."));
    g_application_add_main_option_entries(application, options);
}

VmApplication *
vm_application_new(void)
{
    return g_object_new(VM_TYPE_APPLICATION, "application-id", APPLICATION_ID, "flags",
                        G_APPLICATION_HANDLES_OPEN, NULL);
}
