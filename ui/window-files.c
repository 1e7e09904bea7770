/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What keeps the shown machine from starting: a file, for which another one or none is taken, and who else uses it;
 * too much memory. */
#include <glib/gi18n.h>

#include "manager/model/problem-file.h"
#include "manager/model/problem-memory.h"
#include "manager/model/words.h"
#include "ui/file-dialog.h"
#include "ui/message-bar.h"
#include "ui/removal-undo.h"
#include "ui/window-private.h"

/* The member of the definition that the problem is about; NULL: none that can be changed. */
static const char *
member_of_problem(VmWindow *self)
{
    const VmProblem *problem = self->machine ? vm_machine_get_problem(self->machine) : NULL;

    return problem && vm_machine_get_definition(self->machine) ? vm_problem_get_member(problem)
                                                               : NULL;
}

static void
save(VmWindow *self, VmJson *json, const char *list, const char *text)
{
    g_autoptr(VmJson) before = vm_json_copy(vm_machine_get_definition(self->machine));
    g_autoptr(GError) error = NULL;

    if (!vm_machine_save(self->machine, json, &error)) {
        vm_window_toast(self, error->message);
        return;
    }
    vm_machine_dismiss_problem(self->machine);
    vm_removal_undo_offer(GTK_WIDGET(self), self->machine, before, list, text);
}

static void
file_chosen(GtkWidget *widget, const char *path)
{
    VmWindow *self = VM_WINDOW(widget);
    const char *member = member_of_problem(self);
    g_autofree char *name = path ? g_path_get_basename(path) : NULL;
    g_autofree char *where = g_strdup(member);
    g_autoptr(VmJson) json = NULL;
    g_autofree char *text = NULL;

    if (!path || !member) {
        return;
    }
    json = vm_json_copy(vm_machine_get_definition(self->machine));
    vm_json_set_string(json, where, path);
    /* Translators: the name of a file. */
    text = g_strdup_printf(_("“%s” is used from now on"), name);
    save(self, json, where, text);
}

void
vm_window_choose_file(VmWindow *self)
{
    const VmProblem *problem = self->machine ? vm_machine_get_problem(self->machine) : NULL;
    const char *file = problem ? vm_problem_get_file(problem) : NULL;
    g_autofree char *folder = file ? g_path_get_dirname(file) : NULL;

    if (member_of_problem(self)) {
        vm_file_dialog_open(GTK_WIDGET(self), _("Choose a file"), folder, file_chosen);
    }
}

void
vm_window_remove_file(VmWindow *self)
{
    const char *member = member_of_problem(self);
    const gboolean disk = member && g_str_has_prefix(member, "block.");
    g_autofree char *where =
        disk ? g_strndup(member, (gsize)(strrchr(member, '.') - member)) : g_strdup(member);
    VmJson *definition = member ? vm_machine_get_definition(self->machine) : NULL;
    g_autoptr(VmJson) json = definition ? vm_json_copy(definition) : NULL;
    const char *path = definition ? vm_json_get_string(definition, member) : NULL;
    g_autofree char *name = path ? g_path_get_basename(path) : NULL;
    g_autofree char *text = NULL;

    if (!name) {
        return;
    }
    vm_json_remove(json, where);
    if (disk && vm_json_length(json, "block") == 0) {
        vm_json_remove(json, "block");
    }
    text = g_strdup_printf(_("“%s” removed; the file stays"), name);
    save(self, json, disk ? "block" : where, text);
}

void
vm_window_use_less(VmWindow *self)
{
    const VmProblem *problem = self->machine ? vm_machine_get_problem(self->machine) : NULL;
    VmJson *definition = problem ? vm_machine_get_definition(self->machine) : NULL;
    g_autoptr(VmJson) json = definition ? vm_json_copy(definition) : NULL;
    guint64 wanted = 0;
    guint64 available = 0;
    guint64 less = 0;
    g_autofree char *words = NULL;
    g_autofree char *text = NULL;

    if (json && vm_problem_get_memory(problem, &wanted, &available)) {
        less = vm_problem_less_memory(wanted, available);
    }
    if (less == 0) {
        return;
    }
    words = vm_words_size(less << 20);
    /* Translators: a machine, and an amount of memory. */
    text = g_strdup_printf(_("“%s” gets %s of memory from now on"),
                           vm_machine_get_title(self->machine), words);
    vm_json_set_int(json, "mem.size", (gint64)less);
    save(self, json, "mem.size", text);
}

void
vm_window_name_user(VmWindow *self, const VmProblem *problem, VmMessageBar *bar)
{
    const char *file = vm_problem_get_file(problem);
    guint count = g_list_model_get_n_items(G_LIST_MODEL(self->store));

    if (!file || g_strcmp0(vm_problem_get_id(problem), "file-busy") != 0) {
        return;
    }
    for (guint i = 0; i < count; i++) {
        g_autoptr(VmMachine) other = g_list_model_get_item(G_LIST_MODEL(self->store), i);
        /* What it runs with, disks of included files too. */
        g_autoptr(VmJson) running = vm_machine_dup_run_configuration(other);
        VmJson *json = running ? running : vm_machine_get_definition(other);
        g_autofree char *member = vm_problem_member_of_file(NULL, file, json);
        if (other != self->machine && member && vm_machine_is_active(other)) {
            vm_message_bar_name_user(bar, vm_machine_get_title(other), vm_machine_get_name(other));
            return;
        }
    }
}
