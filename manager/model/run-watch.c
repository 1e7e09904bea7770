/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/model/run-watch.h"

#include <gio/gio.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/client/definition.h"
#include "vmm/client/paths.h"

struct VmRunWatch {
    char *base;
    GFileMonitor *monitor;
    GHashTable *folders; /* name to GFileMonitor */
    VmRunSeen seen;
    gpointer data;
};

static void
monitor_free(gpointer monitor)
{
    g_signal_handlers_disconnect_matched(monitor, G_SIGNAL_MATCH_ID,
                                         g_signal_lookup("changed", G_TYPE_FILE_MONITOR), 0, NULL,
                                         NULL, NULL);
    g_file_monitor_cancel(monitor);
    g_object_unref(monitor);
}

static GFileMonitor *
watch_folder(const char *path)
{
    g_autoptr(GFile) file = g_file_new_for_path(path);

    return g_file_monitor_directory(file, G_FILE_MONITOR_NONE, NULL, NULL);
}

static gboolean
is_our_folder(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == getuid();
}

/* Its log and the list of its processes change often and say nothing new. */
static void
file_changed(VmRunWatch *self, GFile *file, GFile *other, GFileMonitorEvent event)
{
    g_autofree char *base = g_file_get_basename(file);
    g_autoptr(GFile) folder = g_file_get_parent(file);
    g_autofree char *name = g_file_get_basename(folder);

    if (event != G_FILE_MONITOR_EVENT_DELETED &&
        (g_str_equal(base, "control") || g_str_equal(base, "pid"))) {
        self->seen(name, self->data);
    }
}

static void
folder_appeared(VmRunWatch *self, const char *name)
{
    g_autofree char *path = g_build_filename(self->base, name, NULL);
    GFileMonitor *monitor = NULL;

    if (!vm_definition_name_is_valid(name) || !is_our_folder(path)) {
        return;
    }
    monitor = watch_folder(path);
    if (monitor) {
        g_signal_connect_swapped(monitor, "changed", G_CALLBACK(file_changed), self);
        g_hash_table_replace(self->folders, g_strdup(name), monitor);
    }
    self->seen(name, self->data);
}

static void
base_changed(VmRunWatch *self, GFile *file, GFile *other, GFileMonitorEvent event)
{
    g_autofree char *name = g_file_get_basename(file);

    if (event == G_FILE_MONITOR_EVENT_CREATED) {
        folder_appeared(self, name);
    } else if (event == G_FILE_MONITOR_EVENT_DELETED) {
        g_hash_table_remove(self->folders, name);
    }
}

static void
scan(VmRunWatch *self)
{
    g_autoptr(GDir) dir = g_dir_open(self->base, 0, NULL);
    const char *name = NULL;

    while (dir && (name = g_dir_read_name(dir)) != NULL) {
        folder_appeared(self, name);
    }
}

VmRunWatch *
vm_run_watch_new(VmRunSeen seen, gpointer data)
{
    g_autofree char *base = vm_paths_runtime("");
    VmRunWatch *self = NULL;

    if (!base || g_mkdir_with_parents(base, 0700) < 0 || !is_our_folder(base)) {
        return NULL;
    }
    self = g_new0(VmRunWatch, 1);
    self->base = g_canonicalize_filename(base, NULL);
    self->folders = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, monitor_free);
    self->seen = seen;
    self->data = data;
    self->monitor = watch_folder(self->base);
    if (self->monitor) {
        g_signal_connect_swapped(self->monitor, "changed", G_CALLBACK(base_changed), self);
    }
    scan(self);
    return self;
}

void
vm_run_watch_free(VmRunWatch *self)
{
    g_clear_pointer(&self->monitor, monitor_free);
    g_hash_table_unref(self->folders);
    g_free(self->base);
    g_free(self);
}
