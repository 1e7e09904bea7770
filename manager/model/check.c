/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/model/check.h"

#include <glib/gi18n.h>
#include <string.h>

#include "manager/model/phrases.h"
#include "vmm/client/json.h"
#include "vmm/client/paths.h"

#define CHECK_TIME_LIMIT_MS 30000 /* the trials of 3D take a while on a cold disk */

static const struct {
    const char *id;
    const char *title;
} titles[] = {
    {"cpu", N_("Processor can virtualise")},    {"kvm-missing", N_("This computer has KVM")},
    {"kvm-denied", N_("You may use /dev/kvm")}, {"kvm-broken", N_("KVM works")},
    {"no-namespaces", N_("Sandbox works")},     {"landlock", N_("Files are fenced off")},
    {"limits", N_("Sharing limits")},           {"no-space", N_("Room for disks")},
    {"render-node", N_("Graphics card")},       {"graphics", N_("3D for guests")},
    {"udmabuf", N_("Pictures without a copy")}, {"wayland", N_("Single windows")},
    {"vulkan", N_("Vulkan for guests")},
};

void
vm_check_row_free(VmCheckRow *row)
{
    if (row) {
        g_free(row->id);
        g_free(row->title);
        g_free(row->sentence);
        g_free(row->cure);
        g_free(row->command);
        g_free(row);
    }
}

static const char *
title_for_id(const char *id)
{
    for (guint i = 0; i < G_N_ELEMENTS(titles); i++) {
        if (g_strcmp0(titles[i].id, id) == 0) {
            return _(titles[i].title);
        }
    }
    return NULL;
}

static char *
member(VmJson *json, const char *row, const char *key)
{
    g_autofree char *path = row[0] ? g_strconcat(row, ".", key, NULL) : g_strdup(key);
    const char *text = vm_json_get_string(json, path);

    return text && text[0] ? g_strdup(text) : NULL;
}

static char *
phrase(VmJson *json, const char *row, const char *key)
{
    g_autofree char *text = member(json, row, key);

    return text ? vm_phrase_dup(text) : NULL;
}

static VmCheckRow *
row_from_json(VmJson *json, const char *path)
{
    VmCheckRow *row = g_new0(VmCheckRow, 1);
    g_autofree char *ok = g_strconcat(path, ".ok", NULL);
    g_autofree char *severity = member(json, path, "severity");

    row->id = member(json, path, "id");
    row->ok = vm_json_get_bool(json, ok, FALSE);
    row->blocks = !row->ok && g_strcmp0(severity, "warning") != 0;
    row->sentence = phrase(json, path, "sentence");
    row->cure = phrase(json, path, "cure");
    row->command = member(json, path, "command");
    row->title = member(json, path, "title");
    if (!row->title) {
        const char *title = title_for_id(row->id);
        row->title = g_strdup(title ? title : row->id ? row->id : "");
    }
    return row;
}

GPtrArray *
vm_check_parse(const char *text, GError **error)
{
    g_autoptr(VmJson) json = vm_json_parse(text, strlen(text), error);
    g_autoptr(GPtrArray) rows = NULL;
    const char *list = "";
    g_auto(GStrv) keys = NULL;

    if (!json) {
        return NULL;
    }
    if (vm_json_has(json, "checks")) {
        list = "checks";
    }
    rows = g_ptr_array_new_with_free_func((GDestroyNotify)vm_check_row_free);
    keys = vm_json_keys(json, list);
    for (guint i = 0; keys[i]; i++) {
        g_autofree char *path = list[0] ? g_strconcat(list, ".", keys[i], NULL) : g_strdup(keys[i]);
        g_ptr_array_add(rows, row_from_json(json, path));
    }
    if (rows->len == 0) {
        g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                            _("“vmm check” said nothing about this computer"));
        return NULL;
    }
    return g_steal_pointer(&rows);
}

static gboolean
too_late(gpointer data)
{
    g_subprocess_force_exit(G_SUBPROCESS(data));
    return G_SOURCE_CONTINUE; /* until the answer takes the timer away */
}

static void
check_answered(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(GTask) task = G_TASK(data);
    g_autofree char *text = NULL;
    GError *error = NULL;
    GPtrArray *rows = NULL;

    g_source_remove(GPOINTER_TO_UINT(g_task_get_task_data(task)));
    if (g_subprocess_communicate_utf8_finish(G_SUBPROCESS(source), result, &text, NULL, &error)) {
        rows = vm_check_parse(text ? text : "", &error);
    }
    if (rows) {
        g_task_return_pointer(task, rows, (GDestroyNotify)g_ptr_array_unref);
    } else {
        g_task_return_error(task, error);
    }
}

void
vm_check_run_async(GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(NULL, cancellable, callback, user_data);
    g_autofree char *program = vm_paths_vmm();
    g_autoptr(GSubprocess) process = NULL;
    GError *error = NULL;
    guint timer = 0;

    process = g_subprocess_new(G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_SILENCE,
                               &error, program, "check", "--json", NULL);
    if (!process) {
        g_task_return_error(task, error);
        return;
    }
    timer = g_timeout_add_full(G_PRIORITY_DEFAULT, CHECK_TIME_LIMIT_MS, too_late,
                               g_object_ref(process), g_object_unref);
    g_task_set_task_data(task, GUINT_TO_POINTER(timer), NULL);
    g_subprocess_communicate_utf8_async(process, NULL, cancellable, check_answered,
                                        g_steal_pointer(&task));
}

GPtrArray *
vm_check_run_finish(GAsyncResult *result, GError **error)
{
    return g_task_propagate_pointer(G_TASK(result), error);
}
