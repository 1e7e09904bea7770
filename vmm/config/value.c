/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/base/bytes.h"
#include "vmm/config/tree.h"

enum {
    STRING_MAX = 4096,
    PLACE_SIZE = 256,
};

int
config_fail(struct config_error *error, const char *format, ...)
{
    va_list args;

    snprintf(error->id, sizeof(error->id), "bad-config");
    va_start(args, format);
    vsnprintf(error->sentence, sizeof(error->sentence), format, args);
    va_end(args);
    return -EINVAL;
}

const char *
config_place_text(const struct config_place *place, const char *key, char *buffer, size_t size)
{
    const bool whole = !key || place->option->form == CONFIG_VALUE ||
                       place->option->form == CONFIG_WORDS || place->option->form == CONFIG_FILES;
    char index[16] = "";

    if (place->index >= 0) {
        snprintf(index, sizeof(index), "[%d]", place->index);
    }
    if (place->file && whole) {
        snprintf(buffer, size, "%s, “%s%s”", place->file, place->option->name, index);
    } else if (place->file) {
        snprintf(buffer, size, "%s, “%s%s.%s”", place->file, place->option->name, index, key);
    } else if (whole) {
        snprintf(buffer, size, "--%s", place->option->name);
    } else {
        snprintf(buffer, size, "--%s, key “%s”", place->option->name, key);
    }
    return buffer;
}

static json_t *
number_from_text(const char *text)
{
    char *end;

    if (text[0] < '0' || text[0] > '9') {
        return NULL;
    }
    errno = 0;
    unsigned long long value = strtoull(text, &end, 0);
    if (errno != 0 || *end != '\0' || value > INT64_MAX) {
        return NULL;
    }
    return json_integer((json_int_t)value);
}

static const char *
type_name(const struct config_key *key)
{
    switch (key->type) {
    case CONFIG_BOOL:
        return "true or false";
    case CONFIG_NUMBER:
        return "a whole number";
    case CONFIG_STRING:
    case CONFIG_CHOICE:
        break;
    }
    return "text";
}

json_t *
config_value_from_text(const struct config_place *place, const struct config_key *key,
                       const char *text, struct config_error *error)
{
    char where[PLACE_SIZE];
    json_t *value = NULL;

    switch (key->type) {
    case CONFIG_BOOL:
        if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0) {
            value = json_boolean(text[0] == 't');
        }
        break;
    case CONFIG_NUMBER:
        value = number_from_text(text);
        break;
    case CONFIG_STRING:
    case CONFIG_CHOICE:
        value = json_string(text); /* NULL when it is not UTF-8 */
        break;
    }
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
check_choice(const char *where, const struct config_key *key, const json_t *value,
             struct config_error *error)
{
    char known[160] = "";

    for (size_t i = 0; key->choices[i]; i++) {
        if (strcmp(key->choices[i], json_string_value(value)) == 0) {
            return 0;
        }
        size_t used = strlen(known);
        snprintf(known + used, sizeof(known) - used, "%s%s", i ? ", " : "", key->choices[i]);
    }
    return config_fail(error, "%s: “%s” is not known; give one of: %s.", where,
                       json_string_value(value), known);
}

int
config_value_check(const struct config_place *place, const struct config_key *key,
                   const json_t *value, struct config_error *error)
{
    char where[PLACE_SIZE];
    bool right_type = false;

    config_place_text(place, key->name, where, sizeof(where));
    switch (key->type) {
    case CONFIG_BOOL:
        right_type = json_is_boolean(value);
        break;
    case CONFIG_NUMBER:
        right_type = json_is_integer(value);
        break;
    case CONFIG_STRING:
    case CONFIG_CHOICE:
        right_type = json_is_string(value);
        break;
    }
    if (!right_type) {
        return config_fail(error, "%s: the value has the wrong type; give %s.", where,
                           type_name(key));
    }
    if (key->later && !json_is_false(value)) {
        return config_fail(error, "%s: %s does not work yet; leave it out.", where, key->later);
    }
    switch (key->type) {
    case CONFIG_BOOL:
        break;
    case CONFIG_NUMBER:
        return check_number(where, key, value, error);
    case CONFIG_STRING:
        return check_string(where, key, value, error);
    case CONFIG_CHOICE:
        return check_choice(where, key, value, error);
    }
    return 0;
}
