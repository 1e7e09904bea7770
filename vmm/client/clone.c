/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/client/clone.h"

#include <stdlib.h>
#include <string.h>

#include "vmm/client/bases.h"
#include "vmm/client/clone-steps.h"
#include "vmm/client/definition.h"
#include "vmm/client/disk-files.h"
#include "vmm/client/disk-users.h"
#include "vmm/client/paths.h"

#define NOTES "manager"

enum {
    SECTOR_SIZE = 512,
};

struct VmClonePlan {
    VmJson *json;
    VmJson *original; /* or NULL */
    char *before;     /* what the old machine's definition says, but for notes */
    char *name;       /* of the old machine */
    char *folder;     /* of the new machine's files */
    VmCloneSteps *steps;
    VmBases *bases; /* of the old machine's definition */
    guint n_theirs; /* disks of included files, before the definition's own */
    gboolean linked;
};

/* One disk while its part of the plan is made. */
struct disk {
    guint index;     /* among all */
    guint own_index; /* in the old machine's definition, where it is its own */
    guint new_index; /* in the new one's */
    VmDisk is;
    GPtrArray *files; /* VmDiskFile */
};

void
vm_clone_plan_free(VmClonePlan *plan)
{
    vm_json_free(plan->json);
    g_clear_pointer(&plan->original, vm_json_free);
    vm_clone_steps_free(plan->steps);
    g_clear_pointer(&plan->bases, vm_bases_unref);
    g_free(plan->before);
    g_free(plan->name);
    g_free(plan->folder);
    g_free(plan);
}

static const VmDiskFile *
file_of(const struct disk *disk, guint i)
{
    return g_ptr_array_index(disk->files, i);
}

/* A name in `folder` that no other file has or gets: "disk.img", "disk-1.img", … */
static char *
free_path(VmClonePlan *plan, const char *folder, const char *base)
{
    const char *dot = strrchr(base, '.');
    const int stem = dot && dot != base ? (int)(dot - base) : (int)strlen(base);
    char *path = g_build_filename(folder, base, NULL);

    for (guint i = 1;
         vm_clone_steps_has(plan->steps, path) || g_file_test(path, G_FILE_TEST_EXISTS); i++) {
        g_autofree char *name = g_strdup_printf("%.*s-%u%s", stem, base, i, base + stem);

        g_free(path);
        path = g_build_filename(folder, name, NULL);
    }
    return path;
}

static char *
free_path_like(VmClonePlan *plan, const char *folder, const char *like)
{
    g_autofree char *base = g_path_get_basename(like);

    return free_path(plan, folder, base);
}

/* Where a file really is: a second name of a link to it would be a link. */
static char *
real_path(const char *path)
{
    g_autofree char *real = realpath(path, NULL);

    return g_strdup(real ? real : path);
}

static void
set_disk(VmJson *json, guint index, const char *path, gboolean is_overlay)
{
    g_autofree char *member = g_strdup_printf("block.%u.path", index);
    g_autofree char *format = g_strdup_printf("block.%u.format", index);

    vm_json_set_string(json, member, path);
    if (is_overlay) {
        vm_json_remove(json, format); /* its name says it */
    }
}

static gboolean
goes_up(const char *name)
{
    g_auto(GStrv) parts = g_strsplit(name, "/", -1);

    return g_strv_contains((const char *const *)parts, "..");
}

/*
 * What lies behind file `first - 1`, whose place in the new machine's folder is `to`: second names, at the
 * places where the images look for them. Those that are named in full are found from everywhere.
 */
static gboolean
share_behind(VmClonePlan *plan, const struct disk *disk, guint first, const char *to,
             GError **error)
{
    g_autofree char *at = g_path_get_dirname(to);

    for (guint i = first; i < disk->files->len; i++) {
        const VmDiskFile *file = file_of(disk, i);
        g_autofree char *real = real_path(file->path);
        g_autofree char *place = NULL;

        if (g_path_is_absolute(file->name)) {
            return TRUE;
        }
        if (goes_up(file->name)) {
            g_set_error(
                error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                "“%s” calls the file behind it “%s”, which a copy elsewhere would not find; "
                "write its whole path into the image with “qemu-img rebase -u -F %s -b FILE”",
                file_of(disk, i - 1)->path, file->name, file->format);
            return FALSE;
        }
        place = g_build_filename(at, file->name, NULL);
        vm_clone_steps_link(plan->steps, real, place, plan->linked);
        g_free(at);
        at = g_path_get_dirname(place);
    }
    return TRUE;
}

static gboolean
copy_disk(VmClonePlan *plan, const struct disk *disk, GError **error)
{
    const VmDiskFile *first = file_of(disk, 0);
    const gboolean names_others =
        disk->files->len > 1 && !g_path_is_absolute(file_of(disk, 1)->name);
    /* The names behind it are fixed: they get a folder where nothing else has them. */
    g_autofree char *own = g_strdup_printf("disk-%u", disk->index);
    g_autofree char *folder = g_build_filename(plan->folder, names_others ? own : NULL, NULL);
    g_autofree char *to = free_path_like(plan, folder, first->path);

    vm_clone_steps_copy(plan->steps, first->path, to, first->room);
    set_disk(plan->json, disk->new_index, to, FALSE);
    return share_behind(plan, disk, 1, to, error);
}

/* Where a part of the new disk is; beside what names it, so that its own name is enough. */
static void
plan_part(VmClonePlan *plan, const struct disk *disk, const VmDiskFile *part,
          struct composite_part *named)
{
    g_autofree char *base = g_path_get_basename(part->path);
    g_autofree char *wanted = g_strdup_printf("disk-%u-%s", disk->index, base);
    g_autofree char *place = free_path(plan, plan->folder, wanted);
    g_autofree char *real = real_path(part->path);
    g_autofree char *name = g_path_get_basename(place);

    if (part->writable) {
        vm_clone_steps_copy(plan->steps, part->path, place, part->room);
    } else {
        vm_clone_steps_link(plan->steps, real, place, FALSE);
    }
    (void)g_strlcpy(named->path, name, COMPOSITE_NAME_SIZE); /* no file has a longer one */
}

static GBytes *
bytes_of_spec(const struct composite_spec *spec, const char *path, GError **error)
{
    GByteArray *bytes = g_byte_array_new();
    gsize size;

    g_byte_array_set_size(bytes, COMPOSITE_SPEC_BYTES_MAX);
    size = composite_spec_write(spec, bytes->data, bytes->len);
    g_byte_array_set_size(bytes, (guint)size);
    if (size == 0) {
        g_byte_array_unref(bytes);
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                    "the names of the parts of “%s” are too long; give them shorter ones", path);
        return NULL;
    }
    return g_byte_array_free_to_bytes(bytes);
}

static gboolean
copy_composite(VmClonePlan *plan, const struct disk *disk, GError **error)
{
    g_autofree struct composite_spec *spec = vm_disk_read_spec(disk->is.path, error);
    g_autofree char *to = free_path_like(plan, plan->folder, disk->is.path);
    g_autoptr(GBytes) content = NULL;

    for (gsize i = 0; spec && i < spec->n_parts && i + 1 < disk->files->len; i++) {
        plan_part(plan, disk, file_of(disk, (guint)i + 1), &spec->part[i]);
    }
    content = spec ? bytes_of_spec(spec, disk->is.path, error) : NULL;
    if (!content) {
        return FALSE;
    }
    vm_clone_steps_write(plan->steps, to, content);
    set_disk(plan->json, disk->new_index, to, FALSE);
    return TRUE;
}

/* "disk" of "…/disk.img", and of "…/disk-2.qcow2" where that is an overlay already. */
static char *
stem_of(const char *path, gboolean is_overlay)
{
    char *stem = g_path_get_basename(path);
    char *dot = strrchr(stem, '.');
    char *dash;

    if (dot && dot != stem) {
        *dot = '\0';
    }
    dash = strrchr(stem, '-');
    if (is_overlay && dash && dash != stem && dash[1] &&
        !dash[1 + strspn(dash + 1, "0123456789")]) {
        *dash = '\0';
    }
    return stem;
}

/* Where the new machine has its second name of the frozen file, and all behind it. */
static gboolean
share_base(VmClonePlan *plan, const struct disk *disk, guint base, GError **error)
{
    const VmDiskFile *file = file_of(disk, base);
    g_autofree char *real = real_path(file->path);
    g_autofree char *name = g_path_get_basename(file->path); /* no name behind it is the same */
    g_autofree char *folder = g_strdup_printf("base-%u", disk->index);
    g_autofree char *place = g_build_filename(plan->folder, folder, name, NULL);
    g_autofree char *backing = g_build_filename(folder, name, NULL);
    g_autofree char *stem = stem_of(file->path, disk->files->len > base + 1);
    g_autofree char *wanted = g_strconcat(stem, ".qcow2", NULL);
    g_autofree char *to = free_path(plan, plan->folder, wanted);
    const guint64 size = (file_of(disk, 0)->size + SECTOR_SIZE - 1) / SECTOR_SIZE * SECTOR_SIZE;

    vm_clone_steps_link(plan->steps, real, place, TRUE);
    if (!share_behind(plan, disk, base + 1, place, error)) {
        return FALSE;
    }
    vm_clone_steps_overlay(plan->steps, to, backing, file->format, size);
    set_disk(plan->json, disk->new_index, to, TRUE);
    return TRUE;
}

/* The old machine goes on in an image beside the frozen one. */
static void
put_over(VmClonePlan *plan, VmJson *definition, const struct disk *disk)
{
    const VmDiskFile *file = file_of(disk, 0);
    g_autofree char *real = real_path(file->path);
    g_autofree char *folder = g_path_get_dirname(real);
    g_autofree char *backing = g_path_get_basename(real);
    g_autofree char *stem = stem_of(real, disk->files->len > 1);
    g_autofree char *wanted = g_strconcat(stem, "-1.qcow2", NULL);
    g_autofree char *to = NULL;

    for (guint i = 2; !to; i++) {
        g_autofree char *path = g_build_filename(folder, wanted, NULL);

        if (!g_file_test(path, G_FILE_TEST_EXISTS) && !vm_clone_steps_has(plan->steps, path)) {
            to = g_steal_pointer(&path);
        }
        g_free(wanted);
        wanted = g_strdup_printf("%s-%u.qcow2", stem, i);
    }
    vm_clone_steps_overlay(plan->steps, to, backing, file->format,
                           (file->size + SECTOR_SIZE - 1) / SECTOR_SIZE * SECTOR_SIZE);
    if (!plan->original) {
        plan->original = vm_json_copy(definition);
    }
    set_disk(plan->original, disk->own_index, to, TRUE);
}

static gboolean
refuse_link(const struct disk *disk, const char *why, GError **error)
{
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, "“%s” %s; make a full clone",
                disk->is.path, why);
    return FALSE;
}

/* Whoever else includes that file would find a disk that nobody may write. */
static gboolean
refuse_theirs(VmClonePlan *plan, const struct disk *disk, GError **error)
{
    g_autofree char *why =
        g_strdup_printf("is named by “%s”, which the machine includes, so that it cannot be frozen",
                        vm_bases_get_file_of(plan->bases, "block", disk->index));

    return refuse_link(disk, why, error);
}

/* The overlay lies beside the image itself; a name in the image counts from there then. */
static gboolean
is_found_elsewhere(const struct disk *disk)
{
    g_autofree char *folder = g_path_get_dirname(file_of(disk, 0)->path);
    g_autofree char *real_folder = real_path(folder);
    g_autofree char *real = real_path(file_of(disk, 0)->path);
    g_autofree char *folder_of_real = g_path_get_dirname(real);

    return disk->files->len > 1 && !g_path_is_absolute(file_of(disk, 1)->name) &&
           !g_str_equal(real_folder, folder_of_real);
}

static gboolean
link_disk(VmClonePlan *plan, VmJson *definition, const struct disk *disk, GError **error)
{
    const VmDiskFile *first = file_of(disk, 0);
    g_autofree char *real = real_path(first->path);
    g_autofree char *user = vm_disk_writer(plan->name, first);
    /*
     * An overlay that nothing was written to needs none over it: both are like what lies behind. That may
     * be what an image names that somebody else made, so only what is frozen already counts.
     */
    const guint base =
        first->is_empty && disk->files->len > 1 && file_of(disk, 1)->is_frozen ? 1 : 0;
    const VmDiskFile *frozen = file_of(disk, base);
    g_autofree char *frozen_path = real_path(frozen->path);

    if (disk->index < plan->n_theirs) {
        return refuse_theirs(plan, disk, error);
    }
    if (g_str_equal(first->format, "composite")) {
        return refuse_link(disk, "is made of parts, and no linked clone can lie over those", error);
    }
    if (disk->files->len - base > VM_DISK_CHAIN_MAX) {
        return refuse_link(disk, "lies over 8 images already, and a machine starts with no more",
                           error);
    }
    if (base == 0 && is_found_elsewhere(disk)) {
        return refuse_link(disk,
                           "is a link to an image in another folder, where what lies behind it "
                           "would not be found",
                           error);
    }
    if (user) {
        g_autofree char *why =
            g_strdup_printf("is also a disk of the machine “%s”, which could not "
                            "write to it any more",
                            user);
        return refuse_link(disk, why, error);
    }
    if (!share_base(plan, disk, base, error)) {
        return FALSE;
    }
    if (base == 0) {
        put_over(plan, definition, disk);
    }
    vm_clone_steps_freeze(plan->steps, frozen_path);
    return TRUE;
}

/* Whether the new machine gets one of its own, of disk number `index` of all; devices are shared. */
static gboolean
is_to_copy(VmClonePlan *plan, guint index, const char *own, VmDisk *ret_disk)
{
    return vm_disk_of(vm_bases_get_whole(plan->bases), index, ret_disk) &&
           (!ret_disk->read_only || g_str_has_prefix(ret_disk->path, own)) &&
           (!g_file_test(ret_disk->path, G_FILE_TEST_EXISTS) ||
            g_file_test(ret_disk->path, G_FILE_TEST_IS_REGULAR));
}

static gboolean
plan_disk(VmClonePlan *plan, VmJson *definition, guint index, const char *own, GError **error)
{
    struct disk disk = {.index = index, .new_index = index};
    g_autoptr(GPtrArray) files = NULL;
    g_autoptr(GError) problem = NULL;

    if (!is_to_copy(plan, index, own, &disk.is)) {
        return TRUE;
    }
    if (index >= plan->n_theirs) {
        disk.own_index = index - plan->n_theirs;
        disk.new_index = vm_json_has(plan->json, "cfg") ? disk.own_index : index;
    }
    files = vm_disk_files(&disk.is, &problem);
    if (problem) {
        g_propagate_error(error, g_steal_pointer(&problem));
        return FALSE;
    }
    disk.files = files;
    if (plan->linked && !disk.is.read_only) {
        return link_disk(plan, definition, &disk, error);
    }
    return g_str_equal(file_of(&disk, 0)->format, "composite") ? copy_composite(plan, &disk, error)
                                                               : copy_disk(plan, &disk, error);
}

/* Kernel and initrd, when they are the machine's own. */
static void
plan_file(VmClonePlan *plan, const char *own, const char *member)
{
    const char *path = vm_json_get_string(vm_bases_get_whole(plan->bases), member);
    g_autofree char *to = NULL;

    if (path && g_str_has_prefix(path, own) && g_file_test(path, G_FILE_TEST_IS_REGULAR)) {
        VmDisk disk = {.path = path, .format = "raw"};
        g_autoptr(GPtrArray) files = vm_disk_files(&disk, NULL);

        to = free_path_like(plan, plan->folder, path);
        vm_clone_steps_copy(plan->steps, path, to,
                            files->len ? ((VmDiskFile *)g_ptr_array_index(files, 0))->room : 0);
        vm_json_set_string(plan->json, member, to);
    }
}

/*
 * Who includes a file has all its disks. Where one of them is to be copied, the new machine includes none, and its
 * definition says all that they say.
 */
static void
take_over_bases(VmClonePlan *plan, const char *own)
{
    for (guint i = 0; i < plan->n_theirs; i++) {
        VmDisk disk;

        if (is_to_copy(plan, i, own, &disk)) {
            vm_json_free(plan->json);
            plan->json = vm_bases_dup_flat(plan->bases);
            return;
        }
    }
}

static gboolean
plan_all(VmClonePlan *plan, VmJson *definition, GError **error)
{
    g_autofree char *disks = vm_definition_folder(definition, plan->name);
    g_autofree char *own = g_strconcat(disks, "/", NULL);

    if (!vm_bases_check(plan->bases, error)) {
        return FALSE;
    }
    take_over_bases(plan, own);
    plan_file(plan, own, "kernel");
    plan_file(plan, own, "initrd");
    for (guint i = 0; i < vm_json_length(vm_bases_get_whole(plan->bases), "block"); i++) {
        if (!plan_disk(plan, definition, i, own, error)) {
            return FALSE;
        }
    }
    return TRUE;
}

gboolean
vm_clone_plan_run(VmClonePlan *plan, GCancellable *cancellable, GError **error)
{
    return vm_clone_steps_run(plan->steps, cancellable, error);
}

/* What the machine is, without the notes of people and the manager. */
static char *
text_of(VmJson *definition)
{
    g_autoptr(VmJson) json = vm_json_copy(definition);

    vm_json_remove(json, NOTES);
    return vm_json_to_text(json);
}

gboolean
vm_clone_plan_check(VmClonePlan *plan, GError **error)
{
    g_autofree char *path = vm_paths_definition(plan->name);
    g_autoptr(VmJson) json = vm_json_load(path, error);
    g_autofree char *now = json ? text_of(json) : NULL;

    if (now && !g_str_equal(now, plan->before)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_BUSY,
                    "the settings of “%s” were changed meanwhile; clone it again",
                    vm_definition_title(json, plan->name));
        return FALSE;
    }
    if (json && plan->original) {
        vm_json_set_copy(plan->original, NOTES, json);
    }
    return now != NULL;
}

void
vm_clone_plan_end(VmClonePlan *plan)
{
    vm_clone_steps_end(plan->steps);
}

int
vm_clone_plan_get_percent(VmClonePlan *plan)
{
    return vm_clone_steps_get_percent(plan->steps);
}

void
vm_clone_plan_keep(VmClonePlan *plan)
{
    vm_clone_steps_keep(plan->steps);
}

void
vm_clone_plan_undo(VmClonePlan *plan)
{
    vm_clone_steps_undo(plan->steps);
}

VmJson *
vm_clone_plan_get_definition(VmClonePlan *plan)
{
    return plan->json;
}

VmJson *
vm_clone_plan_get_original(VmClonePlan *plan)
{
    return plan->original;
}

guint64
vm_clone_plan_get_size(VmClonePlan *plan)
{
    return vm_clone_steps_get_size(plan->steps);
}

VmClonePlan *
vm_clone_plan_new(VmJson *definition, const char *name, const char *title, const char *folder,
                  VmCloneFlags flags, GError **error)
{
    g_autoptr(VmClonePlan) plan = g_new0(VmClonePlan, 1);
    gboolean planned;

    plan->json = vm_json_copy(definition);
    plan->bases = vm_bases_new_of(definition, name);
    plan->n_theirs = vm_bases_count(plan->bases, "block");
    plan->before = text_of(definition);
    plan->name = g_strdup(name);
    plan->folder = g_strdup(folder);
    plan->steps = vm_clone_steps_new(folder);
    plan->linked = (flags & VM_CLONE_FLAGS_LINKED) != 0;
    planned = plan_all(plan, definition, error);
    vm_json_set_string(plan->json, "manager.title", title);
    vm_json_remove(plan->json, "manager.autostart");
    vm_json_remove(plan->json, "name");
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): g_autoptr frees it */
    return planned ? g_steal_pointer(&plan) : NULL;
}
