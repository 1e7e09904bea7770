/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* vm_machines_clone_async(): both definitions and all files, or nothing. */

#include "vmm/client/clone.h"
#include "vmm/client/definition.h"
#include "vmm/client/paths.h"

struct clone {
    VmClonePlan *plan;
    VmJson *before; /* the old machine's definition */
    char *from;     /* its name */
    char *name;     /* the new one */
};

static void
clone_free(gpointer data)
{
    struct clone *clone = data;

    g_clear_pointer(&clone->plan, vm_clone_plan_free);
    g_clear_pointer(&clone->before, vm_json_free);
    g_free(clone->from);
    g_free(clone->name);
    g_free(clone);
}

/* The old machine's first: it means the same as before, with or without a clone. */
static gboolean
save_both(struct clone *clone, GError **error)
{
    g_autofree char *path = vm_paths_definition(clone->name);
    g_autofree char *old_path = vm_paths_definition(clone->from);
    VmJson *original = vm_clone_plan_get_original(clone->plan);

    if (original && (!vm_clone_plan_check(clone->plan, error) ||
                     !vm_definition_save(original, old_path, error))) {
        return FALSE;
    }
    if (vm_definition_save(vm_clone_plan_get_definition(clone->plan), path, error)) {
        vm_clone_plan_end(clone->plan);
        return TRUE;
    }
    if (original && !vm_definition_save(clone->before, old_path, NULL)) {
        /* It needs what was made then; the next clone begins from there. */
        vm_clone_plan_keep(clone->plan);
    }
    return FALSE;
}

static void
clone_all(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
    struct clone *clone = data;
    GError *error = NULL;

    if (!vm_clone_plan_run(clone->plan, cancellable, &error) || !save_both(clone, &error)) {
        vm_clone_plan_undo(clone->plan);
        g_clear_pointer(&clone->plan, vm_clone_plan_free);
        g_task_return_error(task, error);
        return;
    }
    g_clear_pointer(&clone->plan, vm_clone_plan_free); /* both may start now */
    g_task_return_pointer(task, g_strdup(clone->name), g_free);
}

void
vm_machines_clone_with_flags_async(const char *name, const char *title, VmCloneFlags flags,
                                   GCancellable *cancellable, GAsyncReadyCallback callback,
                                   gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(NULL, cancellable, callback, user_data);
    struct clone *clone = g_new0(struct clone, 1);
    g_autofree char *path = NULL;
    g_autofree char *folder = NULL;
    GError *error = NULL;

    g_task_set_task_data(task, clone, clone_free);
    g_task_set_check_cancellable(task, FALSE); /* too late is too late: it was made */
    if (!vm_definition_check_off(name, &error)) {
        g_task_return_error(task, error);
        return;
    }
    path = vm_paths_definition(name);
    clone->before = vm_json_load(path, &error);
    if (!clone->before) {
        g_task_return_error(task, error);
        return;
    }
    clone->from = g_strdup(name);
    clone->name = vm_definition_name_for_title(title);
    folder = vm_paths_disks(clone->name);
    clone->plan = vm_clone_plan_new(clone->before, name, title, folder, flags, &error);
    if (!clone->plan) {
        g_task_return_error(task, error);
        return;
    }
    vm_json_remove(vm_clone_plan_get_definition(clone->plan), "manager.folder");
    g_task_run_in_thread(task, clone_all);
}

void
vm_machines_clone_async(const char *name, const char *title, GCancellable *cancellable,
                        GAsyncReadyCallback callback, gpointer user_data)
{
    vm_machines_clone_with_flags_async(name, title, VM_CLONE_FLAGS_NONE, cancellable, callback,
                                       user_data);
}

char *
vm_machines_clone_finish(GAsyncResult *result, GError **error)
{
    return g_task_propagate_pointer(G_TASK(result), error);
}
