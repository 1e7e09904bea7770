/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a person does with a machine besides running it: rename, delete, copy, photograph. */
#include <glib/gi18n.h>

#include "manager/model/clone.h"
#include "manager/model/phrases.h"
#include "manager/model/ports.h"
#include "manager/model/report.h"
#include "ui/clone-popover.h"
#include "ui/deletion-notes.h"
#include "ui/report-dialog.h"
#include "ui/window-private.h"
#include "vmm/client/bases.h"
#include "vmm/client/definition.h"
#include "vmm/client/outside-disks.h"
#include "vmm/client/paths.h"

#define TYPING_MS 300

void
vm_window_toast(VmWindow *self, const char *text)
{
    vm_undo_toast_show(self->undo_toast, text, NULL, NULL, NULL, NULL, NULL);
}

void
vm_window_say(GtkWidget *inside, const char *sentence)
{
    GtkWidget *window = gtk_widget_get_toplevel(inside);

    if (VM_IS_WINDOW(window) && !gtk_widget_in_destruction(window)) {
        vm_window_toast(VM_WINDOW(window), sentence);
    }
}

void
vm_window_set_member(VmWindow *self, VmMachine *machine, const char *path, const char *text)
{
    VmJson *definition = machine ? vm_machine_get_definition(machine) : NULL;
    g_autoptr(VmJson) json = definition ? vm_json_copy(definition) : NULL;
    g_autoptr(GError) error = NULL;

    if (!json) {
        return;
    }
    if (text[0]) {
        vm_json_set_string(json, path, text);
    } else {
        vm_json_remove(json, path);
    }
    if (!vm_machine_save(machine, json, &error)) {
        g_autoptr(VmProblem) problem =
            vm_problem_new("no-space", vm_machine_get_title(machine), error->message, NULL, NULL);
        vm_window_report(self, problem);
    }
}

struct added_console {
    VmWindow *window;
    VmMachine *machine;
    VmJson *before;
};

struct deletion {
    VmWindow *window;
    VmStore *store;
    GPtrArray *machines;
};

static void
deletion_free(gpointer data)
{
    struct deletion *deletion = data;

    g_object_unref(deletion->store);
    g_ptr_array_unref(deletion->machines);
    g_free(deletion);
}

static void
deletion_undone(gpointer data)
{
    struct deletion *deletion = data;

    for (guint i = 0; i < deletion->machines->len; i++) {
        vm_store_undo_remove(deletion->store, g_ptr_array_index(deletion->machines, i));
    }
    if (deletion->machines->len == 1 && !deletion->window->overview) {
        vm_window_show_machine(deletion->window, g_ptr_array_index(deletion->machines, 0));
    }
}

static void
deletion_committed(gpointer data)
{
    struct deletion *deletion = data;
    gboolean disks = vm_undo_toast_get_option(deletion->window->undo_toast);

    for (guint i = 0; i < deletion->machines->len; i++) {
        VmMachine *machine = g_ptr_array_index(deletion->machines, i);
        g_autoptr(GError) error = NULL;
        if (!vm_store_commit_remove(deletion->store, machine, disks, &error) &&
            !gtk_widget_in_destruction(GTK_WIDGET(deletion->window))) {
            g_autoptr(VmProblem) problem =
                vm_problem_new(NULL, vm_machine_get_title(machine), error->message, NULL, NULL);
            vm_window_report(deletion->window, problem);
        }
    }
}

/* Files elsewhere stay, unless a person says otherwise in the toast. */
static void
offer_disks(VmWindow *self, GPtrArray *machines)
{
    g_autoptr(GString) paths = g_string_new(NULL);
    g_autofree char *text = NULL;
    guint count = 0;

    for (guint i = 0; i < machines->len; i++) {
        VmMachine *machine = g_ptr_array_index(machines, i);
        g_auto(GStrv) disks =
            vm_outside_disks(vm_machine_get_definition(machine), vm_machine_get_name(machine));
        for (guint j = 0; disks[j]; j++, count++) {
            g_string_append_printf(paths, "%s%s", count > 0 ? "\n" : "", disks[j]);
        }
    }
    if (count == 0) {
        return;
    }
    if (count == 1) {
        text = g_strdup(_("Delete also the disk file outside the machine's folder"));
    } else {
        text = g_strdup_printf(ngettext("Delete also %u disk file outside the machine's folder",
                                        "Delete also %u disk files outside the machine's folder",
                                        count),
                               count);
    }
    vm_undo_toast_add_option(self->undo_toast, text, paths->str);
}

void
vm_window_delete_machines(VmWindow *self, GPtrArray *machines)
{
    struct deletion *deletion = g_new0(struct deletion, 1);
    g_autofree char *text = NULL;

    deletion->window = self;
    deletion->store = g_object_ref(self->store);
    deletion->machines = g_ptr_array_new_with_free_func(g_object_unref);
    for (guint i = 0; i < machines->len; i++) {
        VmMachine *machine = g_ptr_array_index(machines, i);
        if (!vm_machine_is_active(machine) && !vm_machine_is_found(machine) &&
            vm_machine_get_state(machine) != VM_MACHINE_BUILDING) {
            g_ptr_array_add(deletion->machines, g_object_ref(machine));
        }
    }
    if (deletion->machines->len == 0) {
        deletion_free(deletion);
        return;
    }
    if (deletion->machines->len == 1) {
        /* Translators: %s is the title of the machine that was deleted. */
        text = g_strdup_printf(_("“%s” moved to trash"),
                               vm_machine_get_title(g_ptr_array_index(deletion->machines, 0)));
    } else {
        text = g_strdup_printf(ngettext("%u machine moved to trash", "%u machines moved to trash",
                                        deletion->machines->len),
                               deletion->machines->len);
    }
    vm_undo_toast_show(self->undo_toast, text, _("Undo"), deletion_undone, deletion_committed,
                       deletion, deletion_free);
    offer_disks(self, deletion->machines);
    vm_deletion_notes_add(self->undo_toast, deletion->machines);
    for (guint i = 0; i < deletion->machines->len; i++) {
        VmMachine *machine = g_ptr_array_index(deletion->machines, i);
        vm_start_queue_remove(self->start_queue, machine);
        vm_store_remove(self->store, machine);
    }
}

void
vm_window_delete(VmWindow *self)
{
    g_autoptr(GPtrArray) machines = g_ptr_array_new_with_free_func(g_object_unref);

    if (self->machine) {
        g_ptr_array_add(machines, g_object_ref(self->machine));
        vm_window_delete_machines(self, machines);
    }
}

static void
cloned(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(VmWindow) self = VM_WINDOW(data);
    g_autoptr(GError) error = NULL;
    VmMachine *machine = vm_clone_finish(result, &error);

    if (gtk_widget_in_destruction(GTK_WIDGET(self)) || !self->store ||
        g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED)) {
        return;
    }
    if (machine) {
        g_autofree char *text = g_strdup_printf(_("“%s” is ready"), vm_machine_get_title(machine));
        vm_window_toast(self, text);
    } else {
        g_autofree char *said = vm_phrase_dup(error->message);
        g_autoptr(VmProblem) problem = vm_problem_new("cannot-clone", "", said, NULL, NULL);
        vm_window_report(self, problem);
    }
}

void
vm_window_copy(VmWindow *self, VmMachine *machine, const char *title, guint flags)
{
    if (vm_machine_get_definition(machine) && !vm_machine_is_active(machine)) {
        const VmCloneWish wish = {machine, title, (VmCloneFlags)flags};

        vm_clone_async(self->store, &wish, cloned, g_object_ref(self));
    }
}

static void
clone_asked(VmMachine *machine, const char *title, VmCloneFlags flags, gpointer data)
{
    vm_window_copy(VM_WINDOW(data), machine, title, flags);
}

void
vm_window_clone(VmWindow *self)
{
    if (vm_machine_get_definition(self->machine)) {
        vm_clone_popover_show(vm_window_anchor(self), self->store, self->machine, clone_asked,
                              self);
    }
}

static void
console_undone(gpointer data)
{
    struct added_console *added = data;
    g_autoptr(GError) error = NULL;

    if (!vm_machine_save(added->machine, added->before, &error)) {
        vm_window_toast(added->window, error->message);
    }
}

static void
added_console_free(gpointer data)
{
    struct added_console *added = data;

    g_object_unref(added->machine);
    vm_json_free(added->before);
    g_free(added);
}

static guint
add_port(VmMachine *machine, VmJson *json, const char *hardware)
{
    g_autofree char *path = vm_paths_definition(vm_machine_get_name(machine));
    g_autoptr(VmBases) bases = vm_bases_new(json, path);

    return vm_ports_add_to(json, vm_bases_get_whole(bases), hardware);
}

void
vm_window_add_console(VmWindow *self, const char *hardware)
{
    VmJson *definition = vm_machine_get_definition(self->machine);
    g_autoptr(VmJson) json = definition ? vm_json_copy(definition) : NULL;
    const guint number = json ? add_port(self->machine, json, hardware) : 0;
    const char *kind = g_str_equal(hardware, "serial") ? _("Serial") : _("Console");
    const char *title = NULL;
    struct added_console *added = NULL;
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;

    if (number == 0) {
        vm_window_toast(self, _("This machine has as many consoles as it can have."));
        return;
    }
    added = g_new0(struct added_console, 1);
    added->window = self;
    added->machine = g_object_ref(self->machine);
    added->before = vm_json_copy(definition);
    if (!vm_machine_save(self->machine, json, &error)) {
        added_console_free(added);
        vm_window_toast(self, error->message);
        return;
    }
    title = vm_machine_get_title(self->machine);
    if (vm_machine_is_active(self->machine)) {
        /* Translators: a console ("Serial 2"), and a machine. */
        text = g_strdup_printf(_("%s %u is there when “%s” restarts"), kind, number, title);
    } else {
        text = g_strdup_printf(_("%s %u is there when “%s” starts"), kind, number, title);
    }
    vm_undo_toast_show(self->undo_toast, text, _("Undo"), console_undone, NULL, added,
                       added_console_free);
}

static void
force_answered(GtkDialog *dialog, int response, VmMachine *machine)
{
    if (response == GTK_RESPONSE_ACCEPT && vm_machine_is_active(machine)) {
        vm_machine_force_off(machine);
    }
    gtk_widget_destroy(GTK_WIDGET(dialog));
}

static void
unref_machine(gpointer data, GClosure *closure)
{
    g_object_unref(data);
}

void
vm_window_force_off(VmWindow *self)
{
    GtkWidget *dialog = NULL;
    GtkWidget *button = NULL;

    if (!self->settings || !g_settings_get_boolean(self->settings, "confirm-force-off")) {
        vm_machine_force_off(self->machine);
        return;
    }
    dialog = gtk_message_dialog_new(GTK_WINDOW(self), GTK_DIALOG_MODAL, GTK_MESSAGE_QUESTION,
                                    GTK_BUTTONS_NONE, _("Force “%s” off?"),
                                    vm_machine_get_title(self->machine));
    gtk_message_dialog_format_secondary_text(
        GTK_MESSAGE_DIALOG(dialog), "%s",
        _("What its guest has not written to its disks is lost."));
    gtk_dialog_add_button(GTK_DIALOG(dialog), _("_Cancel"), GTK_RESPONSE_CANCEL);
    button = gtk_dialog_add_button(GTK_DIALOG(dialog), _("_Force off"), GTK_RESPONSE_ACCEPT);
    gtk_style_context_add_class(gtk_widget_get_style_context(button), "destructive-action");
    gtk_dialog_set_default_response(GTK_DIALOG(dialog), GTK_RESPONSE_CANCEL);
    g_signal_connect_data(dialog, "response", G_CALLBACK(force_answered),
                          g_object_ref(self->machine), unref_machine, 0);
    gtk_widget_show_all(dialog);
}

void
vm_window_new_window(VmWindow *self)
{
    GtkApplication *application = gtk_window_get_application(GTK_WINDOW(self));

    g_action_group_activate_action(G_ACTION_GROUP(application), "new-window",
                                   g_variant_new_string(vm_machine_get_name(self->machine)));
}

static void
copy_text(VmWindow *self, const char *text)
{
    gtk_clipboard_set_text(gtk_widget_get_clipboard(GTK_WIDGET(self), GDK_SELECTION_CLIPBOARD),
                           text, -1);
}

/* An option that is not there means one. */
static gboolean
has_no_port(VmJson *definition)
{
    return vm_json_is_list(definition, "serial") && vm_json_length(definition, "serial") == 0 &&
           !vm_json_has(definition, "cfg");
}

void
vm_window_copy_command(VmWindow *self)
{
    VmJson *definition = vm_machine_get_definition(self->machine);

    if (definition) {
        g_autofree char *line =
            vm_definition_command_line(definition, vm_machine_get_name(self->machine));
        copy_text(self, line);
        vm_window_toast(self,
                        has_no_port(definition)
                            ? _("Command line copied. It has one serial port, as no option says "
                                "that there is none.")
                            : _("Command line copied"));
    }
}

void
vm_window_copy_report(VmWindow *self)
{
    g_autofree char *check = vm_self_check_page_dup_report(self->self_check_page);
    g_autofree char *report = vm_report_new(self->machine, check);

    vm_report_dialog_show(GTK_WINDOW(self), report);
}

void
vm_window_open_folder(VmWindow *self)
{
    g_autofree char *disks = vm_definition_folder(vm_machine_get_definition(self->machine),
                                                  vm_machine_get_name(self->machine));
    g_autofree char *machines = vm_paths_machines();
    const char *folder = g_file_test(disks, G_FILE_TEST_IS_DIR) ? disks : machines;
    g_autofree char *uri = g_filename_to_uri(folder, NULL, NULL);
    g_autoptr(GError) error = NULL;

    if (!gtk_show_uri_on_window(GTK_WINDOW(self), uri, GDK_CURRENT_TIME, &error)) {
        vm_window_toast(self, folder);
    }
}

static void
screenshot_saved(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(VmWindow) self = VM_WINDOW(data);
    g_autoptr(GError) error = NULL;
    /* The picture was copied before; the task that writes it is nobody's. */
    g_autofree char *path = vm_display_page_save_screenshot_finish(
        vm_machine_page_get_display(self->machine_page), result, &error);

    if (gtk_widget_in_destruction(GTK_WIDGET(self))) {
        return;
    }
    if (path) {
        g_autofree char *file = g_path_get_basename(path);
        /* Translators: %s is the name of the file. */
        g_autofree char *text = g_strdup_printf(_("Screenshot saved as “%s”"), file);
        vm_undo_toast_show_file(self->undo_toast, text, path);
    } else {
        vm_window_toast(self, error->message);
    }
}

void
vm_window_save_screenshot(VmWindow *self)
{
    vm_display_page_save_screenshot_async(vm_machine_page_get_display(self->machine_page), NULL,
                                          screenshot_saved, g_object_ref(self));
}

/* GIO's usual form. */
static void
screenshot_taken(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(VmWindow) self = data;
    g_autoptr(GdkPixbuf) picture =
        vm_display_page_take_screenshot_finish(VM_DISPLAY_PAGE(source), result, NULL);

    if (picture) {
        gtk_clipboard_set_image(gtk_widget_get_clipboard(GTK_WIDGET(self), GDK_SELECTION_CLIPBOARD),
                                picture);
        vm_window_toast(self, _("Screenshot copied"));
    }
}

void
vm_window_copy_screenshot(VmWindow *self)
{
    vm_display_page_take_screenshot_async(vm_machine_page_get_display(self->machine_page), NULL,
                                          screenshot_taken, g_object_ref(self));
}

static void
typing_stopped(gpointer data)
{
    VmWindow *self = VM_WINDOW(data);

    vm_display_page_stop_typing(vm_machine_page_get_display(self->machine_page));
    g_clear_handle_id(&self->typing_timer, g_source_remove);
}

static gboolean
show_typing(gpointer data)
{
    VmWindow *self = VM_WINDOW(data);
    int percent = vm_display_page_get_typed(vm_machine_page_get_display(self->machine_page));
    g_autofree char *text = NULL;

    if (percent < 0) {
        self->typing_timer = 0;
        vm_undo_toast_commit(self->undo_toast);
        return G_SOURCE_REMOVE;
    }
    text = g_strdup_printf(_("Typing… %d %%"), percent);
    vm_undo_toast_set_text(self->undo_toast, text);
    return G_SOURCE_CONTINUE;
}

static gboolean
typing_began(gpointer data)
{
    VmWindow *self = VM_WINDOW(data);

    self->typing_timer = 0;
    if (vm_display_page_get_typed(vm_machine_page_get_display(self->machine_page)) >= 0) {
        vm_undo_toast_show(self->undo_toast, _("Typing…"), _("Stop"), typing_stopped, NULL, self,
                           NULL);
        vm_undo_toast_set_offer(self->undo_toast);
        self->typing_timer = g_timeout_add(TYPING_MS, show_typing, self);
    }
    return G_SOURCE_REMOVE;
}

void
vm_window_type_clipboard(VmWindow *self)
{
    vm_display_page_type_clipboard(vm_machine_page_get_display(self->machine_page));
    g_clear_handle_id(&self->typing_timer, g_source_remove);
    /* The clipboard's owner needs a moment to answer. */
    self->typing_timer = g_timeout_add(TYPING_MS, typing_began, self);
}
