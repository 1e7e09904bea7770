/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/base/bytes.h"
#include "vmm/base/cleanup.h"
#include "vmm/base/memory.h"
#include "vmm/config/tree.h"

/* Walks over the words. */
struct arguments {
    int argc;
    char *const *argv;
    int next;
    json_t *tree;
    struct config_error *error;
};

static void
append(json_t *tree, const char *name, json_t *item)
{
    json_t *list = json_object_get(tree, name);

    if (!list) {
        list = json_array();
        json_object_set_new(tree, name, list);
    }
    json_array_append(list, item);
}

static int
apply(struct arguments *words, const struct config_option *option, const char *text)
{
    const struct config_place place = {.option = option, .index = -1};
    const bool is_object = option->form == CONFIG_OBJECT || option->form == CONFIG_LIST;
    cleanup_json json_t *item = NULL;
    int r = 0;

    if (is_object) {
        r = config_object_from_text(&place, text, &item, words->error);
    } else {
        item = config_value_from_text(&place, &option->keys[0], text, words->error);
        r = item ? config_value_check(&place, &option->keys[0], item, words->error) : -EINVAL;
    }
    if (r < 0) {
        return r;
    }
    if (option->form == CONFIG_VALUE || option->form == CONFIG_OBJECT) {
        if (json_object_get(words->tree, option->name)) {
            return config_fail(words->error, "--%s is given twice; give it once.", option->name);
        }
        json_object_set(words->tree, option->name, item);
    } else {
        append(words->tree, option->name, item);
    }
    return 0;
}

static bool
is_choice(const struct config_key *key, const char *word, size_t length)
{
    for (size_t i = 0; key->choices && key->choices[i]; i++) {
        if (strlen(key->choices[i]) == length && strncmp(key->choices[i], word, length) == 0) {
            return true;
        }
    }
    for (const struct config_refusal *row = key->refused_choices; row && row->name; row++) {
        if (strlen(row->name) == length && strncmp(row->name, word, length) == 0) {
            return true;
        }
    }
    return false;
}

/* Whether the next word can be the list of an option that may stand alone. */
static bool
is_list_for(const struct config_option *option, const char *word)
{
    const size_t length = strcspn(word, "=,");

    return word[length] == '=' || is_choice(&option->keys[0], word, length);
}

static int
take_argument(struct arguments *words, const struct config_option *option, const char *shown,
              const char *attached, const char **ret_text)
{
    const bool is_flag = option->form == CONFIG_VALUE && option->keys[0].type == CONFIG_BOOL;
    const char *next = words->next < words->argc ? words->argv[words->next] : NULL;

    if (attached) {
        *ret_text = attached;
    } else if (is_flag) {
        *ret_text = "true";
    } else if (option->value_may_miss && (!next || !is_list_for(option, next))) {
        *ret_text = "";
    } else if (!next) {
        return config_fail(words->error, "%s: the value is missing; write %s %s.", shown, shown,
                           option->n_keys == 1 ? option->keys[0].value : "KEY=VALUE,...");
    } else {
        *ret_text = next;
        words->next++;
    }
    return 0;
}

static int
apply_alias(struct arguments *words, const struct config_alias *alias, const char *shown,
            const char *attached)
{
    const struct config_option *option = config_option_find(alias->option);
    cleanup_free char *text = NULL;
    const char *argument = "";
    int r;

    if (alias->has_argument) {
        r = take_argument(words, option, shown, attached, &argument);
        if (r < 0) {
            return r;
        }
    }
    text = xasprintf("%s%s%s", alias->prefix ? alias->prefix : "", argument,
                     alias->suffix ? alias->suffix : "");
    return apply(words, option, text);
}

static int
apply_option(struct arguments *words, const struct config_option *option, const char *shown,
             const char *attached)
{
    const char *text = NULL;
    int r;

    if (option->form == CONFIG_IGNORE) {
        return config_fail(words->error, "%s belongs in a configuration file; leave it out.",
                           shown);
    }
    r = take_argument(words, option, shown, attached, &text);
    return r < 0 ? r : apply(words, option, text);
}

static int
take_long(struct arguments *words, const char *word)
{
    const size_t length = strcspn(word + 2, "=");
    cleanup_free char *name = strndup(word + 2, length);
    cleanup_free char *shown = xasprintf("--%s", name ? name : "");
    const char *attached = word[2 + length] == '=' ? word + 3 + length : NULL;
    const struct config_option *option = name ? config_option_find(name) : NULL;
    const struct config_alias *alias = name ? config_alias_find(name, 0) : NULL;
    const struct config_refusal *refusal = name ? config_refusal_find(name) : NULL;

    if (option) {
        return apply_option(words, option, shown, attached);
    }
    if (alias) {
        return apply_alias(words, alias, shown, attached);
    }
    if (refusal) {
        return config_fail(words->error, "%s: %s; leave it out.", shown, refusal->why);
    }
    return config_fail(words->error, "There is no option “%s”; `vmm run --help` lists them.",
                       shown);
}

static int
take_short(struct arguments *words, const char *word)
{
    const char shown[] = {'-', word[1], '\0'};
    const char *attached = word[2] ? word + 2 + (word[2] == '=') : NULL;
    const struct config_alias *alias = config_alias_find(NULL, word[1]);

    for (size_t i = 0; i < config_n_options; i++) {
        if (config_options[i].letter == word[1]) {
            return apply_option(words, &config_options[i], shown, attached);
        }
    }
    if (alias) {
        return apply_alias(words, alias, shown, attached);
    }
    return config_fail(words->error, "There is no option “%s”; `vmm run --help` lists them.",
                       shown);
}

static int
take_kernel(struct arguments *words, const char *word)
{
    if (json_object_get(words->tree, "kernel")) {
        return config_fail(words->error,
                           "“%s” is a second kernel; give one, and options with their “--”.", word);
    }
    return apply(words, config_option_find("kernel"), word);
}

int
config_tree_from_arguments(int argc, char *const *argv, json_t **ret_tree,
                           struct config_error *error)
{
    cleanup_json json_t *tree = json_object();
    struct arguments words = {.argc = argc, .argv = argv, .tree = tree, .error = error};
    bool only_names = false;
    int r = 0;

    while (r == 0 && words.next < argc) {
        const char *word = argv[words.next++];

        if (only_names || word[0] != '-' || word[1] == '\0') {
            r = take_kernel(&words, word);
        } else if (strcmp(word, "--") == 0) {
            only_names = true;
        } else if (word[1] == '-') {
            r = take_long(&words, word);
        } else {
            r = take_short(&words, word);
        }
    }
    if (r == 0) {
        *ret_tree = json_incref(tree);
    }
    return r;
}
