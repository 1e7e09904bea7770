/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A definition for a machine that somebody else started: what its run says that it was started with. */
#include <gio/gio.h>
#include <glib/gi18n.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "manager/model/command-line.h"
#include "manager/model/definition-paths.h"
#include "manager/model/machine-private.h"
#include "vmm/client/definition.h"
#include "vmm/client/paths.h"

enum {
    BEGUN_FIELD = 20, /* of /proc/PID/stat, behind the name */
};

G_GNUC_PRINTF(2, 3)
static gboolean
refuse(GError **error, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    if (error) {
        *error = g_error_new_valist(G_IO_ERROR, G_IO_ERROR_FAILED, format, arguments);
    }
    va_end(arguments);
    return FALSE;
}

/* Of `vmm run --name`; one without is called after its process. */
gboolean
vm_machine_has_own_name(VmMachine *self)
{
    g_autofree char *unnamed = g_strdup_printf("vm-%d", (int)vm_run_get_pid(self->run));

    return !self->socket && !g_str_equal(self->name, unnamed);
}

/* A file of ours beside the control socket. */
static char *
dup_file_of_run(VmMachine *self, const char *file)
{
    g_autofree char *socket = vm_machine_dup_socket_path(self);
    g_autofree char *folder = socket ? g_path_get_dirname(socket) : NULL;
    g_autofree char *path = folder ? g_build_filename(folder, file, NULL) : NULL;
    struct stat st;

    return path && lstat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == getuid()
               ? g_steal_pointer(&path)
               : NULL;
}

/* A socket may lie in any folder, beside the files of something else. */
VmJson *
vm_machine_dup_run_configuration(VmMachine *self)
{
    g_autofree char *pid_file = self->run ? dup_file_of_run(self, "pid") : NULL;
    g_autofree char *file = self->run ? dup_file_of_run(self, "config") : NULL;
    g_autofree char *pid = NULL;

    if (!pid_file || !file || !g_file_get_contents(pid_file, &pid, NULL, NULL) ||
        g_ascii_strtoll(pid, NULL, 10) != vm_run_get_pid(self->run)) {
        return NULL;
    }
    return vm_json_load(file, NULL);
}

/* The folder that relative paths start from; NULL: the system does not tell. */
static char *
dup_working_folder(VmMachine *self)
{
    g_autofree char *link = g_strdup_printf("/proc/%d/cwd", (int)vm_run_get_pid(self->run));

    return g_file_read_link(link, NULL);
}

/* A file that only the program had open that started it: another one has another behind that path, or none. */
static gboolean
is_open_file(const char *path)
{
    return g_str_has_prefix(path, "/dev/fd/") || g_str_has_prefix(path, "/proc/") ||
           g_str_has_prefix(path, "/dev/std") || g_str_has_prefix(path, "fd:");
}

static gboolean
check_file(const char *path, GError **error)
{
    if (path && is_open_file(path)) {
        return refuse(error,
                      _("It was started with a file that another program had open (“%s”), which "
                        "cannot be opened again. Start it with a path, then keep it."),
                      path);
    }
    return TRUE;
}

static gboolean
check_files(VmJson *json, GError **error)
{
    static const char *const lists[] = {"block", "serial", "device-tree-overlay"};
    gboolean good = check_file(vm_json_get_string(json, "kernel"), error) &&
                    check_file(vm_json_get_string(json, "initrd"), error);

    for (guint i = 0; i < G_N_ELEMENTS(lists); i++) {
        for (guint j = 0; good && j < vm_json_length(json, lists[i]); j++) {
            g_autofree char *member = g_strdup_printf("%s.%u.path", lists[i], j);
            good = check_file(vm_json_get_string(json, member), error);
        }
    }
    return good;
}

static gboolean
has_whole_paths(VmJson *json)
{
    g_autoptr(VmJson) copy = vm_json_copy(json);

    vm_definition_paths_complete(copy, "/");
    return vm_json_is_same(json, copy, "");
}

static gboolean
complete(VmMachine *self, VmJson *json, GError **error)
{
    g_autofree char *folder = dup_working_folder(self);
    g_autofree char *missing = NULL;

    if (!check_files(json, error)) {
        return FALSE;
    }
    if (folder) {
        vm_definition_paths_complete(json, folder);
    }
    missing = folder || has_whole_paths(json) ? vm_definition_missing_file(json) : NULL;
    if (missing) {
        return refuse(error,
                      _("“%s”, which it was started with, is not there any more. Put it back, then "
                        "keep the machine."),
                      missing);
    }
    return folder || has_whole_paths(json) ||
           refuse(error,
                  _("In which folder it was started cannot be found out. Start it with whole "
                    "paths (“/…”), then keep it."));
}

/* What says nothing, and what was about that one start. */
static void
leave_out(VmJson *json)
{
    static const char *const lists[] = {"params", "vhost-user", "device-tree-overlay"};
    static const char *const once[] = {"name", "socket", "suspended", "manager", "cfg"};
    g_autofree char *params = vm_definition_params(json);

    for (guint i = 0; i < G_N_ELEMENTS(lists); i++) {
        if (vm_json_is_list(json, lists[i]) && vm_json_length(json, lists[i]) == 0) {
            vm_json_remove(json, lists[i]);
        }
    }
    if (params && params[0] == '\0') {
        vm_json_remove(json, "params");
    }
    vm_command_line_take_ports(json);
    for (guint i = 0; i < G_N_ELEMENTS(once); i++) {
        vm_json_remove(json, once[i]);
    }
}

VmJson *
vm_machine_dup_kept(VmMachine *self, const char *title, GError **error)
{
    g_autoptr(VmJson) json = vm_machine_dup_run_configuration(self);

    if (!self->run) {
        (void)refuse(error, _("It has ended. What runs can be kept."));
        return NULL;
    }
    if (!json || vm_json_is_list(json, "")) {
        (void)refuse(error, _("It does not say what it was started with: there is no configuration "
                              "of it beside its control socket. Choose “New machine” instead."));
        return NULL;
    }
    if (!complete(self, json, error)) {
        return NULL;
    }
    leave_out(json);
    vm_json_set_string(json, "manager.title", title);
    return g_steal_pointer(&json);
}

VmMachine *
vm_machine_new_kept(const char *name, VmMachine *found)
{
    VmMachine *self = vm_machine_new(name);

    self->socket = vm_machine_dup_socket_path(found);
    return self;
}

/* So that a later manager finds it too: its folder is not called after the machine. */
static char *
dup_note_path(VmMachine *self)
{
    g_autofree char *folder = vm_paths_state(self->name);

    return g_build_filename(folder, "kept-run.json", NULL);
}

/* When the process began, in ticks: with its number there is no other one. -1: not known. */
static gint64
begun(int pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/stat", pid);
    g_autofree char *text = NULL;
    const char *rest =
        g_file_get_contents(path, &text, NULL, NULL) ? strrchr(text, ')') : NULL; /* a name's end */
    g_auto(GStrv) words = rest ? g_strsplit(rest, " ", BEGUN_FIELD + 2) : NULL;

    return words && g_strv_length(words) > BEGUN_FIELD
               ? g_ascii_strtoll(words[BEGUN_FIELD], NULL, 10)
               : -1;
}

static void
note_run(VmMachine *self)
{
    g_autofree char *path = dup_note_path(self);
    g_autoptr(VmJson) note = vm_json_new();
    g_autoptr(GError) error = NULL;

    vm_json_set_string(note, "socket", self->socket);
    vm_json_set_int(note, "pid", vm_run_get_pid(self->run));
    vm_json_set_int(note, "begun", begun((int)vm_run_get_pid(self->run)));
    if (!vm_definition_save(note, path, &error)) {
        g_debug("%s", error->message);
    }
}

VmRun *
vm_machine_find_kept_run(VmMachine *self)
{
    g_autofree char *path = dup_note_path(self);
    g_autoptr(VmJson) note = vm_json_load(path, NULL);
    const char *socket = note ? vm_json_get_string(note, "socket") : NULL;
    g_autoptr(VmRun) run = socket ? vm_run_find_at(socket, NULL) : NULL;
    const int pid = run ? (int)vm_run_get_pid(run) : -1;

    if (!run || vm_json_get_int(note, "pid", -1) != pid ||
        vm_json_get_int(note, "begun", -1) != begun(pid)) {
        return NULL;
    }
    self->socket = g_strdup(socket);
    return g_steal_pointer(&run);
}

void
vm_machine_forget_kept_run(VmMachine *self)
{
    g_autofree char *path = self->socket ? dup_note_path(self) : NULL;

    if (path) {
        (void)g_unlink(path);
    }
}

gboolean
vm_machine_keep(VmMachine *self, VmJson *json, GError **error)
{
    if (!vm_machine_save(self, json, error)) {
        return FALSE;
    }
    vm_machine_find_run(self);
    if (self->run && self->socket) {
        note_run(self);
    }
    g_clear_pointer(&self->running, vm_json_free);
    self->running = vm_json_copy(self->definition);
    return TRUE;
}
