/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/client/outside-disks.h"

#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

#include "vmm/client/definition.h"
#include "vmm/client/paths.h"
#include "vmm/client/vm-machines.h"

static const char *
disk_path(VmJson *json, guint number)
{
    g_autofree char *member = g_strdup_printf("block.%u.path", number);

    return vm_json_get_string(json, member);
}

static gboolean
is_read_only(VmJson *json, guint number)
{
    g_autofree char *shorter = g_strdup_printf("block.%u.ro", number);
    g_autofree char *longer = g_strdup_printf("block.%u.read-only", number);

    return vm_json_get_bool(json, shorter, FALSE) || vm_json_get_bool(json, longer, FALSE);
}

static gboolean
is_same_file(const char *path, const GStatBuf *status)
{
    GStatBuf other;

    return path && g_stat(path, &other) == 0 && other.st_dev == status->st_dev &&
           other.st_ino == status->st_ino;
}

static gboolean
names_file(VmJson *json, const GStatBuf *status)
{
    for (guint i = 0; i < vm_json_length(json, "block"); i++) {
        if (is_same_file(disk_path(json, i), status)) {
            return TRUE;
        }
    }
    return is_same_file(vm_json_get_string(json, "kernel"), status) ||
           is_same_file(vm_json_get_string(json, "initrd"), status);
}

/* A definition that cannot be read may name anything. */
static gboolean
others_name(const char *name, const GStatBuf *status)
{
    g_auto(GStrv) names = vm_machines_list_defined();

    for (guint i = 0; names[i]; i++) {
        g_autofree char *path = vm_paths_definition(names[i]);
        g_autoptr(VmJson) json = g_str_equal(names[i], name) ? NULL : vm_json_load(path, NULL);
        if (!g_str_equal(names[i], name) && (!json || names_file(json, status))) {
            return TRUE;
        }
    }
    return FALSE;
}

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

    return path && g_path_is_absolute(path) && g_lstat(path, &status) == 0 &&
           S_ISREG(status.st_mode) && !is_in_folder(path, folder) && !others_name(name, &status);
}

GStrv
vm_outside_disks(VmJson *json, const char *name)
{
    g_autoptr(GStrvBuilder) paths = g_strv_builder_new();
    g_autofree char *folder = vm_definition_folder(json, name);
    guint count = json ? vm_json_length(json, "block") : 0;

    for (guint i = 0; i < count; i++) {
        const char *path = disk_path(json, i);
        if (!is_read_only(json, i) && is_outside(path, folder, name)) {
            g_strv_builder_add(paths, path);
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
