/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/client/clone.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "vmm/client/definition.h"
#include "vmm/client/paths.h"
#include "vmm/client/vm-machines.h"

enum {
    HEADER_SIZE = 16, /* of a qcow2 image, up to and with the offset of its backing file's name */
};

struct copy {
    char *from;
    char *to;
    gboolean in_parts;
};

struct VmClonePlan {
    VmJson *json;
    char *folder;     /* of the new machine's files */
    GArray *copies;   /* struct copy */
    guint64 size;     /* of all */
    guint64 finished; /* of whole files */
    int percent;      /* atomic: written by the thread */
};

static void
copy_clear(gpointer data)
{
    struct copy *copy = data;

    g_free(copy->from);
    g_free(copy->to);
}

void
vm_clone_plan_free(VmClonePlan *plan)
{
    vm_json_free(plan->json);
    g_array_unref(plan->copies);
    g_free(plan->folder);
    g_free(plan);
}

static guint64
size_of(const char *path)
{
    GStatBuf status;

    return g_stat(path, &status) == 0 ? (guint64)status.st_size : 0;
}

/* Another name where two files share one. */
static char *
free_path(VmClonePlan *plan, const char *from)
{
    g_autofree char *base = g_path_get_basename(from);
    g_autofree char *name = g_strdup_printf("%u-%s", plan->copies->len, base);

    return g_build_filename(plan->folder, plan->copies->len ? name : base, NULL);
}

/*
 * Whether an image names other files: elsewhere it would not find them, or write to the same ones.
 * Its kind comes from its format or name, as in `vmm run` (docs/interop/qcow2.txt for the header).
 */
static gboolean
is_in_parts(const char *path, const char *format)
{
    guint8 header[HEADER_SIZE] = {0};
    guint8 backing = 0;

    if (format ? g_str_equal(format, "composite") : g_str_has_suffix(path, ".composite")) {
        return TRUE;
    }
    if (!(format ? g_str_equal(format, "qcow2") : g_str_has_suffix(path, ".qcow2"))) {
        return FALSE;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return FALSE; /* copying it will say why */
    }
    if (read(fd, header, sizeof(header)) == sizeof(header)) {
        for (guint i = 8; i < sizeof(header); i++) {
            backing |= header[i];
        }
    }
    close(fd);
    return backing != 0;
}

/* Copies the file that member names, when it is to be copied. */
static void
plan_copy(VmClonePlan *plan, const char *own_folder, const char *member, const char *format,
          gboolean writable)
{
    const char *path = vm_json_get_string(plan->json, member);
    gboolean own = path && g_str_has_prefix(path, own_folder);
    struct copy copy;

    if (!path || !(own || writable) || !g_file_test(path, G_FILE_TEST_IS_REGULAR)) {
        return;
    }
    copy.from = g_strdup(path);
    copy.to = free_path(plan, path);
    copy.in_parts = is_in_parts(path, format);
    plan->size += size_of(path);
    g_array_append_val(plan->copies, copy);
    vm_json_set_string(plan->json, member, copy.to);
}

static void
plan_all(VmClonePlan *plan, const char *name)
{
    g_autofree char *disks = vm_definition_folder(plan->json, name);
    g_autofree char *own = g_strconcat(disks, "/", NULL);

    plan_copy(plan, own, "kernel", "raw", FALSE);
    plan_copy(plan, own, "initrd", "raw", FALSE);
    for (guint i = 0; i < vm_json_length(plan->json, "block"); i++) {
        g_autofree char *path = g_strdup_printf("block.%u.path", i);
        g_autofree char *ro = g_strdup_printf("block.%u.ro", i);
        g_autofree char *format = g_strdup_printf("block.%u.format", i);
        plan_copy(plan, own, path, vm_json_get_string(plan->json, format),
                  !vm_json_get_bool(plan->json, ro, FALSE));
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
set_done(VmClonePlan *plan, guint64 done)
{
    const guint64 percent = plan->size > 0 ? done * 100 / plan->size : 100;

    g_atomic_int_set(&plan->percent, (int)MIN(percent, 100));
}

static void
progressed(goffset now, goffset total, gpointer data)
{
    VmClonePlan *plan = data;

    set_done(plan, plan->finished + (guint64)now);
}

static gboolean
copy_file(VmClonePlan *plan, const struct copy *copy, GCancellable *cancellable, GError **error)
{
    g_autoptr(GFile) from = g_file_new_for_path(copy->from);
    g_autoptr(GFile) to = g_file_new_for_path(copy->to);

    return share_blocks(copy) || g_file_copy(from, to, G_FILE_COPY_TARGET_DEFAULT_PERMS,
                                             cancellable, progressed, plan, error);
}

gboolean
vm_clone_plan_run(VmClonePlan *plan, GCancellable *cancellable, GError **error)
{
    if (plan->copies->len > 0 && g_mkdir_with_parents(plan->folder, 0700) != 0) {
        const int saved = errno;

        g_set_error(error, G_IO_ERROR, g_io_error_from_errno(saved), "“%s”: %s", plan->folder,
                    g_strerror(saved));
        return FALSE;
    }
    for (guint i = 0; i < plan->copies->len; i++) {
        const struct copy *copy = &g_array_index(plan->copies, struct copy, i);

        if (copy->in_parts) {
            g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                        "“%s” names other files, which a copy would not have; make one image of it "
                        "first, for instance with qemu-img convert",
                        copy->from);
            return FALSE;
        }
        if (!copy_file(plan, copy, cancellable, error)) {
            return FALSE;
        }
        plan->finished += size_of(copy->to);
        set_done(plan, plan->finished);
    }
    return TRUE;
}

int
vm_clone_plan_get_percent(VmClonePlan *plan)
{
    return g_atomic_int_get(&plan->percent);
}

void
vm_clone_plan_undo(VmClonePlan *plan)
{
    for (guint i = 0; i < plan->copies->len; i++) {
        (void)g_unlink(g_array_index(plan->copies, struct copy, i).to);
    }
    (void)g_rmdir(plan->folder);
}

VmJson *
vm_clone_plan_get_definition(VmClonePlan *plan)
{
    return plan->json;
}

VmClonePlan *
vm_clone_plan_new(VmJson *definition, const char *name, const char *title, const char *folder)
{
    VmClonePlan *plan = g_new0(VmClonePlan, 1);

    plan->json = vm_json_copy(definition);
    plan->folder = g_strdup(folder);
    plan->copies = g_array_new(FALSE, FALSE, sizeof(struct copy));
    g_array_set_clear_func(plan->copies, copy_clear);
    vm_json_set_string(plan->json, "manager.title", title);
    vm_json_remove(plan->json, "manager.autostart");
    vm_json_remove(plan->json, "name");
    plan_all(plan, name);
    return plan;
}

/* -- vm_machines_clone_async() -- */

struct clone {
    VmClonePlan *plan;
    char *name; /* the new one */
};

static void
clone_free(gpointer data)
{
    struct clone *clone = data;

    g_clear_pointer(&clone->plan, vm_clone_plan_free);
    g_free(clone->name);
    g_free(clone);
}

static void
clone_all(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
    struct clone *clone = data;
    g_autofree char *path = vm_paths_definition(clone->name);
    GError *error = NULL;

    if (!vm_clone_plan_run(clone->plan, cancellable, &error) ||
        !vm_definition_save(clone->plan->json, path, &error)) {
        vm_clone_plan_undo(clone->plan);
        g_task_return_error(task, error);
        return;
    }
    g_task_return_pointer(task, g_strdup(clone->name), g_free);
}

void
vm_machines_clone_async(const char *name, const char *title, GCancellable *cancellable,
                        GAsyncReadyCallback callback, gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(NULL, cancellable, callback, user_data);
    struct clone *clone = g_new0(struct clone, 1);
    g_autofree char *path = NULL;
    g_autofree char *folder = NULL;
    g_autoptr(VmJson) json = NULL;
    GError *error = NULL;

    g_task_set_task_data(task, clone, clone_free);
    if (!vm_definition_check_off(name, &error)) {
        g_task_return_error(task, error);
        return;
    }
    path = vm_paths_definition(name);
    json = vm_json_load(path, &error);
    if (!json) {
        g_task_return_error(task, error);
        return;
    }
    clone->name = vm_definition_name_for_title(title);
    folder = vm_paths_disks(clone->name);
    clone->plan = vm_clone_plan_new(json, name, title, folder);
    vm_json_remove(clone->plan->json, "manager.folder");
    g_task_run_in_thread(task, clone_all);
}

char *
vm_machines_clone_finish(GAsyncResult *result, GError **error)
{
    return g_task_propagate_pointer(G_TASK(result), error);
}
