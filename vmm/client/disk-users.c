/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/client/disk-users.h"

#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/client/bases.h"
#include "vmm/client/definition.h"
#include "vmm/client/paths.h"
#include "vmm/client/vm-machines.h"

/* Another definition, with all that it includes, as far as it can be read. */
struct other {
    const char *name;
    VmJson *json;             /* NULL: it cannot be read */
    const char *const *paths; /* of the files that it includes */
    gboolean is_whole;        /* nothing of it cannot be read */
};

/* TRUE ends it. */
typedef gboolean (*OtherFunc)(const struct other *other, gpointer data);

static gboolean
look_at_one(const char *name, OtherFunc look, gpointer data)
{
    g_autofree char *path = vm_paths_definition(name);
    g_autoptr(VmJson) own = vm_json_load(path, NULL);
    g_autoptr(VmBases) bases = own ? vm_bases_new(own, path) : NULL;
    struct other other = {.name = name};

    if (bases) {
        other.json = vm_bases_get_whole(bases);
        other.paths = vm_bases_get_paths(bases);
        other.is_whole = vm_bases_get_problem(bases) == NULL;
    }
    return look(&other, data);
}

static gboolean
look_at_others(const char *name, OtherFunc look, gpointer data)
{
    g_auto(GStrv) names = vm_machines_list_defined();

    for (guint i = 0; names[i]; i++) {
        if (!g_str_equal(names[i], name) && look_at_one(names[i], look, data)) {
            return TRUE;
        }
    }
    return FALSE;
}

struct search {
    guint64 device;
    guint64 inode;
    char *machine;
};

static gboolean
is_it(const struct search *search, const VmDiskFile *file)
{
    return file->device == search->device && file->inode == search->inode;
}

static gboolean
writes_it(const struct other *other, gpointer data)
{
    VmJson *json = other->json;
    struct search *search = data;
    VmDisk disk;

    for (guint i = 0; json && i < vm_json_length(json, "block"); i++) {
        g_autoptr(GPtrArray) files = NULL;

        if (!vm_disk_of(json, i, &disk) || disk.read_only) {
            continue;
        }
        files = vm_disk_files(&disk, NULL);
        for (guint j = 0; j < files->len; j++) {
            const VmDiskFile *file = g_ptr_array_index(files, j);
            if ((j == 0 || file->writable) && is_it(search, file)) {
                search->machine = g_strdup(other->name);
                return TRUE;
            }
        }
    }
    return FALSE;
}

char *
vm_disk_writer(const char *name, const VmDiskFile *file)
{
    struct search search = {.device = file->device, .inode = file->inode};

    (void)look_at_others(name, writes_it, &search);
    return search.machine;
}

static void
add_file(GPtrArray *all, const char *path)
{
    const VmDisk disk = {.path = path, .format = "raw"};

    if (path) {
        g_ptr_array_add(all, vm_disk_files(&disk, NULL));
    }
}

/* All files that a definition needs, `paths` of those that it includes too: VmDiskFile. */
static GPtrArray *
files_of(VmJson *json, const char *const *paths)
{
    static const char *const members[] = {"kernel", "initrd"};
    GPtrArray *all = g_ptr_array_new_with_free_func((GDestroyNotify)g_ptr_array_unref);
    VmDisk disk;

    for (guint i = 0; i < G_N_ELEMENTS(members); i++) {
        add_file(all, vm_json_get_string(json, members[i]));
    }
    for (guint i = 0; paths && paths[i]; i++) {
        add_file(all, paths[i]);
    }
    for (guint i = 0; i < vm_json_length(json, "block"); i++) {
        if (vm_disk_of(json, i, &disk)) {
            g_ptr_array_add(all, vm_disk_files(&disk, NULL));
        }
    }
    return all;
}

static gboolean
needs_it(const struct other *other, gpointer data)
{
    g_autoptr(GPtrArray) all = other->json ? files_of(other->json, other->paths) : NULL;

    for (guint i = 0; all && i < all->len; i++) {
        GPtrArray *files = g_ptr_array_index(all, i);
        for (guint j = 0; j < files->len; j++) {
            if (is_it(data, g_ptr_array_index(files, j))) {
                return TRUE;
            }
        }
    }
    return FALSE;
}

static gboolean
may_need_it(const struct other *other, gpointer data)
{
    return !other->is_whole || needs_it(other, data); /* it may name anything */
}

gboolean
vm_disk_is_needed(const char *name, guint64 device, guint64 inode)
{
    struct search search = {.device = device, .inode = inode};

    return look_at_others(name, may_need_it, &search);
}

static gboolean
uses_it(const struct other *other, gpointer data)
{
    struct search *search = data;

    if (needs_it(other, data)) {
        search->machine = g_strdup(other->name);
    }
    return search->machine != NULL;
}

char *
vm_disk_dup_user(const char *name, guint64 device, guint64 inode)
{
    struct search search = {.device = device, .inode = inode};

    (void)look_at_others(name, uses_it, &search);
    return search.machine;
}

/* Paths without links in them of those below `folder`; `from`: 1 leaves out the disks' own. */
static void
add_below(GPtrArray *all, const char *folder, guint from, GPtrArray *paths)
{
    for (guint i = 0; i < all->len; i++) {
        GPtrArray *files = g_ptr_array_index(all, i);
        for (guint j = from; j < files->len; j++) {
            const VmDiskFile *file = g_ptr_array_index(files, j);
            g_autofree char *real = realpath(file->path, NULL);
            if (real && g_str_has_prefix(real, folder)) {
                g_ptr_array_add(paths, g_strdup(real));
            }
        }
    }
}

struct below {
    const char *folder; /* with a slash at its end */
    GPtrArray *paths;
};

static gboolean
collect(const struct other *other, gpointer data)
{
    struct below *below = data;
    g_autoptr(GPtrArray) all = other->json ? files_of(other->json, other->paths) : NULL;

    if (all) {
        add_below(all, below->folder, 0, below->paths);
    }
    return FALSE;
}

/* "/a/folder/" where there is one; g_free(). */
static char *
start_of(const char *folder)
{
    g_autofree char *real = realpath(folder, NULL);

    return real ? g_strconcat(real, "/", NULL) : NULL;
}

GStrv
vm_disk_kept_files(VmJson *json, const char *name)
{
    g_autoptr(GPtrArray) paths = g_ptr_array_new();
    g_autofree char *own = vm_definition_folder(json, name);
    g_autofree char *start = start_of(own);
    struct below below = {.folder = start, .paths = paths};

    if (start) {
        (void)look_at_others(name, collect, &below);
    }
    g_ptr_array_add(paths, NULL);
    return (GStrv)g_ptr_array_free(g_steal_pointer(&paths), FALSE);
}

static gboolean
is_unknown(const struct other *other, gpointer data)
{
    char **unknown = data;

    if (!other->is_whole) {
        *unknown = g_strdup(other->name);
    }
    return !other->is_whole;
}

char *
vm_disk_unknown_user(const char *name)
{
    char *unknown = NULL;

    (void)look_at_others(name, is_unknown, &unknown);
    return unknown;
}

gboolean
vm_disk_folder_is_needed(const char *name, const char *folder)
{
    g_autofree char *unknown = vm_disk_unknown_user(name);
    g_autofree char *start = start_of(folder);
    g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);
    struct below below = {.folder = start, .paths = paths};

    if (start) {
        (void)look_at_others(name, collect, &below);
    }
    return unknown || paths->len > 0;
}

char *
vm_disk_left_mark(const char *folder)
{
    return g_build_filename(folder, ".left-by-deletion", NULL);
}

/* The folder of the machine that `path` is in, when nobody needs it any more; else NULL. */
static char *
left_folder(const char *name, const char *start, const char *path)
{
    const char *rest = path + strlen(start);
    const char *slash = strchr(rest, '/');
    g_autofree char *machine = slash ? g_strndup(rest, (gsize)(slash - rest)) : NULL;
    g_autofree char *definition = NULL;
    g_autofree char *folder = NULL;
    g_autofree char *mark = NULL;
    g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);
    struct below below = {.paths = paths};

    if (!machine || !vm_definition_name_is_valid(machine) || g_str_equal(machine, name)) {
        return NULL;
    }
    definition = vm_paths_definition(machine);
    folder = g_strconcat(start, machine, "/", NULL);
    mark = vm_disk_left_mark(folder);
    below.folder = folder;
    (void)look_at_others(name, collect, &below);
    return g_file_test(definition, G_FILE_TEST_EXISTS) || !g_file_test(mark, G_FILE_TEST_EXISTS) ||
                   paths->len > 0
               ? NULL
               : g_strndup(folder, strlen(folder) - 1);
}

GStrv
vm_disk_left_folders(VmJson *json, const char *name)
{
    g_autoptr(GStrvBuilder) folders = g_strv_builder_new();
    g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *usual = vm_paths_disks(name);
    g_autofree char *parent = g_path_get_dirname(usual);
    g_autofree char *start = start_of(parent);
    g_autoptr(VmBases) bases = json && start ? vm_bases_new_of(json, name) : NULL;
    g_autoptr(GPtrArray) all = bases ? files_of(vm_bases_get_whole(bases), NULL) : NULL;

    if (all) {
        add_below(all, start, 1, paths);
    }
    for (guint i = 0; i < paths->len; i++) {
        g_autofree char *folder = left_folder(name, start, g_ptr_array_index(paths, i));
        if (folder) {
            g_strv_builder_add(folders, folder);
        }
    }
    return g_strv_builder_end(folders);
}
