/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "vmm/base/bytes.h"
#include "vmm/config/tree.h"

enum {
    PATH_SIZE = 160,
    STEPS_MAX = 6,
};

const struct config_key *
config_place_keys(const struct config_place *place, size_t *ret_n)
{
    *ret_n = place->group ? place->group->n_keys : place->option->n_keys;
    return place->group ? place->group->keys : place->option->keys;
}

/* The steps to a place, whose names are joined in `path` as well: block[1].ro */
struct path {
    struct config_step steps[STEPS_MAX];
    size_t n_steps;
    char text[PATH_SIZE];
    size_t used;
};

static void
add_name(struct path *path, const char *name, const char *old)
{
    const int n = snprintf(path->text + path->used, sizeof(path->text) - path->used, "%s%s",
                           path->used ? "." : "", name);

    path->used = MIN_OF(path->used + (size_t)n, sizeof(path->text) - 1);
    path->steps[path->n_steps++] = (struct config_step){.name = name, .old = old};
}

static void
add_index(struct path *path, int index)
{
    int n;

    if (index >= 0) {
        n = snprintf(path->text + path->used, sizeof(path->text) - path->used, "[%d]", index);
        path->used = MIN_OF(path->used + (size_t)n, sizeof(path->text) - 1);
        path->steps[path->n_steps++] = (struct config_step){.index = (size_t)index};
    }
}

const char *
config_place_text(const struct config_place *place, const char *key, char *buffer, size_t size)
{
    const bool whole =
        !key || (place->option->form != CONFIG_OBJECT && place->option->form != CONFIG_LIST);
    struct path path = {.n_steps = 0};

    if (place->source) {
        add_name(&path, place->option->name, NULL);
        add_index(&path, place->index);
    }
    if (place->group) {
        add_name(&path, place->group->name, place->group->old);
        add_index(&path, place->group_index);
    }
    if (!whole) {
        size_t n_keys;
        const struct config_key *keys = config_place_keys(place, &n_keys);
        const struct config_key *row = config_key_find_in(keys, n_keys, key);

        add_name(&path, key, row ? row->old : NULL);
    }
    if (place->source) {
        snprintf(buffer, size, "%s, line %zu, “%s”", place->source->name,
                 config_line(place->source, path.steps, path.n_steps), path.text);
    } else if (path.n_steps == 0) {
        snprintf(buffer, size, "--%s", place->option->name);
    } else {
        snprintf(buffer, size, "--%s, key “%s”", place->option->name, path.text);
    }
    return buffer;
}
