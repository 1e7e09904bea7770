/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/config/config.h"

#include <stdlib.h>
#include <string.h>

#include "vmm/base/bytes.h"
#include "vmm/base/cleanup.h"
#include "vmm/base/memory.h"
#include "vmm/config/tree.h"

enum {
    INCLUDE_DEPTH_MAX = 8
};

/* The chain of files being read, from the inner to the outer one. */
struct include {
    const struct config_source *source;
    const struct include *outer;
    size_t index; /* in its "cfg", of the file that is being read now */
};

/* What is gathered from all sources. */
struct reading {
    const struct config_host *host;
    json_t *tree;
    struct config_origins *origins;
};

void
config_tree_merge(json_t *tree, json_t *over)
{
    const char *name;
    json_t *value;

    json_object_foreach(over, name, value)
    {
        json_t *old = json_object_get(tree, name);

        if (json_is_array(value) && old) {
            json_array_extend(old, value);
        } else {
            json_object_set_new(tree, name, json_deep_copy(value));
        }
    }
}

static int merge_file(const char *name, const struct include *outer, const struct reading *reading,
                      struct config_error *error);

/* Say where the file is named that could not be included. */
static void
add_place(const struct include *outer, struct config_error *error)
{
    const struct config_place place = {
        .source = outer->source, .option = config_option_find("cfg"), .index = (int)outer->index};
    const struct config_error inner = *error;
    char where[sizeof(error->sentence) / 2];

    config_place_text(&place, NULL, where, sizeof(where));
    config_fail(error, "%s: %.*s", where, (int)sizeof(where) - 4, inner.sentence);
    memcpy(error->id, inner.id, sizeof(error->id));
}

/* A relative name is looked up beside the file that includes it. */
static char *
included_name(const struct config_source *source, const char *name)
{
    const char *slash = source ? strrchr(source->name, '/') : NULL;

    if (!slash || name[0] == '/') {
        return xstrdup(name);
    }
    return xasprintf("%.*s/%s", (int)(slash - source->name), source->name, name);
}

static int
merge_files(json_t *own, struct include *outer, const struct reading *reading,
            struct config_error *error)
{
    cleanup_json json_t *names = json_incref(json_object_get(own, "cfg"));

    json_object_del(own, "cfg");
    for (size_t i = 0; i < json_array_size(names); i++) {
        cleanup_free char *name =
            included_name(outer->source, json_string_value(json_array_get(names, i)));
        outer->index = i;
        int r = merge_file(name, outer, reading, error);

        if (r < 0) {
            return r;
        }
    }
    return 0;
}

static int
merge_source(const struct config_source *source, const struct include *outer,
             const struct reading *reading, struct config_error *error)
{
    struct include self = {.source = source, .outer = outer};
    cleanup_json json_t *own = NULL;
    int r = config_tree_from_text(source, &own, error);

    if (r == 0) {
        r = merge_files(own, &self, reading, error);
    }
    if (r == 0) {
        config_origins_note(reading->origins, source, own);
        config_tree_merge(reading->tree, own);
    }
    return r;
}

static int
check_include(const char *name, const struct include *outer, const struct config_host *host,
              struct config_error *error)
{
    int depth = 0;

    for (const struct include *file = outer; file->source; file = file->outer) {
        if (strcmp(file->source->name, name) == 0 || ++depth >= INCLUDE_DEPTH_MAX) {
            return config_fail(error,
                               "“%s” is included by itself, or more than %d deep; remove it here.",
                               name, INCLUDE_DEPTH_MAX);
        }
    }
    if (!host || !host->read_file) {
        return config_fail(error, "“%s”: configuration files cannot be read here; remove it.",
                           name);
    }
    return 0;
}

/* Files that this one includes come first, so that it overrides them. */
static int /* NOLINTNEXTLINE(misc-no-recursion): bounded by INCLUDE_DEPTH_MAX */
merge_file(const char *name, const struct include *outer, const struct reading *reading,
           struct config_error *error)
{
    cleanup_free char *text = NULL;
    size_t size = 0;
    const struct config_host *host = reading->host;
    int r = check_include(name, outer, host, error);

    if (r == 0) {
        r = host->read_file(host->data, name, &text, &size, error);
    }
    if (r < 0) {
        if (outer->source) {
            add_place(outer, error);
        }
        return r;
    }
    const struct config_source source = {.name = name, .text = text, .size = size};
    return merge_source(&source, outer, reading, error);
}

static int
check_taken(const json_t *tree, const struct config_host *host, struct config_error *error)
{
    const char *name;
    void *at;

    if (!host || !host->only) {
        return 0;
    }
    for (at = json_object_iter((json_t *)tree); at;
         at = json_object_iter_next((json_t *)tree, at)) {
        size_t i = 0;

        name = json_object_iter_key(at);
        while (host->only[i] && strcmp(host->only[i], name) != 0) {
            i++;
        }
        if (!host->only[i]) {
            return config_fail(error, "“%s” cannot be given here; leave it out.", name);
        }
    }
    return 0;
}

static int
finish(const struct reading *reading, struct machine_config *ret_config, struct config_error *error)
{
    struct machine_config config = {0};
    struct config_blame blame = {0};
    int r = check_taken(reading->tree, reading->host, error);

    if (r < 0) {
        return r;
    }
    config_fill(reading->tree, &config);
    r = config_check_whole(&config, reading->host, &blame, error);
    if (r < 0) {
        config_origins_say(reading->origins, &blame, error);
        machine_config_finish(&config);
        return r;
    }
    *ret_config = config;
    return 0;
}

int
config_parse(int argc, char *const *argv, const struct config_host *host,
             struct machine_config *ret_config, struct config_error *error)
{
    struct include command_line = {.source = NULL};
    cleanup_json json_t *own = NULL;
    cleanup_json json_t *tree = json_object();
    cleanup(config_origins_destroyp) struct config_origins *origins = config_origins_create();
    const struct reading reading = {host, tree, origins};
    int r = config_tree_from_arguments(argc, argv, &own, error);

    if (r == 0) {
        r = merge_files(own, &command_line, &reading, error);
    }
    if (r < 0) {
        return r;
    }
    config_origins_note(origins, NULL, own);
    config_tree_merge(tree, own);
    return finish(&reading, ret_config, error);
}

int
config_parse_text(const struct config_source *source, const struct config_host *host,
                  struct machine_config *ret_config, struct config_error *error)
{
    cleanup_json json_t *tree = json_object();
    cleanup(config_origins_destroyp) struct config_origins *origins = config_origins_create();
    const struct reading reading = {host, tree, origins};
    const struct include outside = {.source = NULL};
    int r = merge_source(source, &outside, &reading, error);

    return r < 0 ? r : finish(&reading, ret_config, error);
}
