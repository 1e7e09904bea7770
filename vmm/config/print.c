/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include <string.h>

#include "vmm/base/bytes.h"
#include "vmm/base/cleanup.h"
#include "vmm/base/memory.h"
#include "vmm/config/tree.h"

static json_t *
get_set(const struct config_key *key, uint64_t mask)
{
    json_t *list = json_array();

    for (size_t i = 0; key->choices[i]; i++) {
        if (mask & UINT64_C(1) << i) {
            json_array_append_new(list, json_string(key->choices[i]));
        }
    }
    return list;
}

static json_t *
get_pair(const struct config_key *key, const uint64_t *pair)
{
    return json_pack("{s:[I,I]}", key->choices[0], (json_int_t)pair[0], (json_int_t)pair[1]);
}

static json_t *get_keys(const char *base, const struct config_key *keys, size_t n_keys);

static json_t * /* NOLINTNEXTLINE(misc-no-recursion): as deep as the table, two levels */
get_value(const char *base, const struct config_key *key)
{
    const void *place = base + key->offset;
    const char *text = NULL;
    json_t *list;

    switch (key->type) {
    case CONFIG_BOOL:
        return json_boolean(*(const bool *)place);
    case CONFIG_NUMBER:
        return json_integer((json_int_t) * (const uint64_t *)place);
    case CONFIG_CHOICE:
        return json_string(key->choices[*(const uint64_t *)place]);
    case CONFIG_SET:
        return get_set(key, *(const uint64_t *)place);
    case CONFIG_PAIR:
        return get_pair(key, place);
    case CONFIG_TWO:
        return json_pack("[I,I]", (json_int_t)((const uint64_t *)place)[0],
                         (json_int_t)((const uint64_t *)place)[1]);
    case CONFIG_STRING:
        text = *(char *const *)place;
        return text ? json_string(text) : NULL;
    case CONFIG_GROUPS:
        break;
    }
    list = json_array();
    for (size_t i = 0; i < *(const size_t *)(const void *)(base + key->count_offset); i++) {
        json_array_append_new(
            list, get_keys(base + key->offset + i * key->element_size, key->keys, key->n_keys));
    }
    return list;
}

static json_t * /* NOLINTNEXTLINE(misc-no-recursion): as deep as the table, two levels */
get_keys(const char *base, const struct config_key *keys, size_t n_keys)
{
    json_t *object = json_object();

    for (size_t i = 0; i < n_keys; i++) {
        json_t *value = config_key_is_kept(&keys[i]) ? get_value(base, &keys[i]) : NULL;

        if (value) {
            json_object_set_new(object, keys[i].name, value);
        }
    }
    return object;
}

static json_t *
get_object(const char *base, const struct config_option *option)
{
    return get_keys(base, option->keys, option->n_keys);
}

static json_t *
get_option(const struct machine_config *config, const struct config_option *option)
{
    const char *base = (const char *)config;
    const char *const *words;
    json_t *list = NULL;
    size_t count;

    switch (option->form) {
    case CONFIG_VALUE:
        return config_key_is_kept(&option->keys[0])
                   ? get_value(base + option->offset, &option->keys[0])
                   : NULL;
    case CONFIG_OBJECT:
        if (option->count_offset && !*(const bool *)(base + option->count_offset)) {
            return NULL;
        }
        return get_object(base + option->offset, option);
    case CONFIG_LIST:
        list = json_array();
        count = *(const size_t *)(const void *)(base + option->count_offset);
        for (size_t i = 0; i < count; i++) {
            json_array_append_new(
                list, get_object(base + option->offset + i * option->element_size, option));
        }
        return list;
    case CONFIG_WORDS:
        words = (const void *)(base + option->offset);
        list = json_array();
        json_array_append_new(list, json_string(*words));
        return list;
    case CONFIG_FILES:
    case CONFIG_IGNORE:
        break;
    }
    return NULL;
}

char *
config_print(const struct machine_config *config)
{
    cleanup_json json_t *tree = json_object();

    for (size_t i = 0; i < config_n_options; i++) {
        json_t *value = config_options[i].run_only ? NULL : get_option(config, &config_options[i]);

        if (value) {
            json_object_set_new(tree, config_options[i].name, value);
        }
    }
    cleanup_free char *text = json_dumps(tree, JSON_INDENT(2));
    return xasprintf("%s\n", text ? text : "{}");
}
