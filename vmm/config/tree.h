/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The form between text and struct machine_config: a JSON object whose keys are the options' long
 * names. Each source (the command line, each file) becomes one such tree, is checked against the
 * table while it is still known where each value came from, and is merged; the result is poured into
 * the structure. Private to vmm/config.
 */

#include <jansson.h>

#include "vmm/base/cleanup.h"
#include "vmm/config/config.h"
#include "vmm/config/option-table.h"
#include "vmm/config/origin.h"

#define cleanup_json cleanup(json_decrefp)

/* Where a value stands, for sentences. */
struct config_place {
    const struct config_source *source; /* NULL: command line */
    const struct config_option *option;
    int index;                      /* of a list element in a file, or -1 */
    const struct config_key *group; /* CONFIG_GROUPS: inside the element of this key, or NULL */
    int group_index;
};

/*
 * The place and, unless NULL, the key as text for people: `--block, key “ro”` or
 * `vm.json, line 7, “block[1].ro”`.
 */
const char *config_place_text(const struct config_place *place, const char *key, char *buffer,
                              size_t size);

/* A member by its name, or with name NULL an element by its index. */
struct config_step {
    const char *name;
    const char *old; /* its other spelling, or NULL */
    size_t index;
};

/*
 * The line, from 1, of what the steps lead to in the text, or of the last thing found on the way.
 * The text is JSON that the parser took; anything else gives some line of it.
 */
size_t config_line(const struct config_source *source, const struct config_step *steps,
                   size_t n_steps);

/* The keys that can stand at a place. */
const struct config_key *config_place_keys(const struct config_place *place, size_t *ret_n);

/*
 * A value from the command line's text, of the key's type; a new reference, or NULL with `error`
 * set when the text cannot be of that type. CONFIG_GROUPS come checked.
 */
json_t *config_value_from_text(const struct config_place *place, const struct config_key *key,
                               const char *text, struct config_error *error);

/* 0 when `value` has the key's type and lies in its range, else -EINVAL. Not for CONFIG_GROUPS. */
int config_value_check(const struct config_place *place, const struct config_key *key,
                       const json_t *value, struct config_error *error);

/* The same for the number of elements of a CONFIG_GROUPS value. */
int config_groups_check(const struct config_place *place, const struct config_key *key,
                        const json_t *list, struct config_error *error);

/* A key=value list, as a checked object: vmm/config/pairs.c. 0, or -EINVAL with `error` set. */
int config_object_from_text(const struct config_place *place, const char *text, json_t **ret_object,
                            struct config_error *error);

/* The groups of a text [[k=v,...],...]; as above. */
int config_groups_from_text(const struct config_place *place, const struct config_key *key,
                            const char *text, json_t **ret_list, struct config_error *error);

/* Parse the words into a checked tree with "cfg" as an array of names. */
int config_tree_from_arguments(int argc, char *const *argv, json_t **ret_tree,
                               struct config_error *error);

/* Parse and check one file's text. */
int config_tree_from_text(const struct config_source *source, json_t **ret_tree,
                          struct config_error *error);

/* Lay `over` over `tree`: lists grow, the rest is replaced. */
void config_tree_merge(json_t *tree, json_t *over);

/* Pour a checked tree and the defaults into *ret_config. */
void config_fill(const json_t *tree, struct machine_config *ret_config);

/*
 * What no single value tells: missing, doubled and contradicting options. On failure *ret_blame is the
 * value that the sentence is about, if there is one.
 */
int config_check_whole(struct machine_config *config, const struct config_host *host,
                       struct config_blame *ret_blame, struct config_error *error);
