/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "vmm/config/tree.h"

enum {
    WHERE_SIZE = 256
};

static int
check_required(const struct config_place *place, const json_t *object, struct config_error *error)
{
    char where[WHERE_SIZE];
    size_t n_keys;
    const struct config_key *keys = config_place_keys(place, &n_keys);

    for (size_t i = 0; i < n_keys; i++) {
        if (keys[i].required && !json_object_get(object, keys[i].name)) {
            return config_fail(error, "%s: the value is missing; add it.",
                               config_place_text(place, keys[i].name, where, sizeof(where)));
        }
    }
    return 0;
}

static int check_object(const struct config_place *place, json_t *value, json_t **ret_object,
                        struct config_error *error);

static int /* NOLINTNEXTLINE(misc-no-recursion): as deep as the table, two levels */
check_groups(const struct config_place *place, const struct config_key *key, json_t *value,
             json_t **ret_list, struct config_error *error)
{
    cleanup_json json_t *list = json_array();
    struct config_place inner = *place;
    size_t index;
    json_t *item;
    int r = config_value_check(place, key, value, error);

    if (r == 0) {
        r = config_groups_check(place, key, value, error);
    }
    inner.group = key;
    for (index = 0; r == 0 && index < json_array_size(value); index++) {
        json_t *checked = NULL;

        item = json_array_get(value, index);
        inner.group_index = (int)index;
        r = check_object(&inner, item, &checked, error);
        json_array_append_new(list, checked);
    }
    *ret_list = r == 0 ? json_incref(list) : NULL;
    return r;
}

static int /* NOLINTNEXTLINE(misc-no-recursion): as deep as the table, two levels */
check_key(const struct config_place *place, const char *name, json_t *value, json_t *object,
          struct config_error *error)
{
    size_t n_keys;
    const struct config_key *keys = config_place_keys(place, &n_keys);
    const struct config_key *key = config_key_find_in(keys, n_keys, name);
    char where[WHERE_SIZE];
    json_t *checked = NULL;
    int r;

    config_place_text(place, name, where, sizeof(where));
    if (!key) {
        return config_fail(error, "%s: there is no such key; `vmm run --help` lists them.", where);
    }
    if (json_object_get(object, key->name)) {
        return config_fail(error, "%s: this is given twice, as “%s” too; remove one.", where,
                           strcmp(key->name, name) == 0 ? key->old : key->name);
    }
    if (key->type == CONFIG_GROUPS && !key->refused) {
        r = check_groups(place, key, value, &checked, error);
    } else {
        r = config_value_check(place, key, value, error);
        checked = r == 0 ? json_incref(value) : NULL;
    }
    return r < 0 ? r : json_object_set_new(object, key->name, checked);
}

/* Check one object and copy it with the keys' present names. */
static int /* NOLINTNEXTLINE(misc-no-recursion): as deep as the table, two levels */
check_object(const struct config_place *place, json_t *value, json_t **ret_object,
             struct config_error *error)
{
    cleanup_json json_t *object = json_object();
    char where[WHERE_SIZE];
    const char *name;
    json_t *item;
    int r = 0;

    if (!json_is_object(value)) {
        return config_fail(error, "%s: the value has the wrong type; give an object { … }.",
                           config_place_text(place, NULL, where, sizeof(where)));
    }
    json_object_foreach(value, name, item)
    {
        r = check_key(place, name, item, object, error);
        if (r < 0) {
            return r;
        }
    }
    r = check_required(place, object, error);
    if (r == 0) {
        *ret_object = json_incref(object);
    }
    return r;
}

/* Lists of objects (devices) and of texts (params, cfg; one text alone is fine too). */
static int
check_list(struct config_place *place, json_t *value, json_t **ret_list, struct config_error *error)
{
    const bool of_objects = place->option->form == CONFIG_LIST;
    cleanup_json json_t *list = json_array();
    char where[WHERE_SIZE];
    size_t index;
    json_t *item;

    if (!of_objects && json_is_string(value)) {
        int r = config_value_check(place, &place->option->keys[0], value, error);
        json_array_append(list, value);
        *ret_list = r == 0 ? json_incref(list) : NULL;
        return r;
    }
    if (!json_is_array(value)) {
        return config_fail(error, "%s: the value has the wrong type; give a list [ … ].",
                           config_place_text(place, NULL, where, sizeof(where)));
    }
    json_array_foreach(value, index, item)
    {
        json_t *checked = NULL;
        int r;

        place->index = (int)index;
        if (of_objects) {
            r = check_object(place, item, &checked, error);
        } else {
            r = config_value_check(place, &place->option->keys[0], item, error);
            checked = r == 0 ? json_incref(item) : NULL;
        }
        if (r < 0) {
            return r;
        }
        json_array_append_new(list, checked);
    }
    *ret_list = json_incref(list);
    return 0;
}

static int
check_option(struct config_place *place, json_t *value, json_t **ret_value,
             struct config_error *error)
{
    char where[WHERE_SIZE];
    int r;

    switch (place->option->form) {
    case CONFIG_VALUE:
        r = config_value_check(place, &place->option->keys[0], value, error);
        *ret_value = r == 0 ? json_incref(value) : NULL;
        return r;
    case CONFIG_OBJECT:
        return check_object(place, value, ret_value, error);
    case CONFIG_LIST:
    case CONFIG_WORDS:
    case CONFIG_FILES:
        return check_list(place, value, ret_value, error);
    case CONFIG_IGNORE:
        break;
    }
    *ret_value = NULL;
    return json_is_object(value)
               ? 0
               : config_fail(error, "%s: the value has the wrong type; give an object { … }.",
                             config_place_text(place, NULL, where, sizeof(where)));
}

/* A member that the table has no option for, or that does not belong into a file. */
static int
refuse_member(const struct config_source *source, const char *name, struct config_error *error)
{
    const struct config_step step = {.name = name};
    const struct config_option *option = config_option_find(name);
    const struct config_refusal *refusal = config_refusal_find(name);
    const struct config_alias *alias = config_alias_find(name, 0);
    const size_t line = config_line(source, &step, 1);

    if (option) {
        return config_fail(error,
                           "%s, line %zu, “%s”: this belongs on the command line; remove it here.",
                           source->name, line, name);
    }
    if (refusal) {
        return config_fail(error, "%s, line %zu, “%s”: %s; leave it out.", source->name, line, name,
                           refusal->why);
    }
    if (alias) {
        return config_fail(error, "%s, line %zu, “%s”: files have no old spellings; write “%s”.",
                           source->name, line, name, alias->option);
    }
    return config_fail(error,
                       "%s, line %zu, “%s”: there is no such option; `vmm run --help` lists them.",
                       source->name, line, name);
}

static int
check_tree(const struct config_source *source, json_t *root, json_t *tree,
           struct config_error *error)
{
    const char *name;
    json_t *value;

    if (json_is_string(json_object_get(root, "$schema"))) {
        json_object_del(root, "$schema"); /* for editors */
    }
    json_object_foreach(root, name, value)
    {
        struct config_place place = {
            .source = source, .option = config_option_find(name), .index = -1};
        json_t *checked = NULL;
        int r = place.option && !place.option->run_only
                    ? check_option(&place, value, &checked, error)
                    : refuse_member(source, name, error);

        if (r < 0) {
            return r;
        }
        if (checked) {
            json_object_set_new(tree, name, checked);
        }
    }
    return 0;
}

int
config_tree_from_text(const struct config_source *source, json_t **ret_tree,
                      struct config_error *error)
{
    cleanup_json json_t *tree = json_object();
    json_error_t problem;
    cleanup_json json_t *root =
        json_loadb(source->text, source->size, JSON_REJECT_DUPLICATES, &problem);
    int r;

    if (!root) {
        return config_fail(error, "%s, line %d: this is not JSON (%s); correct that line.",
                           source->name, problem.line, problem.text);
    }
    if (!json_is_object(root)) {
        return config_fail(error, "%s, line 1: the file does not hold an object; begin with “{”.",
                           source->name);
    }
    r = check_tree(source, root, tree, error);
    if (r == 0) {
        *ret_tree = json_incref(tree);
    }
    return r;
}
