/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/base/bytes.h"
#include "vmm/base/memory.h"
#include "vmm/config/tree.h"

enum {
    STRING_MAX = 4096,
    PLACE_SIZE = 256,
};

static json_t *
number_from_text(const char *text)
{
    const bool hexadecimal = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    char *end;

    if (text[0] < '0' || text[0] > '9') {
        return NULL;
    }
    errno = 0;
    unsigned long long value = strtoull(text, &end, hexadecimal ? 16 : 10);
    if (errno != 0 || *end != '\0' || value > INT64_MAX) {
        return NULL;
    }
    return json_integer((json_int_t)value);
}

/* a:b  or  [a,b] */
static json_t *
set_from_text(const char *text)
{
    cleanup_free char *copy = xstrdup(text);
    const size_t length = strlen(text);
    const bool bracketed = length >= 2 && text[0] == '[' && text[length - 1] == ']';
    cleanup_json json_t *list = json_array();
    char *rest = NULL;

    if (bracketed) {
        copy[length - 1] = '\0';
    }
    for (char *word = strtok_r(copy + bracketed, bracketed ? "," : ":", &rest); word;
         word = strtok_r(NULL, bracketed ? "," : ":", &rest)) {
        if (json_array_append_new(list, json_string(word)) < 0) {
            return NULL;
        }
    }
    return json_array_size(list) > 0 ? json_incref(list) : NULL;
}

/* word[a,b] */
static json_t *
pair_from_text(const char *text)
{
    cleanup_free char *copy = xstrdup(text);
    const size_t length = strlen(copy);
    char *open = strchr(copy, '[');
    char *comma = open ? strchr(open, ',') : NULL;
    cleanup_json json_t *first = NULL;
    cleanup_json json_t *second = NULL;

    if (!comma || copy[length - 1] != ']') {
        return NULL;
    }
    copy[length - 1] = '\0';
    *open = '\0';
    *comma = '\0';
    first = number_from_text(open + 1);
    second = number_from_text(comma + 1);
    return first && second ? json_pack("{s:[O,O]}", copy, first, second) : NULL;
}

/* [a,b] */
static json_t *
two_from_text(const char *text)
{
    cleanup_free char *word = xasprintf("two%s", text);
    cleanup_json json_t *pair = text[0] == '[' ? pair_from_text(word) : NULL;

    return pair ? json_incref(json_object_get(pair, "two")) : NULL;
}

static const char *
type_name(const struct config_key *key)
{
    switch (key->type) {
    case CONFIG_BOOL:
        return "true or false";
    case CONFIG_NUMBER:
        return "a whole number";
    case CONFIG_SET:
        return "a list of names";
    case CONFIG_PAIR:
    case CONFIG_TWO:
        return key->value;
    case CONFIG_GROUPS:
        return "a list of objects";
    case CONFIG_STRING:
    case CONFIG_CHOICE:
        break;
    }
    return "text";
}

static json_t *
plain_from_text(const struct config_key *key, const char *text)
{
    switch (key->type) {
    case CONFIG_BOOL:
        return strcmp(text, "true") == 0 || strcmp(text, "false") == 0
                   ? json_boolean(text[0] == 't')
                   : NULL;
    case CONFIG_NUMBER:
        return number_from_text(text);
    case CONFIG_SET:
        return set_from_text(text);
    case CONFIG_PAIR:
        return pair_from_text(text);
    case CONFIG_TWO:
        return two_from_text(text);
    case CONFIG_STRING:
    case CONFIG_CHOICE:
    case CONFIG_GROUPS:
        break;
    }
    return json_string(text); /* NULL when it is not UTF-8 */
}

json_t *
config_value_from_text(const struct config_place *place, const struct config_key *key,
                       const char *text, struct config_error *error)
{
    char where[PLACE_SIZE];
    json_t *value = NULL;

    if (key->refused) { /* of any type; config_value_check() says why */
        return json_boolean(strcmp(text, "false") != 0);
    }
    if (key->type == CONFIG_GROUPS) {
        config_groups_from_text(place, key, text, &value, error);
        return value;
    }
    value = plain_from_text(key, text);
    if (!value) {
        config_place_text(place, key->name, where, sizeof(where));
        config_fail(error, "%s: “%s” is not %s; give %s.", where, text,
                    key->type == CONFIG_STRING ? "UTF-8 text" : type_name(key),
                    key->type == CONFIG_NUMBER ? "digits only" : type_name(key));
    }
    return value;
}

static int
check_number(const char *where, const struct config_key *key, const json_t *value,
             struct config_error *error)
{
    json_int_t number = json_integer_value(value);

    if (number < 0 || (uint64_t)number < key->minimum || (uint64_t)number > key->maximum) {
        return config_fail(error,
                           "%s: %" JSON_INTEGER_FORMAT " is out of range; give a number from "
                           "%" PRIu64 " to %" PRIu64 ".",
                           where, number, key->minimum, key->maximum);
    }
    return 0;
}

static int
check_string(const char *where, const struct config_key *key, const json_t *value,
             struct config_error *error)
{
    const char *text = json_string_value(value);
    const size_t longest = key->maximum ? (size_t)key->maximum : STRING_MAX - 1;

    if (strlen(text) > longest) {
        return config_fail(error, "%s: the text is too long; give at most %zu characters.", where,
                           longest);
    }
    if (text[0] == '\0' && strcmp(key->name, "params") != 0) {
        return config_fail(error, "%s: the text is empty; give %s or leave the option out.", where,
                           key->value);
    }
    for (const char *c = text; *c; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f) {
            return config_fail(error, "%s: the text has a control character; leave it out.", where);
        }
    }
    return 0;
}

static int
check_choice(const char *where, const struct config_key *key, const char *text,
             struct config_error *error)
{
    const struct config_refusal *refusal = key->refused_choices;
    char known[160] = "";

    for (size_t i = 0; key->choices[i]; i++) {
        if (strcmp(key->choices[i], text) == 0) {
            return 0;
        }
        size_t used = strlen(known);
        snprintf(known + used, sizeof(known) - used, "%s%s", i ? ", " : "", key->choices[i]);
    }
    while (refusal && refusal->name && strcmp(refusal->name, text) != 0) {
        refusal++;
    }
    if (refusal && refusal->name) {
        return config_fail(error, "%s: “%s” cannot be used, because %s; %s%s.", where, text,
                           refusal->why, known[0] ? "give one of: " : "leave it out", known);
    }
    return config_fail(error, "%s: “%s” is not known; %s%s.", where, text,
                       known[0] ? "give one of: " : "leave it out", known);
}

static int
check_set(const char *where, const struct config_key *key, const json_t *list,
          struct config_error *error)
{
    size_t index;
    const json_t *item;

    for (index = 0; index < json_array_size(list); index++) {
        item = json_array_get(list, index);
        if (!json_is_string(item)) {
            return config_fail(error, "%s: element %zu is not text; give a list of names.", where,
                               index);
        }
        int r = check_choice(where, key, json_string_value(item), error);
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

static int
check_two(const char *where, const struct config_key *key, const json_t *pair,
          struct config_error *error)
{
    int r = 0;

    if (json_array_size(pair) != 2 || !json_is_integer(json_array_get(pair, 0)) ||
        !json_is_integer(json_array_get(pair, 1))) {
        return config_fail(error, "%s: the value has the wrong form; give %s.", where, key->value);
    }
    for (size_t i = 0; r == 0 && i < 2; i++) {
        r = check_number(where, key, json_array_get(pair, i), error);
    }
    return r;
}

static int
check_pair(const char *where, const struct config_key *key, const json_t *object,
           struct config_error *error)
{
    const char *name = json_object_iter_key(json_object_iter((json_t *)object));
    const json_t *pair = name ? json_object_get(object, name) : NULL;

    if (json_object_size(object) != 1) {
        return config_fail(error, "%s: the value has the wrong form; give %s.", where, key->value);
    }
    int r = check_two(where, key, pair, error);
    return r < 0 ? r : check_choice(where, key, name, error);
}

static bool
has_type(const struct config_key *key, const json_t *value)
{
    switch (key->type) {
    case CONFIG_BOOL:
        return json_is_boolean(value);
    case CONFIG_NUMBER:
        return json_is_integer(value);
    case CONFIG_STRING:
    case CONFIG_CHOICE:
        return json_is_string(value);
    case CONFIG_SET:
    case CONFIG_TWO:
    case CONFIG_GROUPS:
        return json_is_array(value);
    case CONFIG_PAIR:
        return json_is_object(value);
    }
    return false;
}

int
config_value_check(const struct config_place *place, const struct config_key *key,
                   const json_t *value, struct config_error *error)
{
    char where[PLACE_SIZE];

    config_place_text(place, key->name, where, sizeof(where));
    if (key->refused) {
        return json_is_false(value)
                   ? 0
                   : config_fail(error, "%s: %s; leave it out.", where, key->refused);
    }
    if (!has_type(key, value)) {
        return config_fail(error, "%s: the value has the wrong type; give %s.", where,
                           type_name(key));
    }
    switch (key->type) {
    case CONFIG_BOOL:
    case CONFIG_GROUPS:
        break;
    case CONFIG_NUMBER:
        return check_number(where, key, value, error);
    case CONFIG_STRING:
        return check_string(where, key, value, error);
    case CONFIG_CHOICE:
        return check_choice(where, key, json_string_value(value), error);
    case CONFIG_SET:
        return check_set(where, key, value, error);
    case CONFIG_PAIR:
        return check_pair(where, key, value, error);
    case CONFIG_TWO:
        return check_two(where, key, value, error);
    }
    return 0;
}

int
config_groups_check(const struct config_place *place, const struct config_key *key,
                    const json_t *list, struct config_error *error)
{
    char where[PLACE_SIZE];

    if (json_array_size(list) > key->maximum) {
        return config_fail(error, "%s: there are too many; give at most %" PRIu64 ".",
                           config_place_text(place, key->name, where, sizeof(where)), key->maximum);
    }
    return 0;
}
