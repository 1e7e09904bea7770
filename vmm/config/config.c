/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/config/config.h"

#include <errno.h>
#include <string.h>

#include "vmm/base/bytes.h"
#include "vmm/base/cleanup.h"
#include "vmm/config/tree.h"

enum {
    INCLUDE_DEPTH_MAX = 8
};

/* The chain of files being read, from the inner to the outer one. */
struct include {
    const char *name;
    const struct include *outer;
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

static int merge_file(const char *name, const struct include *outer, const struct config_host *host,
                      json_t *tree, struct config_error *error);

static int
merge_files(json_t *own, const struct include *outer, const struct config_host *host, json_t *tree,
            struct config_error *error)
{
    cleanup_json json_t *names = json_incref(json_object_get(own, "cfg"));
    size_t index;
    json_t *name;

    json_object_del(own, "cfg");
    json_array_foreach(names, index, name)
    {
        int r = merge_file(json_string_value(name), outer, host, tree, error);
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

static int
merge_text(const struct include *self, const struct config_source *source,
           const struct config_host *host, json_t *tree, struct config_error *error)
{
    cleanup_json json_t *own = NULL;
    int r = config_tree_from_text(source, &own, error);

    if (r == 0) {
        r = merge_files(own, self, host, tree, error);
    }
    if (r == 0) {
        config_tree_merge(tree, own);
    }
    return r;
}

/* Files that this one includes come first, so that it overrides them. */
static int /* NOLINTNEXTLINE(misc-no-recursion): bounded by INCLUDE_DEPTH_MAX */
merge_file(const char *name, const struct include *outer, const struct config_host *host,
           json_t *tree, struct config_error *error)
{
    const struct include self = {.name = name, .outer = outer};
    cleanup_free char *text = NULL;
    size_t size = 0;
    int depth = 0;
    int r;

    for (const struct include *file = outer; file; file = file->outer) {
        if (strcmp(file->name, name) == 0 || ++depth >= INCLUDE_DEPTH_MAX) {
            return config_fail(error, "%s, “cfg”: files include each other; remove “%s” there.",
                               outer->name, name);
        }
    }
    if (!host || !host->read_file) {
        return config_fail(error, "%s: configuration files cannot be included here; remove it.",
                           name);
    }
    r = host->read_file(host->data, name, &text, &size, error);
    if (r < 0) {
        return r;
    }
    const struct config_source source = {.name = name, .text = text, .size = size};
    return merge_text(&self, &source, host, tree, error);
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
finish(const json_t *tree, const struct config_host *host, struct machine_config *ret_config,
       struct config_error *error)
{
    struct machine_config config = {0};
    int r = check_taken(tree, host, error);

    if (r < 0) {
        return r;
    }
    config_fill(tree, &config);
    r = config_check_whole(&config, host, error);
    if (r < 0) {
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
    cleanup_json json_t *own = NULL;
    cleanup_json json_t *tree = json_object();
    int r = config_tree_from_arguments(argc, argv, &own, error);

    if (r == 0) {
        r = merge_files(own, NULL, host, tree, error);
    }
    if (r < 0) {
        return r;
    }
    config_tree_merge(tree, own);
    return finish(tree, host, ret_config, error);
}

int
config_parse_text(const struct config_source *source, const struct config_host *host,
                  struct machine_config *ret_config, struct config_error *error)
{
    const struct include self = {.name = source->name};
    cleanup_json json_t *tree = json_object();
    int r = merge_text(&self, source, host, tree, error);

    return r < 0 ? r : finish(tree, host, ret_config, error);
}
