/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/client/outside-disks.h"

#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

#include "vmm/client/bases.h"
#include "vmm/client/definition.h"
#include "vmm/client/disk-files.h"
#include "vmm/client/disk-users.h"

static gboolean
is_in_folder(const char *path, const char *folder)
{
    g_autofree char *inside = g_canonicalize_filename(path, "/");
    g_autofree char *own = g_strconcat(folder, "/", NULL);

    return g_str_has_prefix(inside, own);
}

static gboolean
is_outside(const char *path, const char *folder, const char *name)
{
    GStatBuf status;

    return g_path_is_absolute(path) && g_lstat(path, &status) == 0 && S_ISREG(status.st_mode) &&
           !is_in_folder(path, folder) && !vm_disk_is_needed(name, status.st_dev, status.st_ino);
}

/* Whether one of the files that are included names it, or may. */
static gboolean
is_in_base(VmBases *bases, const char *path)
{
    VmJson *whole = vm_bases_get_whole(bases);
    GStatBuf status;

    if (vm_bases_get_problem(bases) || g_stat(path, &status) < 0) {
        return TRUE;
    }
    for (guint i = 0; i < vm_bases_count(bases, "block"); i++) {
        VmDisk disk;
        g_autoptr(GPtrArray) files = NULL;

        if (!vm_disk_of(whole, i, &disk)) {
            continue;
        }
        files = vm_disk_files(&disk, NULL);
        for (guint j = 0; j < files->len; j++) {
            const VmDiskFile *file = g_ptr_array_index(files, j);
            if (file->device == status.st_dev && file->inode == status.st_ino) {
                return TRUE;
            }
        }
    }
    return FALSE;
}

GStrv
vm_outside_disks(VmJson *json, const char *name)
{
    g_autoptr(GStrvBuilder) paths = g_strv_builder_new();
    g_autofree char *folder = vm_definition_folder(json, name);
    g_autoptr(VmBases) bases = json ? vm_bases_new_of(json, name) : NULL;
    guint count = json ? vm_json_length(json, "block") : 0;

    for (guint i = 0; i < count; i++) {
        VmDisk disk;

        if (vm_disk_of(json, i, &disk) && !disk.read_only && is_outside(disk.path, folder, name) &&
            !is_in_base(bases, disk.path)) {
            g_strv_builder_add(paths, disk.path);
        }
    }
    return g_strv_builder_end(paths);
}

gboolean
vm_outside_disks_trash(const char *const *paths, GError **error)
{
    g_autoptr(GError) first = NULL;

    for (guint i = 0; paths[i]; i++) {
        g_autoptr(GFile) file = g_file_new_for_path(paths[i]);
        if (!g_file_trash(file, NULL, first ? NULL : &first) &&
            g_error_matches(first, G_IO_ERROR, G_IO_ERROR_NOT_FOUND)) {
            g_clear_error(&first);
        }
    }
    if (first) {
        g_propagate_error(error, g_steal_pointer(&first));
        return FALSE;
    }
    return TRUE;
}
