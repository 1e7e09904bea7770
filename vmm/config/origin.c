/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/config/origin.h"

#include <stdlib.h>
#include <string.h>

#include "vmm/base/bytes.h"
#include "vmm/base/memory.h"
#include "vmm/config/tree.h"

struct kept {
    char *name;
    char *text;
    size_t size;
};

struct config_origins {
    struct kept *kept;
    size_t n_kept;
    json_t *places; /* option -> for each of its elements [index into kept or -1, index in there] */
};

struct config_origins *
config_origins_create(void)
{
    struct config_origins *origins = xalloc(sizeof(*origins));

    origins->places = json_object();
    return origins;
}

void
config_origins_destroy(struct config_origins *origins)
{
    if (!origins) {
        return;
    }
    for (size_t i = 0; i < origins->n_kept; i++) {
        free(origins->kept[i].name);
        free(origins->kept[i].text);
    }
    free(origins->kept);
    json_decref(origins->places);
    free(origins);
}

static json_int_t
keep(struct config_origins *origins, const struct config_source *source)
{
    struct kept *kept;

    if (!source) {
        return -1;
    }
    origins->kept = xrealloc_array(origins->kept, origins->n_kept + 1, sizeof(*kept));
    kept = &origins->kept[origins->n_kept];
    *kept = (struct kept){.name = xstrdup(source->name), .size = source->size};
    kept->text = xalloc(source->size + 1);
    memcpy(kept->text, source->text, source->size);
    return (json_int_t)origins->n_kept++;
}

void
config_origins_note(struct config_origins *origins, const struct config_source *source,
                    const json_t *tree)
{
    const json_int_t number = keep(origins, source);
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)tree, name, value)
    {
        const size_t n = json_is_array(value) ? json_array_size(value) : 1;
        json_t *list = json_is_array(value) ? json_object_get(origins->places, name) : NULL;

        if (!list) {
            list = json_array();
            json_object_set_new(origins->places, name, list);
        }
        for (size_t i = 0; i < n; i++) {
            json_array_append_new(list,
                                  json_pack("[I, i]", number, json_is_array(value) ? (int)i : -1));
        }
    }
}

void
config_origins_say(const struct config_origins *origins, const struct config_blame *blame,
                   struct config_error *error)
{
    const struct config_error inner = *error;
    const json_t *list = blame->option ? json_object_get(origins->places, blame->option) : NULL;
    const size_t n = json_array_size(list);
    const json_t *place = n > 0 ? json_array_get(list, MIN_OF(blame->index, n - 1)) : NULL;
    const json_int_t number = place ? json_integer_value(json_array_get(place, 0)) : -1;
    char where[sizeof(error->sentence) / 2];

    if (number < 0) {
        return;
    }
    const struct kept *kept = &origins->kept[number];
    const struct config_source source = {
        .name = kept->name, .text = kept->text, .size = kept->size};
    const struct config_place at = {
        .source = &source,
        .option = config_option_find(blame->option),
        .index = (int)json_integer_value(json_array_get(place, 1)),
    };

    config_place_text(&at, blame->key, where, sizeof(where));
    config_fail(error, "%s: %.*s", where, (int)sizeof(where) - 4, inner.sentence);
    memcpy(error->id, inner.id, sizeof(error->id));
}
