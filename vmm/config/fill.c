/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "vmm/base/assert.h"
#include "vmm/base/bytes.h"
#include "vmm/base/cleanup.h"
#include "vmm/base/memory.h"
#include "vmm/config/tree.h"

static uint64_t
choice_index(const struct config_key *key, const char *text)
{
    uint64_t i = 0;

    while (key->choices[i] && strcmp(key->choices[i], text) != 0) {
        i++;
    }
    assert(key->choices[i]); /* checked with the source */
    return i;
}

static uint64_t
choices_mask(const struct config_key *key, const json_t *list)
{
    uint64_t mask = 0;

    for (size_t i = 0; i < json_array_size(list); i++) {
        mask |= UINT64_C(1) << choice_index(key, json_string_value(json_array_get(list, i)));
    }
    return mask;
}

static void
set_two(uint64_t *pair, const json_t *list)
{
    pair[0] = (uint64_t)json_integer_value(json_array_get(list, 0));
    pair[1] = (uint64_t)json_integer_value(json_array_get(list, 1));
}

static void
set_value(void *place, const struct config_key *key, const json_t *value)
{
    char **text;

    switch (key->type) {
    case CONFIG_BOOL:
        *(bool *)place = json_is_true(value);
        break;
    case CONFIG_NUMBER:
        *(uint64_t *)place = (uint64_t)json_integer_value(value);
        break;
    case CONFIG_CHOICE:
        *(uint64_t *)place = choice_index(key, json_string_value(value));
        break;
    case CONFIG_STRING:
        text = place;
        free(*text);
        *text = xstrdup(json_string_value(value));
        break;
    case CONFIG_SET:
        *(uint64_t *)place = choices_mask(key, value);
        break;
    case CONFIG_PAIR:
        set_two(place, json_object_iter_value(json_object_iter((json_t *)value)));
        break;
    case CONFIG_TWO:
        set_two(place, value);
        break;
    case CONFIG_GROUPS: /* fill_groups() */
        break;
    }
}

static void
set_preset(void *place, const struct config_key *key)
{
    const struct config_place nowhere = {.option = &config_options[0], .index = -1};
    struct config_error error;

    if (key->preset) {
        cleanup_json json_t *value = config_value_from_text(&nowhere, key, key->preset, &error);
        assert(value);
        set_value(place, key, value);
    }
}

static void fill_keys(char *base, const struct config_key *keys, size_t n_keys,
                      const json_t *object);

static void /* NOLINTNEXTLINE(misc-no-recursion): as deep as the table, two levels */
fill_groups(char *base, const struct config_key *key, const json_t *list)
{
    size_t *ret_count = (void *)(base + key->count_offset);

    *ret_count = json_array_size(list);
    assert(*ret_count <= key->maximum); /* checked with the source */
    for (size_t i = 0; i < *ret_count; i++) {
        fill_keys(base + key->offset + i * key->element_size, key->keys, key->n_keys,
                  json_array_get(list, i));
    }
}

static void /* NOLINTNEXTLINE(misc-no-recursion): as deep as the table, two levels */
fill_keys(char *base, const struct config_key *keys, size_t n_keys, const json_t *object)
{
    for (size_t i = 0; i < n_keys; i++) {
        const struct config_key *key = &keys[i];
        const json_t *value = object ? json_object_get(object, key->name) : NULL;

        if (!config_key_is_kept(key)) {
            continue;
        }
        if (key->type == CONFIG_GROUPS) {
            fill_groups(base, key, value);
        } else if (value) {
            set_value(base + key->offset, key, value);
        } else {
            set_preset(base + key->offset, key);
        }
    }
}

static void
fill_object(char *base, const struct config_option *option, const json_t *object)
{
    fill_keys(base, option->keys, option->n_keys, object);
}

/* Returns false when there are more elements than room; config_check_whole() tells. */
static void
fill_list(char *config, const struct config_option *option, const json_t *list)
{
    const size_t count = json_array_size(list);
    size_t *ret_count = (void *)(config + option->count_offset);

    for (size_t i = 0; i < count && i < option->maximum; i++) {
        fill_object(config + option->offset + i * option->element_size, option,
                    json_array_get(list, i));
    }
    *ret_count = count;
}

static char *
join_words(const json_t *list)
{
    char *text = xstrdup("");
    size_t index;
    const json_t *word;

    for (index = 0; index < json_array_size(list); index++) {
        word = json_array_get(list, index);
        char *longer = xasprintf("%s%s%s", text, *text ? " " : "", json_string_value(word));
        free(text);
        text = longer;
    }
    return text;
}

static void
fill_option(char *config, const struct config_option *option, const json_t *value)
{
    char **words;

    switch (option->form) {
    case CONFIG_VALUE:
        if (!config_key_is_kept(&option->keys[0])) {
            break;
        }
        if (value) {
            set_value(config + option->offset, &option->keys[0], value);
        } else {
            set_preset(config + option->offset, &option->keys[0]);
        }
        break;
    case CONFIG_OBJECT:
        fill_object(config + option->offset, option, value);
        if (option->count_offset) {
            *(bool *)(config + option->count_offset) = value != NULL;
        }
        break;
    case CONFIG_LIST:
        fill_list(config, option, value);
        break;
    case CONFIG_WORDS:
        words = (void *)(config + option->offset);
        *words = join_words(value);
        break;
    case CONFIG_FILES:
    case CONFIG_IGNORE:
        break;
    }
}

static void
add_default_serial(struct machine_config *config)
{
    config->serial[0] =
        (struct serial_config){.type = SERIAL_STDOUT, .number = 1, .console = true, .input = true};
    config->n_serial = 1;
}

void
config_fill(const json_t *tree, struct machine_config *ret_config)
{
    for (size_t i = 0; i < config_n_options; i++) {
        fill_option((char *)ret_config, &config_options[i],
                    json_object_get(tree, config_options[i].name));
    }
    if (!json_object_get(tree, "serial")) {
        add_default_serial(ret_config);
    }
    if (!json_object_get(tree, "display-window-keyboard")) {
        ret_config->keyboard = ret_config->has_gpu;
    }
    if (!json_object_get(tree, "display-window-mouse")) {
        ret_config->pointer = ret_config->has_gpu;
    }
}

static void /* NOLINTNEXTLINE(misc-no-recursion): as deep as the table, two levels */
release_keys(char *base, const struct config_key *keys, size_t n_keys)
{
    for (size_t i = 0; i < n_keys; i++) {
        if (config_key_is_kept(&keys[i]) && keys[i].type == CONFIG_STRING) {
            char **text = (void *)(base + keys[i].offset);
            free(*text);
            *text = NULL;
        }
        for (size_t j = 0; keys[i].type == CONFIG_GROUPS && j < keys[i].maximum; j++) {
            release_keys(base + keys[i].offset + j * keys[i].element_size, keys[i].keys,
                         keys[i].n_keys);
        }
    }
}

void
machine_config_finish(struct machine_config *config)
{
    for (size_t i = 0; i < config_n_options; i++) {
        const struct config_option *option = &config_options[i];
        char *base = (char *)config + option->offset;

        const size_t n = option->form == CONFIG_LIST ? option->maximum : 1;

        if (option->form == CONFIG_FILES) {
            continue; /* not kept */
        }
        for (size_t j = 0; j < n; j++) {
            release_keys(base + j * option->element_size, option->keys, option->n_keys);
        }
    }
    memset(config, 0, sizeof(*config));
}
