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

/*
 * Take one key=value pair off *text: the key (NULL if there is none) and the value, which may stand
 * in double quotes with \" and \\ inside. Both point into the buffer, which is changed. False when a
 * quote stays open.
 */
static bool
take_pair(char **text, char **ret_key, char **ret_value)
{
    char *in = *text;
    size_t plain = strcspn(in, "=,\"");
    bool quoted = false;
    char *out;

    *ret_key = NULL;
    if (in[plain] == '=') {
        in[plain] = '\0';
        *ret_key = in;
        in += plain + 1;
    }
    *ret_value = in;
    for (out = in; *in && (quoted || *in != ','); in++) {
        if (*in == '"') {
            quoted = !quoted;
        } else if (quoted && *in == '\\' && (in[1] == '"' || in[1] == '\\')) {
            *out++ = *++in;
        } else {
            *out++ = *in;
        }
    }
    *text = *in ? in + 1 : in;
    *out = '\0';
    return !quoted;
}

static int
set_key(const struct config_place *place, json_t *object, const struct config_key *key,
        const char *value, struct config_error *error)
{
    cleanup_json json_t *item = config_value_from_text(place, key, value, error);
    int r = item ? config_value_check(place, key, item, error) : -EINVAL;

    if (r < 0) {
        return r;
    }
    if (json_object_get(object, key->name)) {
        return config_fail(error, "--%s: key “%s” is given twice; give it once.",
                           place->option->name, key->name);
    }
    json_object_set(object, key->name, item);
    return 0;
}

/*
 * One pair of an option's list. A word without "=" is the value of the first key when it comes
 * first, and otherwise the name of a key that is true or false.
 */
static int
set_pair(const struct config_place *place, json_t *object, const char *name, const char *value,
         struct config_error *error)
{
    const struct config_option *option = place->option;
    const struct config_key *key;
    const char *looked_for = name ? name : value;

    key = config_key_find(option, looked_for);
    if (!name && json_object_size(object) == 0 && !(key && key->type == CONFIG_BOOL)) {
        return set_key(place, object, &option->keys[0], value, error);
    }
    if (!key) {
        return config_fail(error, "--%s: there is no key “%s”; `vmm run --help` lists them.",
                           option->name, looked_for);
    }
    if (!name && key->type != CONFIG_BOOL) {
        return config_fail(error, "--%s: key “%s” has no value; write %s=%s.", option->name,
                           key->name, key->name, key->value);
    }
    return set_key(place, object, key, name ? value : "true", error);
}

static int
check_required(const struct config_place *place, const json_t *object, struct config_error *error)
{
    for (size_t i = 0; i < place->option->n_keys; i++) {
        const struct config_key *key = &place->option->keys[i];

        if (key->required && !json_object_get(object, key->name)) {
            return config_fail(error, "--%s: key “%s” is missing; add %s=%s.", place->option->name,
                               key->name, key->name, key->value);
        }
    }
    return 0;
}

static int
object_from_text(const struct config_place *place, const char *text, json_t **ret_object,
                 struct config_error *error)
{
    cleanup_json json_t *object = json_object();
    cleanup_free char *copy = xstrdup(text);
    char *rest = copy;
    int r = 0;

    while (r == 0 && *rest) {
        char *name;
        char *value;

        if (!take_pair(&rest, &name, &value)) {
            return config_fail(error, "--%s: a quotation mark is not closed; close it.",
                               place->option->name);
        }
        r = set_pair(place, object, name, value, error);
    }
    if (r == 0) {
        r = check_required(place, object, error);
    }
    if (r == 0) {
        *ret_object = json_incref(object);
    }
    return r;
}

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
        r = object_from_text(&place, text, &item, words->error);
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

/* Whether the next word can be the list of an option that may stand alone. */
static bool
is_list_for(const struct config_option *option, const char *word)
{
    const size_t length = strcspn(word, "=,");
    const char *const *choices = option->keys[0].choices;

    for (size_t i = 0; choices && choices[i]; i++) {
        if (strlen(choices[i]) == length && strncmp(choices[i], word, length) == 0) {
            return true;
        }
    }
    return word[length] == '=';
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

static const struct config_alias *
alias_find(const char *name, char letter)
{
    for (size_t i = 0; i < config_n_aliases; i++) {
        const struct config_alias *alias = &config_aliases[i];

        if (name ? strcmp(alias->name, name) == 0 : alias->letter == letter) {
            return alias;
        }
    }
    return NULL;
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

    if (option->form == CONFIG_LATER) {
        return config_fail(words->error, "%s: %s does not work yet; leave it out.", shown,
                           option->help);
    }
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
    const struct config_alias *alias = name ? alias_find(name, 0) : NULL;

    if (option) {
        return apply_option(words, option, shown, attached);
    }
    if (alias) {
        return apply_alias(words, alias, shown, attached);
    }
    return config_fail(words->error, "There is no option “%s”; `vmm run --help` lists them.",
                       shown);
}

static int
take_short(struct arguments *words, const char *word)
{
    const char shown[] = {'-', word[1], '\0'};
    const char *attached = word[2] ? word + 2 + (word[2] == '=') : NULL;
    const struct config_alias *alias = alias_find(NULL, word[1]);

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
