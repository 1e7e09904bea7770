/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/model/clone.h"

#include <glib/gi18n.h>
#include <sys/statvfs.h>

#include "vmm/client/clone.h"
#include "vmm/client/definition.h"
#include "vmm/client/half-made.h"
#include "vmm/client/paths.h"

#define PROGRESS_MS 250
#define WORK        "vitrine-clone-work"

struct work {
    VmStore *store;
    VmMachine *original;
    VmMachine *machine; /* the new one */
    VmClonePlan *plan;
    VmJson *before; /* the original's definition, where the plan changes it */
    guint timer;
    GMutex lock;
    GCond cond;
    gboolean ended;   /* under the lock: the thread is through with the files */
    gboolean stopped; /* undone at the end of the program */
};

static void
work_free(gpointer data)
{
    struct work *work = data;

    g_clear_handle_id(&work->timer, g_source_remove);
    g_object_set_data(G_OBJECT(work->machine), WORK, NULL);
    g_object_unref(work->store);
    g_object_unref(work->original);
    g_object_unref(work->machine);
    g_clear_pointer(&work->plan, vm_clone_plan_free);
    g_clear_pointer(&work->before, vm_json_free);
    g_mutex_clear(&work->lock);
    g_cond_clear(&work->cond);
    g_free(work);
}

static void
copy_all(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
    struct work *work = data;
    GError *error = NULL;
    const gboolean done = vm_clone_plan_run(work->plan, cancellable, &error);

    g_mutex_lock(&work->lock);
    work->ended = TRUE;
    g_cond_signal(&work->cond);
    g_mutex_unlock(&work->lock);
    if (done) {
        g_task_return_boolean(task, TRUE);
    } else {
        g_task_return_error(task, error);
    }
}

/* The original's first: it means the same as before, with or without a clone. */
static gboolean
save_both(struct work *work, GError **error)
{
    VmJson *original = vm_clone_plan_get_original(work->plan);

    if (original && (!vm_clone_plan_check(work->plan, error) ||
                     !vm_machine_save(work->original, original, error))) {
        return FALSE;
    }
    if (vm_machine_save(work->machine, vm_clone_plan_get_definition(work->plan), error)) {
        vm_store_mark_folder(vm_clone_plan_get_definition(work->plan));
        vm_clone_plan_end(work->plan);
        return TRUE;
    }
    if (original && !vm_machine_save(work->original, work->before, NULL)) {
        vm_clone_plan_keep(work->plan); /* the original needs what was made */
    }
    return FALSE;
}

static void
copied(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(GTask) outer = G_TASK(data);
    struct work *work = g_task_get_task_data(outer);
    GError *error = NULL;

    g_clear_handle_id(&work->timer, g_source_remove);
    if (work->stopped) {
        g_task_return_new_error(outer, G_IO_ERROR, G_IO_ERROR_CANCELLED, "stopped");
        return;
    }
    if (g_task_propagate_boolean(G_TASK(result), &error)) {
        vm_machine_set_copying(work->machine, -1);
        (void)save_both(work, &error);
    }
    if (error) {
        vm_clone_plan_undo(work->plan);
        vm_store_forget(work->store, work->machine);
        vm_store_copy_ended(work->store, work->machine, error);
        g_task_return_error(outer, error);
        return;
    }
    g_clear_pointer(&work->plan, vm_clone_plan_free); /* both may start now */
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

static VmClonePlan *
make_plan(VmStore *store, const VmCloneWish *wish, char **ret_name, GError **error)
{
    g_autofree char *name = vm_definition_name_for_title(wish->title);
    g_autofree char *folder = vm_store_new_folder(store, name);
    VmClonePlan *plan = vm_clone_plan_new(vm_machine_get_definition(wish->machine),
                                          vm_machine_get_name(wish->machine), wish->title, folder,
                                          wish->flags, error);

    if (plan) {
        vm_store_note_folder(store, vm_clone_plan_get_definition(plan), folder);
        *ret_name = g_steal_pointer(&name);
    }
    return plan;
}

static struct work *
work_new(VmStore *store, VmMachine *machine, VmClonePlan *plan, const char *name)
{
    struct work *work = g_new0(struct work, 1);

    work->store = g_object_ref(store);
    work->original = g_object_ref(machine);
    work->machine = vm_machine_new(name);
    work->plan = plan;
    if (vm_clone_plan_get_original(plan)) {
        work->before = vm_json_copy(vm_machine_get_definition(machine));
    }
    g_mutex_init(&work->lock);
    g_cond_init(&work->cond);
    g_object_set_data(G_OBJECT(work->machine), WORK, work);
    return work;
}

void
vm_clone_async(VmStore *store, const VmCloneWish *wish, GAsyncReadyCallback callback,
               gpointer user_data)
{
    g_autoptr(GTask) outer = g_task_new(NULL, NULL, callback, user_data);
    g_autoptr(GTask) task = NULL;
    g_autofree char *name = NULL;
    GError *error = NULL;
    VmClonePlan *plan = make_plan(store, wish, &name, &error);
    struct work *work = NULL;
    GCancellable *stop = NULL;

    if (!plan) {
        vm_store_copy_ended(store, NULL, error);
        g_task_return_error(outer, error);
        return;
    }
    work = work_new(store, wish->machine, plan, name);
    g_task_set_task_data(outer, work, work_free);
    vm_machine_set_title(work->machine, wish->title);
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

/* Its thread ends soon, for it was cancelled; what comes after it in the main loop does nothing then. */
static void
stop(struct work *work)
{
    g_mutex_lock(&work->lock);
    while (!work->ended) {
        g_cond_wait(&work->cond, &work->lock);
    }
    g_mutex_unlock(&work->lock);
    work->stopped = TRUE;
    vm_clone_plan_undo(work->plan);
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
    for (guint i = 0; i < g_list_model_get_n_items(machines); i++) {
        g_autoptr(VmMachine) machine = g_list_model_get_item(machines, i);
        if (vm_machine_is_copied(machine)) {
            stop(g_object_get_data(G_OBJECT(machine), WORK));
        }
    }
}

gboolean
vm_clone_look(VmStore *store, VmMachine *machine, VmCloneFlags flags, guint64 *ret_size,
              GError **error)
{
    g_autofree char *name = NULL;
    const VmCloneWish wish = {machine, vm_machine_get_title(machine), flags};
    g_autoptr(VmClonePlan) plan = make_plan(store, &wish, &name, error);

    if (!plan) {
        return FALSE;
    }
    *ret_size = vm_clone_plan_get_size(plan);
    return TRUE;
}

gboolean
vm_clone_get_room(VmStore *store, guint64 *ret_bytes)
{
    g_autofree char *folder = vm_store_new_folder(store, "-");
    struct statvfs status;

    /* The nearest folder above it that is there. */
    while (statvfs(folder, &status) < 0) {
        char *parent = g_path_get_dirname(folder);
        const gboolean top = g_str_equal(parent, folder);

        g_free(folder);
        folder = parent;
        if (top) {
            return FALSE;
        }
    }
    *ret_bytes = (guint64)status.f_bavail * status.f_frsize;
    return TRUE;
}

/* Of all folders in which a machine's folder may be, each once; files in others are added to `elsewhere`. */
static GStrv
remove_half_made(VmStore *store, GStrvBuilder *elsewhere)
{
    g_autoptr(GStrvBuilder) all = g_strv_builder_new();
    g_autofree char *usual = vm_paths_disks("-");
    g_autofree char *chosen = vm_store_new_folder(store, "-");
    const char *const folders[] = {usual, chosen};
    const guint n = g_str_equal(usual, chosen) ? 1 : 2;

    for (guint i = 0; i < n; i++) {
        g_autofree char *parent = g_path_get_dirname(folders[i]);
        g_auto(GStrv) removed = vm_half_made_remove(parent, elsewhere);
        g_strv_builder_addv(all, (const char **)removed);
    }
    return g_strv_builder_end(all);
}

char *
vm_clone_remove_half_made(VmStore *store)
{
    g_autoptr(GStrvBuilder) elsewhere = g_strv_builder_new();
    g_auto(GStrv) removed = remove_half_made(store, elsewhere);
    g_auto(GStrv) files = g_strv_builder_end(elsewhere);
    const guint n = g_strv_length(removed);

    if (n == 0) {
        return NULL;
    }
    if (n == 1 && files[0]) {
        g_autofree char *all = g_strjoinv(", ", files);
        /* Translators: the path of a folder, and of a file or several with commas. */
        return g_strdup_printf(
            _("A copy was cut off; “%s”, which was half-made, is removed, and so "
              "is “%s”"),
            removed[0], all);
    }
    if (n == 1) {
        /* Translators: the path of a folder. */
        return g_strdup_printf(_("A copy was cut off; “%s”, which was half-made, is removed"),
                               removed[0]);
    }
    return g_strdup_printf(ngettext("%u copy was cut off; what was half-made is removed",
                                    "%u copies were cut off; what was half-made is removed", n),
                           n);
}

char *
vm_clone_title(VmMachine *machine)
{
    /* Translators: the title of a copy of a machine. */
    return g_strdup_printf(_("%s (copy)"), vm_machine_get_title(machine));
}
