/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* set, clone, delete: what the manager's settings and menus do to a definition. */

#include <glib-unix.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "vmm/client/definition.h"
#include "vmm/client/disk-files.h"
#include "vmm/client/disk-users.h"
#include "vmm/client/half-made.h"
#include "vmm/client/own-folder.h"
#include "vmm/client/paths.h"
#include "vmm/client/vm-machines.h"
#include "vmm/ctl/command.h"
#include "vmm/ctl/session.h"
#include "vmm/ctl/store.h"

#define MANAGER "manager."

/* What the manager keeps for people; `vmm run` does not look at it. */
static gboolean
is_note(const char *key)
{
    static const char *const notes[] = {"title", "group", "note"};

    for (gsize i = 0; i < G_N_ELEMENTS(notes); i++) {
        if (strcmp(key + strlen(MANAGER), notes[i]) == 0) {
            return TRUE;
        }
    }
    return FALSE;
}

static void
change(VmJson *json, const char *key, const char *value)
{
    if (!value) {
        vm_json_remove(json, key);
    } else if (g_str_has_prefix(key, MANAGER)) {
        vm_json_set_string(json, key, value);
    } else {
        vm_json_set_value(json, key, value);
    }
}

static gboolean
take_over(const char *name, VmJson *json)
{
    g_autofree char *draft = NULL;
    g_autofree char *text = vm_json_to_text(json);
    g_autoptr(GError) error = NULL;
    const int fd = store_draft(&draft, &error);
    gboolean taken = FALSE;

    if (fd >= 0) {
        close(fd);
    }
    if (fd < 0 || !g_file_set_contents(draft, text, -1, &error)) {
        (void)store_failed(name, "changed", error);
    } else {
        taken = store_take_over(name, draft);
    }
    if (draft) {
        (void)g_unlink(draft);
    }
    return taken;
}

int
command_set(const Command *command, int argc, char **argv)
{
    g_autofree char *path = NULL;
    g_autoptr(VmJson) json = NULL;
    g_autoptr(GError) error = NULL;

    if (!command_parse(command, NULL, &argc, &argv)) {
        return STATUS_USAGE;
    }
    if (g_str_has_prefix(argv[2], MANAGER) && !is_note(argv[2])) {
        command_say("set: “%s” is not a key; of “manager” there are title, group and note.",
                    argv[2]);
        return STATUS_USAGE;
    }
    if (!store_has(argv[1])) {
        return STATUS_FAILED;
    }
    path = vm_machines_dup_definition_path(argv[1]);
    json = vm_json_load(path, &error);
    if (!json) {
        return store_failed(argv[1], "changed", error);
    }
    change(json, argv[2], argc > 3 ? argv[3] : NULL);
    if (!take_over(argv[1], json)) {
        return STATUS_USAGE;
    }
    if (!g_str_has_prefix(argv[2], MANAGER)) {
        store_note_running(argv[1]);
    }
    return STATUS_DONE;
}

/* “Debian 12 (copy)” */
static char *
title_of_copy(const char *name)
{
    g_autofree char *path = vm_machines_dup_definition_path(name);
    g_autoptr(VmJson) json = vm_json_load(path, NULL);

    return g_strdup_printf("%s (copy)", json ? vm_definition_title(json, name) : name);
}

/* What both machines need from now on is told, since a person may keep it elsewhere. */
static void
say_shared(const char *name)
{
    g_autofree char *path = vm_machines_dup_definition_path(name);
    g_autoptr(VmJson) json = vm_json_load(path, NULL);

    for (guint i = 0; json && i < vm_json_length(json, "block"); i++) {
        g_autoptr(GPtrArray) files = NULL;
        VmDisk disk;

        if (!vm_disk_of(json, i, &disk) || disk.read_only) {
            continue;
        }
        files = vm_disk_files(&disk, NULL);
        for (guint j = 1; j < files->len; j++) {
            const VmDiskFile *file = g_ptr_array_index(files, j);
            if (!file->writable) {
                command_say("“%s” is only read, by both machines; leave it as it is.", file->path);
            }
        }
    }
}

/* Where a file that the first one includes names a disk that was copied. */
static void
say_taken_over(const char *name, const char *copy)
{
    g_autofree char *path = vm_machines_dup_definition_path(name);
    g_autofree char *copy_path = vm_machines_dup_definition_path(copy);
    g_autoptr(VmJson) json = vm_json_load(path, NULL);
    g_autoptr(VmJson) copied = vm_json_load(copy_path, NULL);

    if (json && copied && vm_json_has(json, "cfg") && !vm_json_has(copied, "cfg")) {
        command_say("“%s” includes no file: what those of “%s” say, which name disks that were "
                    "copied, stands in its own definition.",
                    copy, name);
    }
}

/* Of copies that were killed; none that somebody makes now. */
static void
remove_half_made(void)
{
    g_autofree char *disks = vm_paths_disks("x");
    g_autofree char *parent = g_path_get_dirname(disks);
    g_autoptr(GStrvBuilder) elsewhere = g_strv_builder_new();
    g_auto(GStrv) removed = vm_half_made_remove(parent, elsewhere);
    g_auto(GStrv) files = g_strv_builder_end(elsewhere);

    for (guint i = 0; removed[i]; i++) {
        command_say("“%s” was removed: a copy that was cut off had left it, half-made.",
                    removed[i]);
    }
    for (guint i = 0; files[i]; i++) {
        command_say("“%s” was removed: a linked copy that was cut off had left it.", files[i]);
    }
}

/* Nothing half-made stays, then. */
static gboolean
stop_copying(gpointer cancellable)
{
    g_cancellable_cancel(cancellable);
    return G_SOURCE_CONTINUE;
}

int
command_clone(const Command *command, int argc, char **argv)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    g_autoptr(GAsyncResult) answer = NULL;
    g_autoptr(GError) error = NULL;
    g_autofree char *title = NULL;
    g_autofree char *copy = NULL;
    gboolean linked = FALSE;
    const GOptionEntry entries[] = {
        {"linked", 0, 0, G_OPTION_ARG_NONE, &linked,
         "both machines go on over the disks as they are now; nothing is copied", NULL},
        {NULL},
    };

    if (!command_parse(command, entries, &argc, &argv)) {
        return STATUS_USAGE;
    }
    if (!store_has(argv[1])) {
        return STATUS_FAILED;
    }
    remove_half_made();
    title = argc > 2 ? g_strdup(argv[2]) : title_of_copy(argv[1]);
    for (gsize i = 0; i < G_N_ELEMENTS(signals); i++) {
        g_unix_signal_add(signals[i], stop_copying, cancellable); /* until the program's end */
    }
    vm_machines_clone_with_flags_async(argv[1], title,
                                       linked ? VM_CLONE_FLAGS_LINKED : VM_CLONE_FLAGS_NONE,
                                       cancellable, session_answered, &answer);
    copy = vm_machines_clone_finish(session_wait(&answer), &error);
    if (!copy) {
        return store_failed(argv[1], "copied", error);
    }
    g_print("%s\n", copy);
    say_shared(copy);
    say_taken_over(argv[1], copy);
    return STATUS_DONE;
}

/* What deletion leaves, each with its reason. To be told before it is done. */
static GPtrArray *
what_stays(const char *name)
{
    g_autofree char *path = vm_machines_dup_definition_path(name);
    g_autoptr(VmJson) json = vm_json_load(path, NULL);
    g_autofree char *foreign = vm_own_folder_foreign(json, name);
    g_autofree char *own = vm_definition_folder(json, name);
    g_autofree char *unknown =
        g_file_test(own, G_FILE_TEST_IS_DIR) ? vm_disk_unknown_user(name) : NULL;
    g_auto(GStrv) kept = unknown ? NULL : vm_disk_kept_files(json, name);
    GPtrArray *all = g_ptr_array_new_with_free_func(g_free);

    if (foreign) {
        g_ptr_array_add(all, g_strdup_printf("“%s” stays: nothing but the definition says that it "
                                             "is this machine's own; delete it yourself if it is.",
                                             foreign));
    }
    if (unknown) {
        g_ptr_array_add(all,
                        g_strdup_printf("“%s” stays: the definition of “%s”, or a file that it "
                                        "includes, cannot be read and may need its files; "
                                        "mend or delete that one.",
                                        own, unknown));
    }
    for (guint i = 0; kept && kept[i]; i++) {
        g_ptr_array_add(
            all, g_strdup_printf("“%s” stays: the disk of another machine needs it.", kept[i]));
    }
    return all;
}

int
command_delete(const Command *command, int argc, char **argv)
{
    g_autoptr(GPtrArray) stays = NULL;
    g_autoptr(GError) error = NULL;

    if (!command_parse(command, NULL, &argc, &argv)) {
        return STATUS_USAGE;
    }
    if (!store_has(argv[1])) {
        return STATUS_FAILED;
    }
    stays = what_stays(argv[1]);
    if (!vm_machines_delete(argv[1], &error)) {
        return store_failed(argv[1], "deleted", error);
    }
    for (guint i = 0; i < stays->len; i++) {
        command_say("%s", (const char *)g_ptr_array_index(stays, i));
    }
    return STATUS_DONE;
}
