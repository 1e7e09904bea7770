/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/client/vm-machines.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/client/definition.h"
#include "vmm/client/disk-users.h"
#include "vmm/client/json.h"
#include "vmm/client/paths.h"
#include "vmm/client/vm-run.h"

#define SUFFIX ".json"

static gboolean
check_name(const char *name, GError **error)
{
    if (!vm_definition_name_is_valid(name)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                    "“%s” is no name for a machine: letters, digits, “.”, “_” and “-”, at most 64",
                    name);
        return FALSE;
    }
    return TRUE;
}

static int
compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Names of the entries of `folder` that end in `suffix`, without it; `is_one` may refuse some. */
static GStrv
list_names(const char *folder, const char *suffix, gboolean (*is_one)(const char *name))
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GDir) dir = folder ? g_dir_open(folder, 0, NULL) : NULL;
    const char *entry;

    while (dir && (entry = g_dir_read_name(dir))) {
        g_autofree char *name = NULL;

        if (!g_str_has_suffix(entry, suffix)) {
            continue;
        }
        name = g_strndup(entry, strlen(entry) - strlen(suffix));
        if (is_one(name)) {
            g_ptr_array_add(names, g_steal_pointer(&name));
        }
    }
    g_ptr_array_sort(names, compare_names);
    g_ptr_array_add(names, NULL);
    return (GStrv)g_ptr_array_free(g_steal_pointer(&names), FALSE);
}

GStrv
vm_machines_list_defined(void)
{
    g_autofree char *folder = vm_paths_machines();

    return list_names(folder, SUFFIX, vm_definition_name_is_valid);
}

GStrv
vm_machines_list_running(void)
{
    g_autofree char *folder = vm_paths_runtime("");

    return list_names(folder, "", vm_machines_is_running);
}

gboolean
vm_machines_is_running(const char *name)
{
    return vm_definition_name_is_valid(name) && vm_run_is_alive(name);
}

char *
vm_machines_dup_definition_path(const char *name)
{
    return vm_paths_definition(name);
}

char *
vm_machines_dup_socket_path(const char *machine)
{
    g_autofree char *folder = NULL;

    if (!strchr(machine, '/')) {
        folder = vm_paths_runtime(machine);
    } else if (g_file_test(machine, G_FILE_TEST_IS_DIR)) {
        folder = g_strdup(machine);
    }
    return folder ? g_build_filename(folder, "control", NULL) : g_strdup(machine);
}

char *
vm_machines_dup_log_path(const char *name)
{
    g_autofree char *folder = vm_paths_state(name);

    return g_build_filename(folder, "log", NULL);
}

char *
vm_machines_dup_output_path(const char *name, const char *port)
{
    g_autofree char *folder = vm_paths_state(name);
    g_autofree char *file = g_strconcat(port, ".log", NULL);

    return g_build_filename(folder, file, NULL);
}

gboolean
vm_machines_define(const char *name, const char *text, GError **error)
{
    g_autofree char *path = NULL;
    g_autoptr(VmJson) json = NULL;

    if (!check_name(name, error)) {
        return FALSE;
    }
    json = vm_json_parse(text, strlen(text), error);
    path = vm_paths_definition(name);
    return json && vm_definition_save(json, path, error);
}

gboolean
vm_definition_check_off(const char *name, GError **error)
{
    g_autofree char *path = NULL;

    if (!check_name(name, error)) {
        return FALSE;
    }
    if (vm_machines_is_running(name)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_BUSY, "the machine runs; stop it first");
        return FALSE;
    }
    path = vm_paths_definition(name);
    if (!g_file_test(path, G_FILE_TEST_EXISTS)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "there is no such definition");
        return FALSE;
    }
    return TRUE;
}

gboolean
vm_machines_undefine(const char *name, GError **error)
{
    g_autofree char *path = NULL;
    g_autofree char *folder = NULL;
    g_autofree char *mark = NULL;
    g_autoptr(VmJson) json = NULL;

    if (!vm_definition_check_off(name, error)) {
        return FALSE;
    }
    path = vm_paths_definition(name);
    json = vm_json_load(path, NULL);
    folder = vm_definition_folder(json, name);
    mark = vm_disk_left_mark(folder); /* of one that had the name before */
    (void)g_unlink(mark);
    if (vm_machines_get_autostart(name) && !vm_machines_set_autostart(name, FALSE, error)) {
        return FALSE;
    }
    if (g_unlink(path) < 0) {
        g_set_error(error, G_IO_ERROR, g_io_error_from_errno(errno), "“%s”: %s", path,
                    g_strerror(errno));
        return FALSE;
    }
    return TRUE;
}

static gboolean
trash(const char *path, GError **error)
{
    g_autoptr(GFile) file = g_file_new_for_path(path);
    g_autoptr(GError) problem = NULL;

    if (g_file_trash(file, NULL, &problem) ||
        g_error_matches(problem, G_IO_ERROR, G_IO_ERROR_NOT_FOUND)) {
        return TRUE;
    }
    g_propagate_error(error, g_steal_pointer(&problem));
    return FALSE;
}

static gboolean
is_kept(const char *path, GStrv kept)
{
    g_autofree char *below = g_strconcat(path, "/", NULL);

    for (guint i = 0; kept[i]; i++) {
        if (g_str_equal(kept[i], path) || g_str_has_prefix(kept[i], below)) {
            return TRUE;
        }
    }
    return FALSE;
}

/* Without the mark a folder stays for ever: no harm. */
static void
leave(const char *folder)
{
    g_autofree char *mark = vm_disk_left_mark(folder);

    (void)g_file_set_contents(mark, "", 0, NULL);
}

/* All of it, or all but what other machines' disks need: the last of these takes that. */
static gboolean
trash_disks(const char *folder, GStrv kept, GError **error)
{
    g_autofree char *real = realpath(folder, NULL);
    g_autoptr(GDir) dir = kept[0] && real ? g_dir_open(real, 0, error) : NULL;
    const char *entry;

    if (!kept[0] || !real) {
        return trash(folder, error);
    }
    while (dir && (entry = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(real, entry, NULL);

        if (!is_kept(path, kept) && !trash(path, error)) {
            return FALSE;
        }
    }
    if (dir) {
        leave(real);
    }
    return dir != NULL;
}

static gboolean
trash_all(GStrv paths, GError **error)
{
    for (guint i = 0; paths[i]; i++) {
        if (!trash(paths[i], error)) {
            return FALSE;
        }
    }
    return TRUE;
}

/* Its own folder, and those that were left for its disks. A definition that nobody can read may need any of them. */
static gboolean
trash_folders(VmJson *json, const char *name, GError **error)
{
    g_autofree char *unknown = vm_disk_unknown_user(name);
    g_autofree char *disks = vm_definition_folder(json, name);
    g_auto(GStrv) kept = NULL;
    g_auto(GStrv) left = NULL;

    if (unknown) {
        leave(disks);
        return TRUE;
    }
    kept = vm_disk_kept_files(json, name);
    left = vm_disk_left_folders(json, name);
    return trash_disks(disks, kept, error) && trash_all(left, error);
}

gboolean
vm_machines_delete(const char *name, GError **error)
{
    g_autofree char *definition = NULL;
    g_autofree char *state = NULL;
    g_autoptr(VmJson) json = NULL;
    g_autoptr(GError) problem = NULL;

    /* Where the definition has gone already, the rest goes all the same. */
    if (!vm_definition_check_off(name, &problem) &&
        !g_error_matches(problem, G_IO_ERROR, G_IO_ERROR_NOT_FOUND)) {
        g_propagate_error(error, g_steal_pointer(&problem));
        return FALSE;
    }
    definition = vm_paths_definition(name);
    json = vm_json_load(definition, NULL); /* a broken one can be deleted too */
    state = vm_paths_state(name);
    return trash(definition, error) && trash_folders(json, name, error) && trash(state, error) &&
           vm_machines_set_autostart(name, FALSE, error);
}

static char *
systemd_link(const char *name)
{
    g_autofree char *unit = g_strdup_printf("vitrine@%s.service", name);

    return g_build_filename(g_get_user_config_dir(), "systemd", "user", "default.target.wants",
                            unit, NULL);
}

static char *
desktop_entry(const char *name)
{
    g_autofree char *file = g_strdup_printf("org.vitrine.Vitrine.%s.desktop", name);

    return g_build_filename(g_get_user_config_dir(), "autostart", file, NULL);
}

gboolean
vm_machines_get_autostart(const char *name)
{
    g_autofree char *unit = systemd_link(name);
    g_autofree char *entry = desktop_entry(name);

    return g_file_test(unit, G_FILE_TEST_IS_SYMLINK) || g_file_test(entry, G_FILE_TEST_EXISTS);
}

/* The user's manager, not the computer's: its own socket is in the runtime folder. */
static gboolean
systemd_runs(void)
{
    g_autofree char *socket =
        g_build_filename(g_get_user_runtime_dir(), "systemd", "private", NULL);

    return g_file_test(socket, G_FILE_TEST_EXISTS);
}

static gboolean
enable_unit(const char *name, gboolean on, GError **error)
{
    g_autofree char *unit = g_strdup_printf("vitrine@%s.service", name);
    g_autofree char *output = NULL;
    g_autoptr(GSubprocess) systemctl =
        g_subprocess_new(G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_MERGE, error,
                         "systemctl", "--user", on ? "enable" : "disable", unit, NULL);

    if (!systemctl || !g_subprocess_communicate_utf8(systemctl, NULL, NULL, &output, NULL, error)) {
        return FALSE;
    }
    if (!g_subprocess_get_successful(systemctl)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "systemctl: %s",
                    output ? g_strstrip(output) : "failed");
        return FALSE;
    }
    return TRUE;
}

static gboolean
write_entry(const char *path, const char *name, const char *title, GError **error)
{
    g_autofree char *vmm = vm_paths_vmm();
    g_autofree char *folder = g_path_get_dirname(path);
    g_autoptr(GKeyFile) entry = g_key_file_new();
    g_autoptr(GString) command = g_string_new(NULL);

    g_string_printf(command, "\"%s\" start %s", vmm, name);
    g_string_replace(command, "%", "%%", 0);
    g_key_file_set_string(entry, G_KEY_FILE_DESKTOP_GROUP, G_KEY_FILE_DESKTOP_KEY_TYPE,
                          G_KEY_FILE_DESKTOP_TYPE_APPLICATION);
    g_key_file_set_string(entry, G_KEY_FILE_DESKTOP_GROUP, G_KEY_FILE_DESKTOP_KEY_NAME, title);
    g_key_file_set_string(entry, G_KEY_FILE_DESKTOP_GROUP, G_KEY_FILE_DESKTOP_KEY_EXEC,
                          command->str);
    g_key_file_set_boolean(entry, G_KEY_FILE_DESKTOP_GROUP, G_KEY_FILE_DESKTOP_KEY_NO_DISPLAY,
                           TRUE);
    (void)g_mkdir_with_parents(folder, 0700);
    return g_key_file_save_to_file(entry, path, error);
}

/* The definition says it too, for the manager's settings. */
static gboolean
note_in_definition(const char *path, VmJson *json, gboolean on, GError **error)
{
    if (vm_json_get_bool(json, "manager.autostart", FALSE) == on) {
        return TRUE;
    }
    if (on) {
        vm_json_set_bool(json, "manager.autostart", TRUE);
    } else {
        vm_json_remove(json, "manager.autostart");
    }
    return vm_definition_save(json, path, error);
}

static gboolean
remove_autostart(const char *name, GError **error)
{
    g_autofree char *unit = systemd_link(name);
    g_autofree char *entry = desktop_entry(name);

    if (g_unlink(entry) < 0 && errno != ENOENT) {
        g_set_error(error, G_IO_ERROR, g_io_error_from_errno(errno), "“%s”: %s", entry,
                    g_strerror(errno));
        return FALSE;
    }
    return !g_file_test(unit, G_FILE_TEST_IS_SYMLINK) || enable_unit(name, FALSE, error);
}

gboolean
vm_machines_set_autostart(const char *name, gboolean on, GError **error)
{
    g_autofree char *definition = NULL;
    g_autofree char *entry = NULL;
    g_autoptr(VmJson) json = NULL;
    g_autoptr(GError) problem = NULL;

    if (!check_name(name, error)) {
        return FALSE;
    }
    definition = vm_paths_definition(name);
    entry = desktop_entry(name);
    json = vm_json_load(definition, on ? error : NULL);
    if (!on) {
        return remove_autostart(name, error) &&
               (!json || note_in_definition(definition, json, FALSE, error));
    }
    if (!json || !remove_autostart(name, error)) {
        return FALSE;
    }
    /* A tree that is not installed has no unit that systemd knows. */
    if (!systemd_runs() || !enable_unit(name, TRUE, &problem)) {
        g_debug("%s: %s", name, problem ? problem->message : "no systemd");
        if (!write_entry(entry, name, vm_definition_title(json, name), error)) {
            return FALSE;
        }
    }
    return note_in_definition(definition, json, TRUE, error);
}
