/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a person does with a machine besides running it: rename, delete, copy, photograph. */
#include <glib/gi18n.h>

#include "ui/text-popover.h"
#include "ui/window-private.h"
#include "vmm/client/definition.h"
#include "vmm/client/paths.h"

void
vm_window_toast(VmWindow *self, const char *text)
{
    vm_undo_toast_show(self->undo_toast, text, NULL, NULL, NULL, NULL, NULL);
}

static void
set_member(VmWindow *self, const char *path, const char *text)
{
    VmJson *definition = vm_machine_get_definition(self->machine);
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
    if (!vm_machine_save(self->machine, json, &error)) {
        g_autoptr(VmProblem) problem = vm_problem_new(
            "no-space", vm_machine_get_title(self->machine), error->message, NULL, NULL);
        vm_window_report(self, problem);
    }
}

static void
title_given(const char *text, gpointer data)
{
    set_member(VM_WINDOW(data), "manager.title", text);
}

static void
group_given(const char *text, gpointer data)
{
    set_member(VM_WINDOW(data), "manager.group", text);
}

void
vm_window_rename(VmWindow *self)
{
    vm_text_popover_show(self->more_button, _("Name"), vm_machine_get_title(self->machine), FALSE,
                         title_given, self);
}

void
vm_window_change_group(VmWindow *self)
{
    vm_text_popover_show(self->more_button, _("Group"), vm_machine_get_group(self->machine), TRUE,
                         group_given, self);
}

struct deletion {
    VmWindow *window;
    VmStore *store;
    VmMachine *machine;
};

static void
deletion_free(gpointer data)
{
    struct deletion *deletion = data;

    g_object_unref(deletion->store);
    g_object_unref(deletion->machine);
    g_free(deletion);
}

static void
deletion_undone(gpointer data)
{
    struct deletion *deletion = data;

    vm_store_undo_remove(deletion->store, deletion->machine);
    vm_window_show_machine(deletion->window, deletion->machine);
}

static void
deletion_committed(gpointer data)
{
    struct deletion *deletion = data;
    g_autoptr(GError) error = NULL;

    if (!vm_store_commit_remove(deletion->store, deletion->machine, &error) &&
        !gtk_widget_in_destruction(GTK_WIDGET(deletion->window))) {
        g_autoptr(VmProblem) problem = vm_problem_new(NULL, vm_machine_get_title(deletion->machine),
                                                      error->message, NULL, NULL);
        vm_window_report(deletion->window, problem);
    }
}

void
vm_window_delete(VmWindow *self)
{
    struct deletion *deletion = NULL;
    g_autofree char *text = NULL;

    if (!self->machine || vm_machine_is_active(self->machine)) {
        return;
    }
    deletion = g_new0(struct deletion, 1);
    deletion->window = self;
    deletion->store = g_object_ref(self->store);
    deletion->machine = g_object_ref(self->machine);
    /* Translators: %s is the title of the machine that was deleted. */
    text = g_strdup_printf(_("“%s” moved to trash"), vm_machine_get_title(self->machine));
    vm_undo_toast_show(self->undo_toast, text, _("Undo"), deletion_undone, deletion_committed,
                       deletion, deletion_free);
    vm_store_remove(self->store, deletion->machine);
}

static void
copy_text(VmWindow *self, const char *text)
{
    gtk_clipboard_set_text(gtk_widget_get_clipboard(GTK_WIDGET(self), GDK_SELECTION_CLIPBOARD),
                           text, -1);
}

void
vm_window_copy_command(VmWindow *self)
{
    VmJson *definition = vm_machine_get_definition(self->machine);

    if (definition) {
        g_autofree char *line =
            vm_definition_command_line(definition, vm_machine_get_name(self->machine));
        copy_text(self, line);
        vm_window_toast(self, _("Command line copied"));
    }
}

void
vm_window_copy_report(VmWindow *self)
{
    g_autofree char *report = vm_machine_dup_report(self->machine);

    copy_text(self, report);
    vm_window_toast(self, _("Report copied"));
}

void
vm_window_open_folder(VmWindow *self)
{
    g_autofree char *disks = vm_paths_disks(vm_machine_get_name(self->machine));
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
    g_autofree char *path =
        vm_display_page_save_screenshot_finish(VM_DISPLAY_PAGE(source), result, &error);

    if (gtk_widget_in_destruction(GTK_WIDGET(self))) {
        return;
    }
    if (path) {
        g_autofree char *file = g_path_get_basename(path);
        /* Translators: %s is the name of the file. */
        g_autofree char *text = g_strdup_printf(_("Screenshot saved as “%s”"), file);
        vm_window_toast(self, text);
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

void
vm_window_copy_screenshot(VmWindow *self)
{
    g_autoptr(GdkPixbuf) picture =
        vm_display_page_get_screenshot(vm_machine_page_get_display(self->machine_page));

    if (picture) {
        gtk_clipboard_set_image(gtk_widget_get_clipboard(GTK_WIDGET(self), GDK_SELECTION_CLIPBOARD),
                                picture);
        vm_window_toast(self, _("Screenshot copied"));
    }
}
