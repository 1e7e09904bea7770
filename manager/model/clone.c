/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/model/clone.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n.h>
#include <glib/gstdio.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "vmm/client/definition.h"
#include "vmm/client/paths.h"

#define PROGRESS_MS 250

struct copy {
    char *from;
    char *to;
};

struct work {
    VmStore *store;
    VmMachine *machine; /* the new one */
    VmJson *json;
    char *folder;     /* of the new machine's files */
    GArray *copies;   /* struct copy */
    guint64 size;     /* of all */
    guint64 finished; /* of whole files */
    int percent;      /* atomic: written by the thread */
    guint timer;
};

static void
copy_clear(gpointer data)
{
    struct copy *copy = data;

    g_free(copy->from);
    g_free(copy->to);
}

static void
work_free(gpointer data)
{
    struct work *work = data;

    g_clear_handle_id(&work->timer, g_source_remove);
    g_object_unref(work->store);
    g_object_unref(work->machine);
    g_clear_pointer(&work->json, vm_json_free);
    g_array_unref(work->copies);
    g_free(work->folder);
    g_free(work);
}

static guint64
size_of(const char *path)
{
    GStatBuf status;

    return g_stat(path, &status) == 0 ? (guint64)status.st_size : 0;
}

/* Another name where two files share one. */
static char *
free_path(struct work *work, const char *from)
{
    g_autofree char *base = g_path_get_basename(from);
    g_autofree char *name = g_strdup_printf("%u-%s", work->copies->len, base);

    return g_build_filename(work->folder, work->copies->len ? name : base, NULL);
}

/* Copies the file that member names, when it is to be copied. */
static void
plan_copy(struct work *work, const char *own_folder, const char *member, gboolean writable)
{
    const char *path = vm_json_get_string(work->json, member);
    gboolean own = path && g_str_has_prefix(path, own_folder);
    struct copy copy;

    if (!path || !(own || writable) || !g_file_test(path, G_FILE_TEST_IS_REGULAR)) {
        return;
    }
    copy.from = g_strdup(path);
    copy.to = free_path(work, path);
    work->size += size_of(path);
    g_array_append_val(work->copies, copy);
    vm_json_set_string(work->json, member, copy.to);
}

static void
plan_all(struct work *work, const char *name)
{
    g_autofree char *disks = vm_definition_folder(work->json, name);
    g_autofree char *own = g_strconcat(disks, "/", NULL);

    plan_copy(work, own, "kernel", FALSE);
    plan_copy(work, own, "initrd", FALSE);
    for (guint i = 0; i < vm_json_length(work->json, "block"); i++) {
        g_autofree char *path = g_strdup_printf("block.%u.path", i);
        g_autofree char *ro = g_strdup_printf("block.%u.ro", i);
        plan_copy(work, own, path, !vm_json_get_bool(work->json, ro, FALSE));
    }
}

/* File systems that can share blocks do; TRUE when that is all. */
static gboolean
share_blocks(const struct copy *copy)
{
    int from = open(copy->from, O_RDONLY | O_CLOEXEC);
    int to = from >= 0 ? open(copy->to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600) : -1;
    gboolean done = to >= 0 && ioctl(to, FICLONE, from) == 0;

    if (to >= 0) {
        close(to);
        if (!done) {
            unlink(copy->to);
        }
    }
    if (from >= 0) {
        close(from);
    }
    return done;
}

static void
progressed(goffset now, goffset total, gpointer data)
{
    struct work *work = data;
    guint64 done = work->finished + (guint64)now;

    g_atomic_int_set(&work->percent, work->size ? (int)(done * 100 / work->size) : 100);
}

static gboolean
copy_file(struct work *work, const struct copy *copy, GCancellable *cancellable, GError **error)
{
    g_autoptr(GFile) from = g_file_new_for_path(copy->from);
    g_autoptr(GFile) to = g_file_new_for_path(copy->to);

    return share_blocks(copy) || g_file_copy(from, to, G_FILE_COPY_TARGET_DEFAULT_PERMS,
                                             cancellable, progressed, work, error);
}

static void
copy_all(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
    struct work *work = data;
    GError *error = NULL;

    if (work->copies->len > 0 && g_mkdir_with_parents(work->folder, 0700) != 0) {
        int saved = errno;
        g_task_return_new_error(task, G_IO_ERROR, g_io_error_from_errno(saved), "“%s”: %s",
                                work->folder, g_strerror(saved));
        return;
    }
    for (guint i = 0; i < work->copies->len; i++) {
        const struct copy *copy = &g_array_index(work->copies, struct copy, i);
        if (!copy_file(work, copy, cancellable, &error)) {
            g_task_return_error(task, error);
            return;
        }
        work->finished += size_of(copy->to);
    }
    g_task_return_boolean(task, TRUE);
}

static void
remove_copies(struct work *work)
{
    for (guint i = 0; i < work->copies->len; i++) {
        (void)g_unlink(g_array_index(work->copies, struct copy, i).to);
    }
    (void)g_rmdir(work->folder);
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
        (void)vm_machine_save(work->machine, work->json, &error);
    }
    if (error) {
        remove_copies(work);
        vm_store_forget(work->store, work->machine);
        g_task_return_error(outer, error);
        return;
    }
    g_task_return_pointer(outer, work->machine, NULL);
}

static gboolean
show_progress(gpointer data)
{
    struct work *work = data;

    vm_machine_set_copying(work->machine, g_atomic_int_get(&work->percent));
    return G_SOURCE_CONTINUE;
}

static struct work *
plan_work(VmStore *store, VmMachine *machine, const char *title)
{
    g_autofree char *name = vm_definition_name_for_title(title);
    struct work *work = g_new0(struct work, 1);

    work->store = g_object_ref(store);
    work->machine = vm_machine_new(name);
    work->json = vm_json_copy(vm_machine_get_definition(machine));
    work->folder = vm_store_new_folder(store, name);
    work->copies = g_array_new(FALSE, FALSE, sizeof(struct copy));
    g_array_set_clear_func(work->copies, copy_clear);
    vm_json_set_string(work->json, "manager.title", title);
    vm_json_remove(work->json, "manager.autostart");
    plan_all(work, vm_machine_get_name(machine));
    vm_store_note_folder(store, work->json, work->folder);
    return work;
}

void
vm_clone_async(VmStore *store, VmMachine *machine, const char *title, GAsyncReadyCallback callback,
               gpointer user_data)
{
    g_autoptr(GTask) outer = g_task_new(NULL, NULL, callback, user_data);
    g_autoptr(GTask) task = NULL;
    struct work *work = plan_work(store, machine, title);

    g_task_set_task_data(outer, work, work_free);
    vm_machine_set_title(work->machine, title);
    vm_machine_set_copying(work->machine, 0);
    vm_store_adopt(store, work->machine);
    work->timer = g_timeout_add(PROGRESS_MS, show_progress, work);
    task = g_task_new(NULL, NULL, copied, g_object_ref(outer));
    g_task_set_task_data(task, work, NULL);
    g_task_run_in_thread(task, copy_all);
}

VmMachine *
vm_clone_finish(GAsyncResult *result, GError **error)
{
    return g_task_propagate_pointer(G_TASK(result), error);
}

char *
vm_clone_title(VmMachine *machine)
{
    /* Translators: the title of a copy of a machine. */
    return g_strdup_printf(_("%s (copy)"), vm_machine_get_title(machine));
}
