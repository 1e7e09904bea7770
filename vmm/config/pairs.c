/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Key=value lists of the command line: path=a,ro  or  "a,b",id=x  or  displays=[[mode=...],[...]]. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/base/memory.h"
#include "vmm/config/tree.h"

/* Up to a comma outside quotes; quotes and the backslashes in them are taken off. */
static char *
take_plain(char **text)
{
    char *in = *text;
    char *out = in;
    char *start = in;
    bool quoted = false;

    for (; *in && (quoted || *in != ','); in++) {
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
    return quoted ? NULL : start;
}

/* Up to a comma outside brackets and quotes; nothing is taken off. */
static char *
take_nested(char **text)
{
    char *start = *text;
    char *in = start;
    size_t depth = 0;
    bool quoted = false;

    for (; *in && (quoted || depth > 0 || *in != ','); in++) {
        quoted ^= *in == '"';
        in += quoted && *in == '\\' && in[1];
        depth += !quoted && *in == '[';
        if (!quoted && *in == ']' && depth-- == 0) {
            return NULL;
        }
    }
    *text = *in ? in + 1 : in;
    *in = '\0';
    return quoted || depth > 0 ? NULL : start;
}

static char *
take_piece(char **text, bool nested)
{
    return nested ? take_nested(text) : take_plain(text);
}

static bool
is_nested(const struct config_key *key)
{
    return !key->refused && (key->type == CONFIG_SET || key->type == CONFIG_PAIR ||
                             key->type == CONFIG_TWO || key->type == CONFIG_GROUPS);
}

static int
set_key(const struct config_place *place, json_t *object, const struct config_key *key,
        const char *value, struct config_error *error)
{
    cleanup_json json_t *item = config_value_from_text(place, key, value, error);
    int r = item ? 0 : -EINVAL;

    if (r == 0) {
        r = key->type == CONFIG_GROUPS && !key->refused
                ? config_groups_check(place, key, item, error)
                : config_value_check(place, key, item, error);
    }
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

static int
take_value(const struct config_place *place, json_t *object, const struct config_key *key,
           char **text, struct config_error *error)
{
    const char *value = take_piece(text, is_nested(key));

    if (!value) {
        return config_fail(error,
                           "--%s: a quotation mark or bracket of “%s” is not closed; close it.",
                           place->option->name, key->name);
    }
    return set_key(place, object, key, value, error);
}

static int
unknown_key(const struct config_place *place, const char *name, struct config_error *error)
{
    return config_fail(error, "--%s: there is no key “%s”; `vmm run --help` lists them.",
                       place->option->name, name);
}

/*
 * A word without "=" is the value of the first key when it comes first, and otherwise the name of a
 * key that is true or false.
 */
static int
take_word(const struct config_place *place, json_t *object, char **text, struct config_error *error)
{
    const bool quoted = **text == '"';
    const bool first = json_object_size(object) == 0;
    const struct config_key *key;
    size_t n_keys;
    const struct config_key *keys = config_place_keys(place, &n_keys);
    const char *word = take_piece(text, first && is_nested(&keys[0]));

    if (!word) {
        return config_fail(error, "--%s: a quotation mark is not closed; close it.",
                           place->option->name);
    }
    key = quoted ? NULL : config_key_find_in(keys, n_keys, word);
    if (first && !(key && key->type == CONFIG_BOOL)) {
        return set_key(place, object, &keys[0], word, error);
    }
    if (!key) {
        return unknown_key(place, word, error);
    }
    if (key->type != CONFIG_BOOL) {
        return config_fail(error, "--%s: key “%s” has no value; write %s=%s.", place->option->name,
                           key->name, key->name, key->value);
    }
    return set_key(place, object, key, "true", error);
}

static int
take_pair(const struct config_place *place, json_t *object, char **text, struct config_error *error)
{
    const size_t length = strcspn(*text, "=,\"[");
    const struct config_key *keys;
    const struct config_key *key;
    const char *name = *text;
    size_t n_keys;

    if (name[length] != '=') {
        return take_word(place, object, text, error);
    }
    (*text)[length] = '\0';
    *text += length + 1;
    keys = config_place_keys(place, &n_keys);
    key = config_key_find_in(keys, n_keys, name);
    return key ? take_value(place, object, key, text, error) : unknown_key(place, name, error);
}

static int
check_required(const struct config_place *place, const json_t *object, struct config_error *error)
{
    size_t n_keys;
    const struct config_key *keys = config_place_keys(place, &n_keys);

    for (size_t i = 0; i < n_keys; i++) {
        if (keys[i].required && !json_object_get(object, keys[i].name)) {
            return config_fail(error, "--%s: key “%s” is missing; add %s=%s.", place->option->name,
                               keys[i].name, keys[i].name, keys[i].value);
        }
    }
    return 0;
}

int
config_object_from_text(const struct config_place *place, const char *text, json_t **ret_object,
                        struct config_error *error)
{
    cleanup_json json_t *object = json_object();
    cleanup_free char *copy = xstrdup(text);
    char *rest = copy;
    int r = 0;

    while (r == 0 && *rest) {
        r = take_pair(place, object, &rest, error);
    }
    if (r == 0) {
        r = check_required(place, object, error);
    }
    if (r == 0) {
        *ret_object = json_incref(object);
    }
    return r;
}

/* Cut the brackets off a text [ ... ]; NULL when it does not stand in them. */
static char *
inside_brackets(char *text)
{
    const size_t length = strlen(text);

    if (length < 2 || text[0] != '[' || text[length - 1] != ']') {
        return NULL;
    }
    text[length - 1] = '\0';
    return text + 1;
}

int
config_groups_from_text(const struct config_place *place, const struct config_key *key,
                        const char *text, json_t **ret_list, struct config_error *error)
{
    cleanup_json json_t *list = json_array();
    cleanup_free char *copy = xstrdup(text);
    char *rest = inside_brackets(copy);
    struct config_place inner = *place;

    inner.group = key;
    inner.group_index = 0;
    do {
        char *piece = rest ? take_piece(&rest, true) : NULL;
        char *group = piece ? inside_brackets(piece) : NULL;
        json_t *object = NULL;

        if (!group) {
            return config_fail(error, "--%s, key “%s”: “%s” is not a list of lists; write %s.",
                               place->option->name, key->name, text, key->value);
        }
        int r = config_object_from_text(&inner, group, &object, error);
        if (r < 0) {
            return r;
        }
        json_array_append_new(list, object);
        inner.group_index++;
    } while (*rest);
    *ret_list = json_incref(list);
    return 0;
}
