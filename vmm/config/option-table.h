/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The one table of everything that can be said about a machine. The command line, JSON files, help,
 * --print-config, and the manager's forms all read it; a new option is a new row.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum config_type {
    CONFIG_BOOL,   /* bool */
    CONFIG_NUMBER, /* uint64_t within minimum ... maximum */
    CONFIG_STRING, /* char *; maximum: longest length, 0: 4096 */
    CONFIG_CHOICE, /* uint64_t, index into choices */
    CONFIG_SET,    /* uint64_t, a bit for each of choices; [a,b] or a:b, in files [ "a", "b" ] */
    CONFIG_PAIR,   /* uint64_t[2]; choices[0][a,b], in files { choices[0]: [ a, b ] } */
    CONFIG_TWO,    /* uint64_t[2]; [a,b], in files [ a, b ] */
    CONFIG_GROUPS, /* objects of `keys`, at most `maximum`; [[k=v,...],[...]], in files [ {}, {} ] */
};

/* A name that crosvm has and we do not, with the reason as a clause: “a sound card does not …”. */
struct config_refusal {
    const char *name; /* NULL at the end of a list of choices */
    const char *why;
};

/* NOLINTBEGIN(clang-analyzer-optin.performance.Padding): in the order in which rows are read */
/* One value: a key of a key=value list, or the value of a plain option. */
struct config_key {
    const char *name;
    const char *old;   /* other spelling that the book uses somewhere, or NULL */
    const char *value; /* placeholder in the help text */
    const char *help;
    enum config_type type;
    uint64_t minimum;
    uint64_t maximum;
    const char *preset;         /* default in the command line's form; NULL: false, 0, NULL */
    const char *const *choices; /* NULL-terminated */
    const struct config_refusal *refused_choices; /* or NULL */
    size_t offset;                                /* in the structure of the option */
    bool required;
    const char *refused; /* known, refused: why, as in struct config_refusal; false is accepted */
    const char *ignored; /* checked and then dropped: why that is harmless */
    const struct config_key *keys; /* CONFIG_GROUPS: of one of them */
    size_t n_keys;
    size_t element_size;
    size_t count_offset; /* CONFIG_GROUPS: size_t, in the structure of the option */
};

enum config_form {
    CONFIG_VALUE,  /* one value: keys[0] */
    CONFIG_OBJECT, /* key=value list, once; keys[0] may be written without its name */
    CONFIG_LIST,   /* such a list, any number of times */
    CONFIG_WORDS,  /* text, any number of times, joined by blanks */
    CONFIG_FILES,  /* --cfg */
    CONFIG_IGNORE, /* an object of somebody else */
};

struct config_option {
    const char *name;
    char letter; /* short option, or 0 */
    const char *help;
    enum config_form form;
    const struct config_key *keys;
    size_t n_keys;
    size_t offset;       /* in struct machine_config: object, first list element, or value */
    size_t count_offset; /* CONFIG_LIST: size_t; CONFIG_OBJECT: bool "given", or 0 */
    size_t element_size; /* CONFIG_LIST */
    size_t maximum;      /* CONFIG_LIST: elements */
    bool run_only;       /* says how to run: command line only, not printed */
    bool value_may_miss; /* CONFIG_OBJECT: `--gpu` alone is enough */
    bool aarch64_only;
};

/* Another way to write an option on the command line: --rwdisk X is --block X,ro=false. */
struct config_alias {
    const char *name;
    char letter;
    const char *option; /* of the table */
    const char *prefix; /* put before the argument, or NULL */
    const char *suffix; /* put after it, or NULL */
    bool has_argument;
};

/* NOLINTEND(clang-analyzer-optin.performance.Padding) */

extern const struct config_option config_options[];
extern const size_t config_n_options;
extern const struct config_alias config_aliases[];
extern const size_t config_n_aliases;

/* Options of crosvm that we refuse: vmm/config/refused-options.c. */
extern const struct config_refusal config_refused[];
extern const size_t config_n_refused;

/* NULL when there is none. */
const struct config_option *config_option_find(const char *name);
const struct config_key *config_key_find(const struct config_option *option, const char *name);
const struct config_key *config_key_find_in(const struct config_key *keys, size_t n_keys,
                                            const char *name);
const struct config_refusal *config_refusal_find(const char *name);

/* By its name, or with name NULL by its letter, which is not 0. */
const struct config_alias *config_alias_find(const char *name, char letter);

/* Whether a key has a place in the structure: neither refused nor ignored. */
bool config_key_is_kept(const struct config_key *key);
