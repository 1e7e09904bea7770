/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Machines that somebody else started, and that have no definition. */
#include <glib/gi18n.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "manager/model/machine-private.h"
#include "vmm/client/paths.h"
#include "vmm/client/plain-text.h"
#include "vmm/client/vm-machines.h"

#define TITLE_MAX 200 /* characters */

const char *
vm_machine_found_group(void)
{
    /* Translators: heading above machines that the window did not start and has no definition of. */
    return _("Started elsewhere");
}

VmMachine *
vm_machine_new_found(const char *name)
{
    VmMachine *self = vm_machine_new(name);

    self->found = TRUE;
    g_free(self->group);
    self->group = g_strdup(vm_machine_found_group());
    return self;
}

/* What vm_run_find_at() says, in words for people. */
static char *
dup_words(const char *socket, const GError *cause)
{
    switch (cause->code) {
    case G_IO_ERROR_NOT_FOUND:
        return g_strdup_printf(_("There is no “%s”. A machine's control socket is called “control” "
                                 "and lies in its folder, or where “--socket” put it."),
                               socket);
    case G_IO_ERROR_INVALID_ARGUMENT:
        return g_strdup_printf(
            _("“%s” is not a socket. Choose the control socket of a machine that runs."), socket);
    case G_IO_ERROR_PERMISSION_DENIED:
        return g_strdup_printf(
            _("“%s” belongs to another user. Only your own machines can be shown."), socket);
    case G_IO_ERROR_CONNECTION_REFUSED:
        return g_strdup_printf(_("Nobody listens at “%s”: its machine has ended."), socket);
    default:
        return g_strdup(cause->message);
    }
}

static void
explain(const char *socket, const GError *cause, GError **error)
{
    g_autofree char *words = dup_words(socket, cause);

    g_set_error_literal(error, cause->domain, cause->code, words);
}

VmMachine *
vm_machine_new_at(const char *socket, GError **error)
{
    g_autoptr(GError) cause = NULL;
    VmRun *run = vm_run_find_at(socket, &cause);
    VmMachine *self = NULL;

    if (!run) {
        explain(socket, cause, error);
        return NULL;
    }
    g_object_unref(run);
    self = vm_machine_new_found("machine");
    self->socket = g_strdup(socket);
    vm_machine_find_run(self);
    if (!self->connection) { /* it ended meanwhile */
        cause = g_error_new_literal(G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED, socket);
        explain(socket, cause, error);
        g_clear_object(&self);
    }
    return self;
}

void
vm_machine_set_found_name(VmMachine *self, const char *name, const char *title)
{
    g_autofree char *plain = vm_plain_text(title, TITLE_MAX);

    g_return_if_fail(self->found);
    g_free(self->name);
    self->name = g_strdup(name);
    vm_machine_set_title(self, plain);
}

gboolean
vm_machine_is_found(VmMachine *self)
{
    return self->found;
}

gboolean
vm_machine_run_has(VmMachine *self, const char *word)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/cmdline", (int)vm_run_get_pid(self->run));
    g_autofree char *line = NULL;
    gsize size = 0;

    if (!g_file_get_contents(path, &line, &size, NULL)) {
        return FALSE;
    }
    for (gsize at = 0; at < size; at += strlen(line + at) + 1) {
        if (g_str_equal(line + at, word)) {
            return TRUE;
        }
    }
    return FALSE;
}

gboolean
vm_machine_can_restart(VmMachine *self)
{
    return !self->found || self->comes_again;
}

void
vm_machine_set_defined(VmMachine *self)
{
    if (self->found) {
        g_clear_pointer(&self->running, vm_json_free); /* it is no definition */
    }
    self->found = FALSE;
}

gboolean
vm_machine_is_same_run(VmMachine *self, VmMachine *other)
{
    return self->run && other->run && vm_run_get_pid(self->run) == vm_run_get_pid(other->run);
}

char *
vm_machine_dup_socket_path(VmMachine *self)
{
    g_autofree char *folder = NULL;

    if (self->socket) {
        return g_strdup(self->socket);
    }
    folder = vm_paths_runtime(self->name);
    return folder ? g_build_filename(folder, "control", NULL) : NULL;
}

/* A file of ours and nothing else. */
static gboolean
is_our_file(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == getuid();
}

/* Of one without a name it is in its runtime folder. */
char *
vm_machine_dup_log_path(VmMachine *self)
{
    g_autofree char *socket = self->found || self->socket ? vm_machine_dup_socket_path(self) : NULL;
    g_autofree char *folder = socket ? g_path_get_dirname(socket) : NULL;
    g_autofree char *log = folder ? g_build_filename(folder, "log", NULL) : NULL;

    return log && is_our_file(log) ? g_steal_pointer(&log) : vm_machines_dup_log_path(self->name);
}

VmJson *
vm_machine_get_configuration(VmMachine *self)
{
    g_autofree char *socket = NULL;
    g_autofree char *folder = NULL;
    g_autofree char *path = NULL;

    if (self->definition || self->running || !self->found || !self->run) {
        return self->definition ? self->definition : self->running;
    }
    socket = vm_machine_dup_socket_path(self);
    folder = socket ? g_path_get_dirname(socket) : NULL;
    path = folder ? g_build_filename(folder, "config", NULL) : NULL;
    self->running = path && is_our_file(path) ? vm_json_load(path, NULL) : NULL;
    return self->running;
}
