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

    for (size_t i = 0; i < place->option->n_keys; i++) {
        const struct config_key *key = &place->option->keys[i];

        if (key->required && !json_object_get(object, key->name)) {
            return config_fail(error, "%s: the value is missing; add it.",
                               config_place_text(place, key->name, where, sizeof(where)));
        }
    }
    return 0;
}

/* Check one object and copy it with the keys' present names. */
static int
check_object(const struct config_place *place, json_t *value, json_t **ret_object,
             struct config_error *error)
{
    cleanup_json json_t *object = json_object();
    char where[WHERE_SIZE];
    const char *name;
    json_t *item;

    if (!json_is_object(value)) {
        return config_fail(error, "%s: the value has the wrong type; give an object { … }.",
                           config_place_text(place, NULL, where, sizeof(where)));
    }
    json_object_foreach(value, name, item)
    {
        const struct config_key *key = config_key_find(place->option, name);
        int r;

        if (!key) {
            return config_fail(error, "%s: there is no such key; `vmm run --help` lists them.",
                               config_place_text(place, name, where, sizeof(where)));
        }
        r = config_value_check(place, key, item, error);
        if (r < 0) {
            return r;
        }
        json_object_set(object, key->name, item);
    }
    int r = check_required(place, object, error);
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
        if (!json_is_object(value)) {
            return config_fail(error, "%s, “%s”: the value has the wrong type; give an object.",
                               place->file, place->option->name);
        }
        *ret_value = NULL;
        return 0;
    case CONFIG_LATER:
        break;
    }
    return config_fail(error, "%s, “%s”: %s does not work yet; leave it out.", place->file,
                       place->option->name, place->option->help);
}

static int
check_tree(const char *file, json_t *root, json_t *tree, struct config_error *error)
{
    const char *name;
    json_t *value;

    json_object_foreach(root, name, value)
    {
        struct config_place place = {.file = file, .option = config_option_find(name), .index = -1};
        json_t *checked = NULL;
        int r;

        if (!place.option) {
            return config_fail(error,
                               "%s, “%s”: there is no such option; `vmm run --help` lists them.",
                               file, name);
        }
        if (place.option->run_only) {
            return config_fail(error, "%s, “%s”: this belongs on the command line; remove it here.",
                               file, name);
        }
        r = check_option(&place, value, &checked, error);
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
        return config_fail(error, "%s: the file does not hold an object; begin it with “{”.",
                           source->name);
    }
    r = check_tree(source->name, root, tree, error);
    if (r == 0) {
        *ret_tree = json_incref(tree);
    }
    return r;
}
