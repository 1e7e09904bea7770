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

static void
fill_object(char *base, const struct config_option *option, const json_t *object)
{
    for (size_t i = 0; i < option->n_keys; i++) {
        const struct config_key *key = &option->keys[i];
        const json_t *value = object ? json_object_get(object, key->name) : NULL;

        if (key->later) {
            continue;
        }
        if (value) {
            set_value(base + key->offset, key, value);
        } else {
            set_preset(base + key->offset, key);
        }
    }
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
    case CONFIG_LATER:
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

static void
release_keys(char *base, const struct config_option *option)
{
    for (size_t i = 0; i < option->n_keys; i++) {
        if (option->keys[i].type == CONFIG_STRING && !option->keys[i].later) {
            char **text = (void *)(base + option->keys[i].offset);
            free(*text);
            *text = NULL;
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
            release_keys(base + j * option->element_size, option);
        }
    }
    memset(config, 0, sizeof(*config));
}
