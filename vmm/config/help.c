/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "vmm/base/bytes.h"
#include "vmm/config/config.h"
#include "vmm/config/option-table.h"

enum {
    COLUMN = 30,
    WIDTH = 96,
    TEXT_SIZE = 512,
};

/* Text for people that grows in a buffer; what does not fit is cut off. */
struct text {
    char buffer[TEXT_SIZE];
    size_t used;
};

static void __attribute__((format(printf, 2, 3))) add(struct text *text, const char *format, ...)
{
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(text->buffer + text->used, sizeof(text->buffer) - text->used, format, args);
    va_end(args);
    if (n > 0) {
        text->used = MIN_OF(text->used + (size_t)n, sizeof(text->buffer) - 1);
    }
}

/* The name on the left, the words beside it, broken at blanks. */
static void
print_row(FILE *stream, const char *left, const char *words)
{
    int column = fprintf(stream, "%s", left);

    if (column >= COLUMN - 1) {
        fputs("\n", stream);
        column = 0;
    }
    fprintf(stream, "%*s", COLUMN - column, "");
    column = COLUMN;
    while (*words) {
        const size_t length = strcspn(words, " ");

        if (column > COLUMN && column + (int)length + 1 > WIDTH) {
            fprintf(stream, "\n%*s", COLUMN, "");
            column = COLUMN;
        }
        column += fprintf(stream, "%s%.*s", column > COLUMN ? " " : "", (int)length, words);
        words += length;
        words += strspn(words, " ");
    }
    fputs("\n", stream);
}

static void
add_choices(struct text *text, const struct config_key *key)
{
    const bool listed = key->type == CONFIG_CHOICE || key->type == CONFIG_SET;

    for (size_t i = 0; listed && key->choices[i]; i++) {
        add(text, "%s%s",
            i                         ? ", "
            : key->type == CONFIG_SET ? " Any of: "
                                      : " One of: ",
            key->choices[i]);
    }
    if (listed && key->choices[0]) {
        add(text, ".");
    }
}

static void
add_details(struct text *text, const struct config_key *key)
{
    add_choices(text, key);
    if (key->type == CONFIG_NUMBER && key->maximum < UINT64_C(1) << 24) {
        add(text, " %" PRIu64 " to %" PRIu64 ".", key->minimum, key->maximum);
    }
    if (key->required) {
        add(text, " Required.");
    } else if (key->preset || key->type == CONFIG_BOOL) {
        add(text, " (default: %s)", key->preset ? key->preset : "false");
    }
}

static void
print_key(FILE *stream, const struct config_key *key)
{
    struct text left = {.used = 0};
    struct text words = {.used = 0};

    add(&left, "        %s=%s", key->name, key->value);
    add(&words, "%s", key->help);
    add_details(&words, key);
    print_row(stream, left.buffer, words.buffer);
    for (size_t i = 0; key->type == CONFIG_GROUPS && i < key->n_keys; i++) {
        if (config_key_is_kept(&key->keys[i])) {
            left.used = 0;
            words.used = 0;
            add(&left, "            %s=%s", key->keys[i].name, key->keys[i].value);
            add(&words, "%s", key->keys[i].help);
            print_row(stream, left.buffer, words.buffer);
        }
    }
}

static void
print_option(FILE *stream, const struct config_option *option)
{
    const bool is_flag = option->form == CONFIG_VALUE && option->keys[0].type == CONFIG_BOOL;
    const bool has_keys = option->form == CONFIG_OBJECT || option->form == CONFIG_LIST;
    struct text left = {.used = 0};
    struct text words = {.used = 0};

    add(&left, "    ");
    if (option->letter) {
        add(&left, "-%c, ", option->letter);
    }
    add(&left, "--%s", option->name);
    if (!is_flag) {
        add(&left, " %s", has_keys && option->n_keys > 1 ? "KEY=VALUE,..." : option->keys[0].value);
    }
    add(&words, "%s", option->help);
    if (option->form == CONFIG_LIST) {
        add(&words, " Up to %zu times.", option->maximum);
    } else if (option->form == CONFIG_WORDS || option->form == CONFIG_FILES) {
        add(&words, " Any number of times.");
    }
    if (!has_keys && !option->keys[0].ignored && (!is_flag || option->keys[0].preset)) {
        add_details(&words, &option->keys[0]);
    }
    print_row(stream, left.buffer, words.buffer);
    for (size_t i = 0; has_keys && i < option->n_keys; i++) {
        if (config_key_is_kept(&option->keys[i])) {
            print_key(stream, &option->keys[i]);
        }
    }
}

static bool
is_ignored(const struct config_option *option)
{
    return option->form == CONFIG_VALUE && option->keys[0].ignored;
}

static void
print_aliases(FILE *stream)
{
    fputs("\nOther spellings:\n", stream);
    for (size_t i = 0; i < config_n_aliases; i++) {
        const struct config_alias *alias = &config_aliases[i];
        struct text left = {.used = 0};
        struct text words = {.used = 0};

        add(&left, "    ");
        if (alias->letter) {
            add(&left, "-%c, ", alias->letter);
        }
        add(&left, "--%s%s", alias->name, alias->has_argument ? " X" : "");
        add(&words, "--%s %s%s%s", alias->option, alias->prefix ? alias->prefix : "",
            alias->has_argument ? "X" : "", alias->suffix ? alias->suffix : "");
        print_row(stream, left.buffer, words.buffer);
    }
}

static void
print_ignored(FILE *stream)
{
    fputs("\nAccepted from crosvm, without effect:\n", stream);
    for (size_t i = 0; i < config_n_options; i++) {
        struct text left = {.used = 0};

        if (is_ignored(&config_options[i])) {
            add(&left, "    --%s", config_options[i].name);
            print_row(stream, left.buffer, config_options[i].keys[0].ignored);
        }
    }
}

void
config_print_help(FILE *stream)
{
    fputs(
        "Usage: vmm run [OPTIONS] KERNEL\n"
        "Run one virtual machine; every device is a jailed process of its own.\n\n"
        "A list KEY=VALUE,... may begin with the value of its first key alone; a key that is true\n"
        "needs no value; a value with a comma stands in double quotes.\n\nOptions:\n",
        stream);
    for (size_t i = 0; i < config_n_options; i++) {
        const struct config_option *option = &config_options[i];

        if (option->form != CONFIG_IGNORE && !is_ignored(option)) {
            print_option(stream, option);
        }
    }
    print_aliases(stream);
    print_ignored(stream);
    fputs(
        "\nExit status: 0 switched off or stopped, 32 the guest asked for a reset, 33 the machine\n"
        "could not start or a part of it failed, 34 the guest panicked, 35 wrong options.\n"
        "Other options of crosvm are refused with the reason. See vmm-run(1) and vmm-config(5).\n",
        stream);
}
