/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/model/disk-boot.h"

#include <errno.h>
#include <glib/gi18n.h>
#include <glib/gstdio.h>
#include <string.h>

#include "manager/model/phrases.h"
#include "vmm/client/paths.h"

#define PREFIX "from-disk-"

static const char *const members[] = {"kernel", "initrd"};

static char *
cache_folder(void)
{
    return g_build_filename(g_get_user_cache_dir(), "vitrine", NULL);
}

static void
remove_folder(const char *folder)
{
    static const char *const names[] = {"vmlinuz", "initrd.img"};

    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = g_build_filename(folder, names[i], NULL);
        (void)g_unlink(path);
    }
    (void)g_rmdir(folder);
}

void
vm_disk_boot_discard(VmJson *boot)
{
    const char *kernel = boot ? vm_json_get_string(boot, "kernel") : NULL;
    g_autofree char *folder = kernel ? g_path_get_dirname(kernel) : NULL;

    if (folder) {
        remove_folder(folder);
    }
    g_clear_pointer(&boot, vm_json_free);
}

/* ------------------------------------------------------------------ taking them out */

/* The sentence on the standard error stream, in the user's language. */
static void
complain(GError **error, const char *said)
{
    g_autofree char *words = vm_phrase_dup_said(said);

    g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_FAILED,
                        words[0] ? words : _("The disk cannot be read."));
}

static void
answered(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(GTask) task = G_TASK(data);
    GSubprocess *process = G_SUBPROCESS(source);
    const char *folder = g_task_get_task_data(task);
    g_autofree char *text = NULL;
    g_autofree char *said = NULL;
    VmJson *json = NULL;
    GError *error = NULL;

    if (!g_subprocess_communicate_utf8_finish(process, result, &text, &said, &error)) {
        g_subprocess_force_exit(process);
    } else if (!g_subprocess_get_successful(process)) {
        complain(&error, said);
    } else {
        json = vm_json_parse(text ? text : "", text ? strlen(text) : 0, &error);
    }
    if (json && vm_json_get_string(json, "kernel")) {
        g_task_return_pointer(task, json, (GDestroyNotify)vm_disk_boot_discard);
        return;
    }
    g_clear_pointer(&json, vm_json_free);
    if (!error) {
        complain(&error, NULL);
    }
    remove_folder(folder);
    g_task_return_error(task, error);
}

void
vm_disk_boot_async(const char *disk, gboolean qcow2, GCancellable *cancellable,
                   GAsyncReadyCallback callback, gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(NULL, cancellable, callback, user_data);
    g_autofree char *program = vm_paths_vmm();
    g_autofree char *parent = cache_folder();
    g_autofree char *folder = g_build_filename(parent, PREFIX "XXXXXX", NULL);
    g_autoptr(GSubprocess) process = NULL;
    GError *error = NULL;

    (void)g_mkdir_with_parents(parent, 0700);
    if (!g_mkdtemp(folder)) {
        const int saved = errno;

        g_task_return_new_error(task, G_IO_ERROR, g_io_error_from_errno(saved), "“%s”: %s", folder,
                                g_strerror(saved));
        return;
    }
    g_task_set_task_data(task, g_strdup(folder), g_free);
    process = g_subprocess_new(G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE,
                               &error, program, "extract_kernel", disk, folder, "--format",
                               qcow2 ? "qcow2" : "raw", NULL);
    if (!process) {
        remove_folder(folder);
        g_task_return_error(task, error);
        return;
    }
    g_subprocess_communicate_utf8_async(process, NULL, cancellable, answered,
                                        g_steal_pointer(&task));
}

VmJson *
vm_disk_boot_finish(GAsyncResult *result, GError **error)
{
    return g_task_propagate_pointer(G_TASK(result), error);
}

/* ------------------------------------------------------------------ keeping them */

/* Where the file of that member goes; NULL for one that is not ours. */
static char *
new_place(VmJson *definition, const char *member, const char *folder)
{
    const char *path = vm_json_get_string(definition, member);
    g_autofree char *parent = cache_folder();
    g_autofree char *start = g_build_filename(parent, PREFIX, NULL);
    g_autofree char *base = path ? g_path_get_basename(path) : NULL;

    return path && g_str_has_prefix(path, start) ? g_build_filename(folder, base, NULL) : NULL;
}

void
vm_disk_boot_rename(VmJson *definition, const char *folder)
{
    for (guint i = 0; i < G_N_ELEMENTS(members); i++) {
        g_autofree char *path = new_place(definition, members[i], folder);
        if (path) {
            vm_json_set_string(definition, members[i], path);
        }
    }
}

gboolean
vm_disk_boot_keep(VmJson *definition, const char *folder, GError **error)
{
    for (guint i = 0; i < G_N_ELEMENTS(members); i++) {
        g_autofree char *path = new_place(definition, members[i], folder);
        g_autoptr(GFile) from = NULL;
        g_autoptr(GFile) to = NULL;

        if (!path) {
            continue;
        }
        from = g_file_new_for_path(vm_json_get_string(definition, members[i]));
        to = g_file_new_for_path(path);
        (void)g_mkdir_with_parents(folder, 0700);
        /* What lies there is of a machine that was forgotten. */
        if (!g_file_move(from, to, G_FILE_COPY_OVERWRITE, NULL, NULL, NULL, error)) {
            return FALSE;
        }
        vm_json_set_string(definition, members[i], path);
    }
    return TRUE;
}
