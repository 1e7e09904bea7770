/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/model/clone.h"

#include <glib/gi18n.h>

#include "vmm/client/clone.h"
#include "vmm/client/definition.h"

#define PROGRESS_MS 250

struct work {
    VmStore *store;
    VmMachine *machine; /* the new one */
    VmClonePlan *plan;
    guint timer;
};

static void
work_free(gpointer data)
{
    struct work *work = data;

    g_clear_handle_id(&work->timer, g_source_remove);
    g_object_unref(work->store);
    g_object_unref(work->machine);
    g_clear_pointer(&work->plan, vm_clone_plan_free);
    g_free(work);
}

static void
copy_all(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
    struct work *work = data;
    GError *error = NULL;

    if (vm_clone_plan_run(work->plan, cancellable, &error)) {
        g_task_return_boolean(task, TRUE);
    } else {
        g_task_return_error(task, error);
    }
}

static void
copied(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(GTask) outer = G_TASK(data);
    struct work *work = g_task_get_task_data(outer);
    GError *error = NULL;

    g_clear_handle_id(&work->timer, g_source_remove);
    if (g_task_propagate_boolean(G_TASK(result), &error)) {
        vm_machine_set_copying(work->machine, -1);
        (void)vm_machine_save(work->machine, vm_clone_plan_get_definition(work->plan), &error);
    }
    if (error) {
        vm_clone_plan_undo(work->plan);
        vm_store_forget(work->store, work->machine);
        vm_store_copy_ended(work->store, work->machine, error);
        g_task_return_error(outer, error);
        return;
    }
    vm_store_copy_ended(work->store, work->machine, NULL);
    g_task_return_pointer(outer, work->machine, NULL);
}

static gboolean
show_progress(gpointer data)
{
    struct work *work = data;

    vm_machine_set_copying(work->machine, vm_clone_plan_get_percent(work->plan));
    return G_SOURCE_CONTINUE;
}

static struct work *
plan_work(VmStore *store, VmMachine *machine, const char *title)
{
    g_autofree char *name = vm_definition_name_for_title(title);
    g_autofree char *folder = NULL;
    struct work *work = g_new0(struct work, 1);

    work->store = g_object_ref(store);
    work->machine = vm_machine_new(name);
    folder = vm_store_new_folder(store, name);
    work->plan = vm_clone_plan_new(vm_machine_get_definition(machine), vm_machine_get_name(machine),
                                   title, folder);
    vm_store_note_folder(store, vm_clone_plan_get_definition(work->plan), folder);
    return work;
}

void
vm_clone_async(VmStore *store, VmMachine *machine, const char *title, GAsyncReadyCallback callback,
               gpointer user_data)
{
    g_autoptr(GTask) outer = g_task_new(NULL, NULL, callback, user_data);
    g_autoptr(GTask) task = NULL;
    struct work *work = plan_work(store, machine, title);
    GCancellable *stop = NULL;

    g_task_set_task_data(outer, work, work_free);
    vm_machine_set_title(work->machine, title);
    stop = vm_machine_begin_copying(work->machine);
    vm_store_adopt(store, work->machine);
    work->timer = g_timeout_add(PROGRESS_MS, show_progress, work);
    task = g_task_new(NULL, stop, copied, g_object_ref(outer));
    g_task_set_task_data(task, work, NULL);
    g_task_run_in_thread(task, copy_all);
}

VmMachine *
vm_clone_finish(GAsyncResult *result, GError **error)
{
    return g_task_propagate_pointer(G_TASK(result), error);
}

static gboolean
any_is_copied(VmStore *store)
{
    GListModel *machines = G_LIST_MODEL(store);

    for (guint i = 0; i < g_list_model_get_n_items(machines); i++) {
        g_autoptr(VmMachine) machine = g_list_model_get_item(machines, i);
        if (vm_machine_is_copied(machine)) {
            return TRUE;
        }
    }
    return FALSE;
}

void
vm_clone_stop_all(VmStore *store)
{
    GListModel *machines = G_LIST_MODEL(store);

    for (guint i = 0; i < g_list_model_get_n_items(machines); i++) {
        g_autoptr(VmMachine) machine = g_list_model_get_item(machines, i);
        if (vm_machine_is_copied(machine)) {
            vm_machine_cancel_making(machine);
        }
    }
    while (any_is_copied(store)) {
        g_main_context_iteration(NULL, TRUE);
    }
}

char *
vm_clone_title(VmMachine *machine)
{
    /* Translators: the title of a copy of a machine. */
    return g_strdup_printf(_("%s (copy)"), vm_machine_get_title(machine));
}
