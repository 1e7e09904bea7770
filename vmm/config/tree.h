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

#define cleanup_json cleanup(json_decrefp)

/* Where a value stands, for sentences. */
struct config_place {
    const char *file; /* NULL: command line */
    const struct config_option *option;
    int index; /* of a list element in a file, or -1 */
};

/* The place and, unless NULL, the key as text for people: `--block key “ro”`, `vm.json, “mem.size”`. */
const char *config_place_text(const struct config_place *place, const char *key, char *buffer,
                              size_t size);

/*
 * A value from the command line's text, of the key's type; a new reference, or NULL with `error`
 * set when the text cannot be of that type.
 */
json_t *config_value_from_text(const struct config_place *place, const struct config_key *key,
                               const char *text, struct config_error *error);

/* 0 when `value` has the key's type and lies in its range, else -EINVAL. */
int config_value_check(const struct config_place *place, const struct config_key *key,
                       const json_t *value, struct config_error *error);

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

/* What no single value tells: missing, doubled and contradicting options. */
int config_check_whole(struct machine_config *config, const struct config_host *host,
                       struct config_error *error);
