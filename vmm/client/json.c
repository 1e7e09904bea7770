/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/client/json.h"

#include <jansson.h>
#include <string.h>

struct VmJson {
    json_t *root;
};

G_DEFINE_QUARK(vm - json - error - quark, vm_json_error)

static VmJson *
json_wrap(json_t *root)
{
    VmJson *json = g_new0(VmJson, 1);

    json->root = root;
    return json;
}

VmJson *
vm_json_new(void)
{
    return json_wrap(json_object());
}

VmJson *
vm_json_parse(const char *text, gsize size, GError **error)
{
    json_error_t problem;
    json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &problem);

    if (!root) {
        g_set_error(error, VM_JSON_ERROR, VM_JSON_ERROR_SYNTAX, "line %d, column %d: %s",
                    problem.line, problem.column, problem.text);
        return NULL;
    }
    return json_wrap(root);
}

VmJson *
vm_json_load(const char *path, GError **error)
{
    g_autofree char *text = NULL;
    gsize size = 0;

    if (!g_file_get_contents(path, &text, &size, error)) {
        return NULL;
    }
    return vm_json_parse(text, size, error);
}

VmJson *
vm_json_copy(VmJson *json)
{
    return json_wrap(json_deep_copy(json->root));
}

void
vm_json_free(VmJson *json)
{
    if (json) {
        json_decref(json->root);
        g_free(json);
    }
}

static char *
dump(VmJson *json, size_t flags)
{
    char *dumped = json_dumps(json->root, flags | JSON_PRESERVE_ORDER);
    char *text = g_strconcat(dumped ? dumped : "{}", "\n", NULL);

    free(dumped);
    return text;
}

char *
vm_json_to_text(VmJson *json)
{
    return dump(json, JSON_INDENT(2));
}

char *
vm_json_to_line(VmJson *json)
{
    return dump(json, 0);
}

static gboolean
index_of_part(const char *part, gsize *ret_index)
{
    guint64 value = 0;

    if (!g_ascii_string_to_unsigned(part, 10, 0, 4096, &value, NULL)) {
        return FALSE;
    }
    *ret_index = value;
    return TRUE;
}

static json_t *
json_child(json_t *node, const char *part)
{
    gsize index = 0;

    if (json_is_object(node)) {
        return json_object_get(node, part);
    }
    if (json_is_array(node) && index_of_part(part, &index)) {
        return json_array_get(node, index);
    }
    return NULL;
}

static json_t *
json_find(VmJson *json, const char *path)
{
    g_auto(GStrv) parts = g_strsplit(path, ".", -1);
    json_t *node = json->root;

    if (path[0] == '\0') {
        return node;
    }
    for (guint i = 0; node && parts[i]; i++) {
        node = json_child(node, parts[i]);
    }
    return node;
}

gboolean
vm_json_has(VmJson *json, const char *path)
{
    return json_find(json, path) != NULL;
}

const char *
vm_json_get_string(VmJson *json, const char *path)
{
    return json_string_value(json_find(json, path));
}

gint64
vm_json_get_int(VmJson *json, const char *path, gint64 fallback)
{
    json_t *node = json_find(json, path);

    return json_is_integer(node) ? json_integer_value(node) : fallback;
}

gboolean
vm_json_get_bool(VmJson *json, const char *path, gboolean fallback)
{
    json_t *node = json_find(json, path);

    return json_is_boolean(node) ? json_is_true(node) : fallback;
}

guint
vm_json_length(VmJson *json, const char *path)
{
    json_t *node = json_find(json, path);

    return (guint)(json_is_object(node) ? json_object_size(node) : json_array_size(node));
}

gboolean
vm_json_is_list(VmJson *json, const char *path)
{
    return json_is_array(json_find(json, path));
}

GStrv
vm_json_keys(VmJson *json, const char *path)
{
    json_t *node = json_find(json, path);
    g_autoptr(GStrvBuilder) keys = g_strv_builder_new();
    const char *key = NULL;
    json_t *value = NULL;

    if (json_is_object(node)) {
        json_object_foreach(node, key, value)
        {
            g_strv_builder_add(keys, key);
        }
    }
    for (gsize i = 0; i < json_array_size(node); i++) {
        g_autofree char *index = g_strdup_printf("%zu", i);
        g_strv_builder_add(keys, index);
    }
    return g_strv_builder_end(keys);
}

char *
vm_json_get_text(VmJson *json, const char *path)
{
    json_t *node = json_find(json, path);

    if (json_is_string(node)) {
        return g_strdup(json_string_value(node));
    }
    if (json_is_integer(node)) {
        return g_strdup_printf("%" G_GINT64_FORMAT, (gint64)json_integer_value(node));
    }
    if (json_is_boolean(node)) {
        return g_strdup(json_is_true(node) ? "true" : "false");
    }
    return NULL;
}

static void
json_put(json_t *node, const char *part, json_t *value)
{
    gsize index = 0;

    if (json_is_object(node)) {
        json_object_set(node, part, value);
    } else if (json_is_array(node) && index_of_part(part, &index)) {
        if (index < json_array_size(node)) {
            json_array_set(node, index, value);
        } else {
            json_array_append(node, value);
        }
    }
}

/* Takes value. */
static void
json_set(VmJson *json, const char *path, json_t *value)
{
    g_auto(GStrv) parts = g_strsplit(path, ".", -1);
    json_t *node = json->root;

    for (guint i = 0; parts[i] && parts[i + 1]; i++) {
        json_t *next = json_child(node, parts[i]);
        if (!json_is_object(next) && !json_is_array(next)) {
            json_t *made = g_ascii_isdigit(parts[i + 1][0]) ? json_array() : json_object();
            json_put(node, parts[i], made);
            json_decref(made);
            next = json_child(node, parts[i]);
        }
        node = next;
    }
    if (parts[0]) {
        json_put(node, parts[g_strv_length(parts) - 1], value);
    }
    json_decref(value);
}

void
vm_json_set_string(VmJson *json, const char *path, const char *value)
{
    g_autofree char *valid = g_utf8_make_valid(value, -1);

    json_set(json, path, json_string(valid));
}

void
vm_json_set_int(VmJson *json, const char *path, gint64 value)
{
    json_set(json, path, json_integer(value));
}

void
vm_json_set_bool(VmJson *json, const char *path, gboolean value)
{
    json_set(json, path, json_boolean(value));
}

void
vm_json_set_value(VmJson *json, const char *path, const char *text)
{
    json_t *value = json_loads(text, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);

    if (value) {
        json_set(json, path, value);
    } else {
        vm_json_set_string(json, path, text);
    }
}

void
vm_json_remove(VmJson *json, const char *path)
{
    const char *dot = strrchr(path, '.');
    g_autofree char *parent = dot ? g_strndup(path, (gsize)(dot - path)) : NULL;
    json_t *node = parent ? json_find(json, parent) : json->root;
    const char *part = dot ? dot + 1 : path;
    gsize index = 0;

    if (json_is_object(node)) {
        json_object_del(node, part);
    } else if (json_is_array(node) && index_of_part(part, &index)) {
        json_array_remove(node, index);
    }
}

void
vm_json_set_copy(VmJson *json, const char *path, VmJson *from)
{
    json_t *value = json_find(from, path);

    if (value) {
        json_set(json, path, json_deep_copy(value));
    } else {
        vm_json_remove(json, path);
    }
}

static void
append_items(json_t *list, json_t *value)
{
    for (gsize i = 0; i < json_array_size(value); i++) {
        json_array_append_new(list, json_deep_copy(json_array_get(value, i)));
    }
    if (value && !json_is_array(value)) {
        json_array_append_new(list, json_deep_copy(value));
    }
}

void
vm_json_append(VmJson *json, const char *path, VmJson *from)
{
    json_t *list = json_array();

    append_items(list, json_find(json, path));
    append_items(list, json_find(from, path));
    json_set(json, path, list);
}

gboolean
vm_json_is_same(VmJson *json, VmJson *other, const char *path)
{
    json_t *first = json_find(json, path);
    json_t *second = json_find(other, path);

    return first && second ? json_equal(first, second) != 0 : first == second;
}
