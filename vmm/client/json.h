/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A JSON document addressed by dotted paths ("manager.title", "block.0.path"). Everything the
 * manager reads or writes as JSON goes through here: definitions, `vmm check --json`, last-run.json.
 */

#include <glib.h>

typedef struct VmJson VmJson;

#define VM_JSON_ERROR (vm_json_error_quark())
GQuark vm_json_error_quark(void);

typedef enum {
    VM_JSON_ERROR_SYNTAX,
} VmJsonError;

VmJson *vm_json_new(void);

/* The document must be an object or a list. The error names line and column. */
VmJson *vm_json_parse(const char *text, gsize size, GError **error);
VmJson *vm_json_load(const char *path, GError **error);
VmJson *vm_json_copy(VmJson *json);
void vm_json_free(VmJson *json);

/* Indented, with a line end; free with g_free(). */
char *vm_json_to_text(VmJson *json);
/* The same in one line. */
char *vm_json_to_line(VmJson *json);

/* NULL, the fallback or 0 where the path leads nowhere or to another type. Strings live as long as
 * the document is not changed. An empty path is the document itself. */
gboolean vm_json_has(VmJson *json, const char *path);
const char *vm_json_get_string(VmJson *json, const char *path);
gint64 vm_json_get_int(VmJson *json, const char *path, gint64 fallback);
gboolean vm_json_get_bool(VmJson *json, const char *path, gboolean fallback);
guint vm_json_length(VmJson *json, const char *path);

/* The keys of an object in file order, or the indices of a list; free with g_strfreev(). */
GStrv vm_json_keys(VmJson *json, const char *path);

gboolean vm_json_is_list(VmJson *json, const char *path);

/* A number, string or true/false as text ("2", "/dev/vda", "true"), NULL for anything else. */
char *vm_json_get_text(VmJson *json, const char *path);

/* Objects and lists on the way are made; an index equal to the length appends. */
void vm_json_set_string(VmJson *json, const char *path, const char *value);
void vm_json_set_int(VmJson *json, const char *path, gint64 value);
void vm_json_set_bool(VmJson *json, const char *path, gboolean value);
/* JSON of any kind; text that is none of it becomes a string. */
void vm_json_set_value(VmJson *json, const char *path, const char *text);
void vm_json_remove(VmJson *json, const char *path);
/* What `from` has at this path, a whole list or object too; nothing there: nothing here. */
void vm_json_set_copy(VmJson *json, const char *path, VmJson *from);
/* What `from` has there goes behind what is there, each item of a list on its own: a list is what becomes of it. */
void vm_json_append(VmJson *json, const char *path, VmJson *from);
/* Whether both have the same at this path, or nothing. */
gboolean vm_json_is_same(VmJson *json, VmJson *other, const char *path);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmJson, vm_json_free)
