/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/client/definition.h"

#include <errno.h>
#include <gio/gio.h>
#include <string.h>

#include "vmm/client/own-folder.h"
#include "vmm/client/paths.h"

#define NAME_LENGTH_MAX 64

gboolean
vm_definition_name_is_valid(const char *name)
{
    gsize length = strlen(name);

    if (length == 0 || length > NAME_LENGTH_MAX || !g_ascii_isalnum(name[0])) {
        return FALSE;
    }
    for (gsize i = 0; i < length; i++) {
        if (!g_ascii_isalnum(name[i]) && !strchr("._-", name[i])) {
            return FALSE;
        }
    }
    return TRUE;
}

static char *
name_from_title(const char *title)
{
    g_autofree char *plain = g_str_to_ascii(title, "C");
    GString *name = g_string_new(NULL);

    for (const char *at = plain; *at && name->len < NAME_LENGTH_MAX - 4; at++) {
        if (g_ascii_isalnum(*at)) {
            g_string_append_c(name, g_ascii_tolower(*at));
        } else if (name->len > 0 && name->str[name->len - 1] != '-' && *at != '?') {
            g_string_append_c(name, strchr("._", *at) ? *at : '-');
        }
    }
    while (name->len > 0 && !g_ascii_isalnum(name->str[name->len - 1])) {
        g_string_truncate(name, name->len - 1);
    }
    if (name->len == 0) {
        g_string_assign(name, "machine");
    }
    return g_string_free(name, FALSE);
}

static gboolean
name_is_used(const char *name)
{
    g_autofree char *definition = vm_paths_definition(name);
    g_autofree char *disks = vm_paths_disks(name);

    return g_file_test(definition, G_FILE_TEST_EXISTS) || g_file_test(disks, G_FILE_TEST_EXISTS);
}

char *
vm_definition_name_for_title(const char *title)
{
    g_autofree char *base = name_from_title(title);
    char *name = g_strdup(base);

    for (guint i = 2; i < 1000 && name_is_used(name); i++) {
        g_free(name);
        name = g_strdup_printf("%s-%u", base, i);
    }
    return name;
}

char *
vm_definition_folder(VmJson *json, const char *name)
{
    const char *chosen = json ? vm_json_get_string(json, "manager.folder") : NULL;
    g_autofree char *base = chosen ? g_path_get_basename(chosen) : NULL;

    if (chosen && g_path_is_absolute(chosen) && g_str_equal(base, name) &&
        vm_own_folder_is_marked(chosen)) {
        return g_strdup(chosen);
    }
    return vm_paths_disks(name);
}

const char *
vm_definition_title(VmJson *json, const char *name)
{
    const char *title = vm_json_get_string(json, "manager.title");

    return title && title[0] ? title : name;
}

char *
vm_definition_params(VmJson *json)
{
    const char *one = vm_json_get_string(json, "params");
    GString *joined = NULL;

    if (one) {
        return g_strdup(one);
    }
    joined = g_string_new(NULL);
    for (guint i = 0; i < vm_json_length(json, "params"); i++) {
        g_autofree char *path = g_strdup_printf("params.%u", i);
        const char *word = vm_json_get_string(json, path);
        if (word) {
            g_string_append_printf(joined, "%s%s", joined->len ? " " : "", word);
        }
    }
    return g_string_free(joined, FALSE);
}

static char *inner_value(VmJson *json, const char *path);

/* "a=1,b=[2,3]" of an object. */
static char *
pairs(VmJson *json, const char *path)
{
    g_auto(GStrv) keys = vm_json_keys(json, path);
    GString *text = g_string_new(NULL);

    for (guint i = 0; keys[i]; i++) {
        g_autofree char *child = g_strconcat(path, ".", keys[i], NULL);
        g_autofree char *inner = inner_value(json, child);

        if (inner) {
            g_string_append_printf(text, "%s%s=%s", text->len ? "," : "", keys[i], inner);
        }
    }
    return g_string_free(text, FALSE);
}

/* "[a,b]" of a list, "[[a=1],[a=2]]" where it is one of objects; NULL of one with nothing in it. */
static char *
bracketed(VmJson *json, const char *path)
{
    const guint n = vm_json_length(json, path);
    g_autoptr(GString) list = g_string_new("[");

    for (guint i = 0; i < n; i++) {
        g_autofree char *item = g_strdup_printf("%s.%u", path, i);
        g_autofree char *text = vm_json_get_text(json, item);
        g_autofree char *object = text ? NULL : pairs(json, item);

        g_string_append_printf(list, text ? "%s%s" : "%s[%s]", i > 0 ? "," : "",
                               text ? text : object);
    }
    g_string_append_c(list, ']');
    return n > 0 ? g_strdup(list->str) : NULL;
}

/* Text that would end too early is set in quotation marks. */
static char *
quoted(const char *text)
{
    g_autoptr(GString) words = g_string_new("\"");

    if (!strpbrk(text, ",\"")) {
        return g_strdup(text);
    }
    for (const char *at = text; *at; at++) {
        g_string_append_printf(words, strchr("\"\\", *at) ? "\\%c" : "%c", *at);
    }
    g_string_append_c(words, '"');
    return g_strdup(words->str);
}

/* What stands behind "key="; an object there is one word with a list, "windowed[800,600]". NULL for nothing. */
static char *
inner_value(VmJson *json, const char *path)
{
    g_autofree char *text = vm_json_get_text(json, path);
    g_auto(GStrv) keys = NULL;
    g_autofree char *child = NULL;
    g_autofree char *list = NULL;

    if (text) {
        return quoted(text);
    }
    if (vm_json_is_list(json, path)) {
        return bracketed(json, path);
    }
    keys = vm_json_keys(json, path);
    child = keys[0] ? g_strconcat(path, ".", keys[0], NULL) : NULL;
    list = child ? bracketed(json, child) : NULL;
    return list ? g_strconcat(keys[0], list, NULL) : NULL;
}

/* "path=/a,read-only=true" of an object, the value itself of anything else. */
static char *
option_value(VmJson *json, const char *path)
{
    char *text = vm_json_get_text(json, path);

    return text ? text : pairs(json, path);
}

static char *
shell_word(const char *text)
{
    for (const char *at = text; *at; at++) {
        if (!g_ascii_isalnum(*at) && !strchr("/._-=,:+@", *at)) {
            return g_shell_quote(text);
        }
    }
    return text[0] ? g_strdup(text) : g_strdup("''");
}

/* A yes is the option alone, as is a device that is as it comes; a no has to be said. */
static void
append_option(GString *line, VmJson *json, const char *key, const char *path)
{
    g_autofree char *value = option_value(json, path);
    g_autofree char *word = shell_word(value);
    const char *text = vm_json_get_string(json, path);

    if (text && text[0] == '\0') {
        return;
    }
    if (g_str_equal(value, "true") || value[0] == '\0') {
        g_string_append_printf(line, " \\\n  --%s", key);
    } else if (g_str_equal(value, "false")) {
        g_string_append_printf(line, " \\\n  --%s=false", key);
    } else {
        g_string_append_printf(line, " \\\n  --%s %s", key, word);
    }
}

char *
vm_definition_command_line(VmJson *json, const char *name)
{
    g_auto(GStrv) keys = vm_json_keys(json, "");
    GString *line = g_string_new("vmm run");
    const char *kernel = vm_json_get_string(json, "kernel");

    g_string_append_printf(line, " --name %s", name);
    for (guint i = 0; keys[i]; i++) {
        guint length = vm_json_length(json, keys[i]);
        if (g_str_equal(keys[i], "manager") || g_str_equal(keys[i], "kernel") ||
            g_str_equal(keys[i], "name")) {
            continue;
        }
        if (!vm_json_is_list(json, keys[i])) {
            append_option(line, json, keys[i], keys[i]);
            continue;
        }
        for (guint j = 0; j < length; j++) {
            g_autofree char *path = g_strdup_printf("%s.%u", keys[i], j);
            append_option(line, json, keys[i], path);
        }
    }
    if (kernel) {
        g_autofree char *word = shell_word(kernel);
        g_string_append_printf(line, " \\\n  %s", word);
    }
    return g_string_free(line, FALSE);
}

gboolean
vm_definition_save(VmJson *json, const char *path, GError **error)
{
    g_autofree char *text = vm_json_to_text(json);
    g_autofree char *folder = g_path_get_dirname(path);

    if (g_mkdir_with_parents(folder, 0700) != 0) {
        int saved = errno;
        g_set_error(error, G_IO_ERROR, g_io_error_from_errno(saved), "“%s”: %s", folder,
                    g_strerror(saved));
        return FALSE;
    }
    return g_file_set_contents_full(path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, error);
}

char *
vm_definition_missing_file(VmJson *json)
{
    static const char *const single[] = {"kernel", "initrd"};

    for (guint i = 0; i < G_N_ELEMENTS(single); i++) {
        const char *file = vm_json_get_string(json, single[i]);
        if (file && !g_file_test(file, G_FILE_TEST_EXISTS)) {
            return g_strdup(file);
        }
    }
    for (guint i = 0; i < vm_json_length(json, "block"); i++) {
        g_autofree char *path = g_strdup_printf("block.%u.path", i);
        const char *file = vm_json_get_string(json, path);
        if (file && !g_file_test(file, G_FILE_TEST_EXISTS)) {
            return g_strdup(file);
        }
    }
    return NULL;
}
