/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The counters of a graphics card for programs: by name, rows of tables as objects. */

#include "vmm/client/json.h"
#include "vmm/ctl/gpu-stats.h"

/* Names of what stands in a row, in its order. */
static const char *const context_names[] = {"id",     "capset",  "name",          "resources",
                                            "bytes",  "submits", "command_bytes", "fences",
                                            "failed", NULL};
static const struct {
    const char *counter;
    const char *type;
    const char *names[10];
} tables[] = {
    {"CommandTypes",
     "a(ustttt)",
     {"type", "name", "count", "failed", "total_ns", "longest_ns", NULL}},
    {"LargestResources",
     "a(usuuuuttt)",
     {"id", "kind", "width", "height", "fourcc", "virgl_format", "bytes", "transfers", "flushes",
      NULL}},
    {"OtherResources", "(uttt)", {"count", "bytes", "transfers", "flushes", NULL}},
    {"FenceTimelines",
     "a(suutttt)",
     {"kind", "context", "ring", "created", "ended", "total_ns", "longest_ns", NULL}},
};

static void
put(VmJson *json, const char *path, GVariant *value)
{
    if (g_variant_is_of_type(value, G_VARIANT_TYPE_STRING)) {
        vm_json_set_string(json, path, g_variant_get_string(value, NULL));
    } else if (g_variant_is_of_type(value, G_VARIANT_TYPE_UINT32)) {
        vm_json_set_int(json, path, g_variant_get_uint32(value));
    } else if (g_variant_is_of_type(value, G_VARIANT_TYPE_UINT64)) {
        vm_json_set_int(json, path, (gint64)MIN(g_variant_get_uint64(value), (guint64)G_MAXINT64));
    }
}

static void
put_row(VmJson *json, const char *path, GVariant *row, const char *const *names)
{
    for (gsize i = 0; names[i] && i < g_variant_n_children(row); i++) {
        g_autoptr(GVariant) value = g_variant_get_child_value(row, i);
        g_autofree char *place = g_strdup_printf("%s.%s", path, names[i]);

        put(json, place, value);
    }
}

/* Rows, or plain numbers without `names`. */
static void
put_list(VmJson *json, const char *path, GVariant *list, const char *const *names)
{
    vm_json_set_value(json, path, "[]");
    for (gsize i = 0; i < g_variant_n_children(list); i++) {
        g_autoptr(GVariant) row = g_variant_get_child_value(list, i);
        g_autofree char *place = g_strdup_printf("%s.%" G_GSIZE_FORMAT, path, i);

        if (names) {
            put_row(json, place, row, names);
        } else {
            put(json, place, row);
        }
    }
}

/* Names of the machine's become members here: dots would be more than one. */
static gboolean
is_plain(const char *name)
{
    for (const char *at = name; *at; at++) {
        if (!g_ascii_isalnum(*at)) {
            return FALSE;
        }
    }
    return g_ascii_isalpha(name[0]);
}

static void
put_counter(VmJson *json, const char *name, GVariant *value)
{
    if (!is_plain(name)) {
        return;
    }
    if (g_variant_is_of_type(value, G_VARIANT_TYPE("au"))) {
        put_list(json, name, value, NULL);
        return;
    }
    for (gsize i = 0; i < G_N_ELEMENTS(tables); i++) {
        if (!g_str_equal(name, tables[i].counter) ||
            !g_variant_is_of_type(value, G_VARIANT_TYPE(tables[i].type))) {
            continue;
        }
        if (tables[i].type[0] == 'a') {
            put_list(json, name, value, tables[i].names);
        } else {
            put_row(json, name, value, tables[i].names);
        }
        return;
    }
    put(json, name, value);
}

void
gpu_stats_print_json(GVariant *answer)
{
    g_autoptr(VmJson) json = vm_json_new();
    g_autoptr(GVariant) counters = NULL;
    g_autoptr(GVariant) contexts = NULL;
    g_autofree char *text = NULL;
    GVariantIter iter;
    const char *name;
    GVariant *value;

    g_variant_get(answer, "(@a{sv}@a(uustttttt))", &counters, &contexts);
    g_variant_iter_init(&iter, counters);
    while (g_variant_iter_next(&iter, "{&sv}", &name, &value)) {
        put_counter(json, name, value);
        g_variant_unref(value);
    }
    put_list(json, "ContextList", contexts, context_names); /* Contexts: how many */
    text = vm_json_to_text(json);
    g_print("%s", text);
}
