/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Runs while Vitrine is built: what else is made of the option table that `vmm run` parses with.
 *
 *   config-data schema       a JSON schema (draft 7) of configuration files
 *   config-data completion   a bash completion of `vmm`
 *   config-data options      rows “state, option, key, words”, parted by tabs, for the documentation
 */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "vmm/base/bytes.h"
#include "vmm/base/cleanup.h"
#include "vmm/config/option-table.h"

static json_t *
names_of(const char *const *choices)
{
    json_t *list = json_array();

    for (size_t i = 0; choices && choices[i]; i++) {
        json_array_append_new(list, json_string(choices[i]));
    }
    return list;
}

static json_t *
range_of(const struct config_key *key)
{
    return json_pack("{s:s,s:I,s:I}", "type", "integer", "minimum", (json_int_t)key->minimum,
                     "maximum", (json_int_t)key->maximum);
}

static json_t *keys_schema(const struct config_key *keys, size_t n_keys);

static json_t * /* NOLINTNEXTLINE(misc-no-recursion): as deep as the table, two levels */
type_schema(const struct config_key *key)
{
    switch (key->type) {
    case CONFIG_BOOL:
        return json_pack("{s:s}", "type", "boolean");
    case CONFIG_NUMBER:
        return range_of(key);
    case CONFIG_STRING:
        return json_pack("{s:s,s:I,s:I}", "type", "string", "minLength",
                         (json_int_t)(strcmp(key->name, "params") != 0), "maxLength",
                         (json_int_t)(key->maximum ? key->maximum : 4095));
    case CONFIG_CHOICE:
        return json_pack("{s:o}", "enum", names_of(key->choices));
    case CONFIG_SET:
        return json_pack("{s:s,s:{s:o}}", "type", "array", "items", "enum", names_of(key->choices));
    case CONFIG_PAIR:
        return json_pack("{s:s,s:{s:{s:s,s:o,s:i,s:i}},s:[s],s:b}", "type", "object", "properties",
                         key->choices[0], "type", "array", "items", range_of(key), "minItems", 2,
                         "maxItems", 2, "required", key->choices[0], "additionalProperties", 0);
    case CONFIG_TWO:
        return json_pack("{s:s,s:o,s:i,s:i}", "type", "array", "items", range_of(key), "minItems",
                         2, "maxItems", 2);
    case CONFIG_GROUPS:
        break;
    }
    return json_pack("{s:s,s:I,s:o}", "type", "array", "maxItems", (json_int_t)key->maximum,
                     "items", keys_schema(key->keys, key->n_keys));
}

static json_t *
preset_value(const struct config_key *key)
{
    json_error_t error;

    if (key->type == CONFIG_BOOL || key->type == CONFIG_NUMBER || key->type == CONFIG_TWO) {
        return json_loads(key->preset, JSON_DECODE_ANY, &error);
    }
    return json_string(key->preset);
}

static json_t * /* NOLINTNEXTLINE(misc-no-recursion): as deep as the table, two levels */
key_schema(const struct config_key *key, const char *help)
{
    json_t *schema = type_schema(key);

    if (key->ignored) {
        json_object_set_new(schema, "description", json_sprintf("No effect: %s.", key->ignored));
    } else if (help) {
        json_object_set_new(schema, "description", json_string(help));
    }
    if (key->preset) {
        json_object_set_new(schema, "default", preset_value(key));
    }
    return schema;
}

static json_t * /* NOLINTNEXTLINE(misc-no-recursion): as deep as the table, two levels */
keys_schema(const struct config_key *keys, size_t n_keys)
{
    json_t *properties = json_object();
    json_t *required = json_array();

    for (size_t i = 0; i < n_keys; i++) {
        if (keys[i].refused) {
            continue;
        }
        json_object_set_new(properties, keys[i].name, key_schema(&keys[i], keys[i].help));
        if (keys[i].old) {
            json_t *old = key_schema(&keys[i], keys[i].help);
            json_object_set_new(old, "deprecated", json_true());
            json_object_set_new(properties, keys[i].old, old);
        }
        if (keys[i].required) {
            json_array_append_new(required, json_string(keys[i].name));
        }
    }
    return json_pack("{s:s,s:o,s:o,s:b}", "type", "object", "properties", properties, "required",
                     required, "additionalProperties", 0);
}

static json_t *
option_schema(const struct config_option *option)
{
    json_t *schema = NULL;

    switch (option->form) {
    case CONFIG_VALUE:
        return key_schema(&option->keys[0], option->help);
    case CONFIG_OBJECT:
        schema = keys_schema(option->keys, option->n_keys);
        break;
    case CONFIG_LIST:
        schema =
            json_pack("{s:s,s:I,s:o}", "type", "array", "maxItems", (json_int_t)option->maximum,
                      "items", keys_schema(option->keys, option->n_keys));
        break;
    case CONFIG_WORDS:
    case CONFIG_FILES:
        schema = json_pack("{s:[o,{s:s,s:o}]}", "oneOf", type_schema(&option->keys[0]), "type",
                           "array", "items", type_schema(&option->keys[0]));
        break;
    case CONFIG_IGNORE:
        schema = json_pack("{s:s}", "type", "object");
        break;
    }
    json_object_set_new(schema, "description", json_string(option->help));
    return schema;
}

static void
print_schema(void)
{
    json_t *properties = json_object();

    json_object_set_new(properties, "$schema", json_pack("{s:s}", "type", "string"));
    for (size_t i = 0; i < config_n_options; i++) {
        if (!config_options[i].run_only) {
            json_object_set_new(properties, config_options[i].name,
                                option_schema(&config_options[i]));
        }
    }
    json_t *schema =
        json_pack("{s:s,s:s,s:s,s:o,s:b}", "$schema", "http://json-schema.org/draft-07/schema#",
                  "title", "A virtual machine, as vmm run --cfg reads it", "type", "object",
                  "properties", properties, "additionalProperties", 0);
    json_dumpf(schema, stdout, JSON_INDENT(2));
    puts("");
    json_decref(schema);
}

/* “ro” and “size=”: what can follow a comma. */
static void
print_key_words(const struct config_option *option)
{
    const char *space = "";

    for (size_t i = 0; i < option->n_keys; i++) {
        const struct config_key *key = &option->keys[i];

        if (config_key_is_kept(key)) {
            printf("%s%s%s", space, key->name, key->type == CONFIG_BOOL ? "" : "=");
            space = " ";
        }
    }
}

static const char *
values_of(const struct config_key *key, char *buffer, size_t size)
{
    size_t used = 0;

    if (key->type == CONFIG_BOOL) {
        return "true false";
    }
    if (key->type == CONFIG_STRING && strcmp(key->value, "PATH") == 0) {
        return "@file";
    }
    const bool listed = key->type == CONFIG_CHOICE || key->type == CONFIG_SET;

    buffer[0] = '\0';
    for (size_t i = 0; listed && key->choices[i] && used < size; i++) {
        used +=
            (size_t)snprintf(buffer + used, size - used, "%s%s", used ? " " : "", key->choices[i]);
    }
    return buffer;
}

/* The arms of _vmm_keys() and _vmm_values() for one option. */
static void
print_option_arms(const struct config_option *option, bool keys)
{
    char buffer[256];
    const bool has_keys = option->form == CONFIG_OBJECT || option->form == CONFIG_LIST;

    if (keys && has_keys) {
        printf("        --%s) echo '", option->name);
        print_key_words(option);
        puts("' ;;");
    }
    for (size_t i = 0; !keys && i < option->n_keys; i++) {
        const char *values = values_of(&option->keys[i], buffer, sizeof(buffer));

        if (option->keys[i].refused || !values[0]) {
            continue;
        }
        if (!has_keys) {
            printf("        --%s:) echo '%s' ;;\n", option->name, values);
            continue;
        }
        if (i == 0) { /* its name may be left out */
            printf("        --%s:) echo '%s' ;;\n", option->name, values);
        }
        printf("        --%s:%s) echo '%s' ;;\n", option->name, option->keys[i].name, values);
    }
}

static void
print_arms(bool keys)
{
    for (size_t i = 0; i < config_n_options; i++) {
        print_option_arms(&config_options[i], keys);
    }
}

static void
print_options_words(void)
{
    for (size_t i = 0; i < config_n_options; i++) {
        if (config_options[i].form != CONFIG_IGNORE) {
            printf(" --%s", config_options[i].name);
        }
    }
}

static void
print_letters(void)
{
    for (size_t i = 0; i < config_n_options; i++) {
        if (config_options[i].letter) {
            printf("        -%c) echo --%s ;;\n", config_options[i].letter, config_options[i].name);
        }
    }
}

static void
print_completion(void)
{
    fputs("# SPDX-License-Identifier: LGPL-2.1-or-later\n"
          "# bash completion of vmm; made from the option table.\n\n"
          "_vmm_long() {\n    case $1 in\n",
          stdout);
    print_letters();
    fputs("        *) echo \"$1\" ;;\n    esac\n}\n\n_vmm_keys() {\n    case $1 in\n", stdout);
    print_arms(true);
    fputs("    esac\n}\n\n_vmm_values() {\n    case $1 in\n", stdout);
    print_arms(false);
    fputs("    esac\n}\n\n_vmm_options='", stdout);
    print_options_words();
    puts("'");
}

static void
print_row(const char *state, const char *option, const char *key, const char *words)
{
    printf("%s\t%s\t%s\t%s\n", state, option, key, words);
}

static void
print_key_row(const struct config_option *option, const struct config_key *key, bool whole)
{
    const struct config_refusal *row = key->refused_choices;
    const char *name = whole ? "" : key->name;
    char choice[128];

    if (key->refused) {
        print_row("refused", option->name, name, key->refused);
    } else if (key->ignored) {
        print_row("ignored", option->name, name, key->ignored);
    } else if (!whole) {
        print_row("works", option->name, name, key->help);
    } else {
        print_row("works", option->name, name, option->help);
    }
    for (; row && row->name; row++) {
        snprintf(choice, sizeof(choice), "%s%s%s", name, whole ? "" : "=", row->name);
        print_row("refused", option->name, choice, row->why);
    }
}

static void
print_options(void)
{
    for (size_t i = 0; i < config_n_options; i++) {
        const struct config_option *option = &config_options[i];
        const bool whole = option->form != CONFIG_OBJECT && option->form != CONFIG_LIST;

        if (!whole || option->form == CONFIG_IGNORE) {
            print_row("works", option->name, "", option->help);
        }
        for (size_t j = 0; j < option->n_keys; j++) {
            print_key_row(option, &option->keys[j], whole);
        }
    }
    for (size_t i = 0; i < config_n_aliases; i++) {
        const struct config_alias *alias = &config_aliases[i];

        printf("works\t%s\t\tIs --%s %s%s%s.\n", alias->name, alias->option,
               alias->prefix ? alias->prefix : "", alias->has_argument ? "X" : "",
               alias->suffix ? alias->suffix : "");
    }
    for (size_t i = 0; i < config_n_refused; i++) {
        print_row("refused", config_refused[i].name, "", config_refused[i].why);
    }
}

int
main(int argc, char **argv)
{
    const char *what = argc == 2 ? argv[1] : "";

    if (strcmp(what, "schema") == 0) {
        print_schema();
    } else if (strcmp(what, "completion") == 0) {
        print_completion();
    } else if (strcmp(what, "options") == 0) {
        print_options();
    } else {
        fputs("usage: config-data schema|completion|options\n", stderr);
        return 2;
    }
    return 0;
}
