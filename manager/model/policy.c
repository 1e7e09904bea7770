/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/model/policy.h"

#include <string.h>

#include "vmm/client/paths.h"

#define CALLS_MAX 1024

void
vm_policy_free(VmPolicy *policy)
{
    g_free(policy->part);
    g_ptr_array_unref(policy->calls);
    g_ptr_array_unref(policy->rules);
    g_free(policy);
}

static VmPolicy *
policy_new(const char *part)
{
    VmPolicy *policy = g_new0(VmPolicy, 1);

    policy->part = g_strdup(part);
    policy->calls = g_ptr_array_new_with_free_func(g_free);
    policy->rules = g_ptr_array_new_with_free_func(g_free);
    return policy;
}

static int
compare_words(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void
add_call(VmPolicy *policy, const char *line)
{
    const char *blank = strchr(line, ' ');
    g_autofree char *name = blank ? g_strndup(line, (gsize)(blank - line)) : g_strdup(line);

    if (policy->calls->len >= CALLS_MAX || policy->rules->len >= CALLS_MAX) {
        return;
    }
    if (blank) {
        g_ptr_array_add(policy->rules, g_strdup(line));
    }
    if (!g_ptr_array_find_with_equal_func(policy->calls, name, g_str_equal, NULL)) {
        g_ptr_array_add(policy->calls, g_steal_pointer(&name));
    }
}

GHashTable *
vm_policy_parse(const char *text)
{
    GHashTable *policies = g_hash_table_new_full(g_str_hash, g_str_equal, NULL,
                                                 (GDestroyNotify)(void (*)(void))vm_policy_free);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    VmPolicy *policy = NULL;

    for (guint i = 0; lines[i]; i++) {
        if (g_str_has_prefix(lines[i], "process ")) {
            policy = policy_new(lines[i] + strlen("process "));
            g_hash_table_replace(policies, policy->part, policy);
        } else if (policy && g_str_has_prefix(lines[i], "count ")) {
            policy->count = (guint)g_ascii_strtoull(lines[i] + strlen("count "), NULL, 10);
        } else if (policy && g_str_has_prefix(lines[i], "call ")) {
            add_call(policy, lines[i] + strlen("call "));
            g_ptr_array_sort(policy->calls, compare_words);
        }
    }
    return policies;
}

static void
printed(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(GTask) task = G_TASK(data);
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;

    if (!g_subprocess_communicate_utf8_finish(G_SUBPROCESS(source), result, &text, NULL, &error)) {
        g_task_return_error(task, g_steal_pointer(&error));
        return;
    }
    g_task_return_pointer(task, vm_policy_parse(text ? text : ""),
                          (GDestroyNotify)(void (*)(void))g_hash_table_unref);
}

void
vm_policy_load_async(GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(NULL, cancellable, callback, user_data);
    g_autofree char *program = vm_paths_vmm();
    g_autoptr(GError) error = NULL;
    g_autoptr(GSubprocess) process =
        g_subprocess_new(G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_SILENCE, &error,
                         program, "policy", NULL);

    if (!process) {
        g_task_return_error(task, g_steal_pointer(&error));
        return;
    }
    g_subprocess_communicate_utf8_async(process, NULL, cancellable, printed,
                                        g_steal_pointer(&task));
}

GHashTable *
vm_policy_load_finish(GAsyncResult *result, GError **error)
{
    return g_task_propagate_pointer(G_TASK(result), error);
}
