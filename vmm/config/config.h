/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * From the words of `vmm run` and the files named by --cfg to one checked struct machine_config.
 *
 * Source: the crosvm book, "Command line options and configuration files". Every word of both forms
 * comes from one table (vmm/config/option-table.h). Files are merged in order of appearance, what a
 * file includes before the file itself, and the command line last; what may be given once is
 * replaced by the later source, lists grow. Nothing here opens, starts or changes anything: file
 * contents come through the caller's reader.
 */

#include <stddef.h>
#include <stdio.h>

#include "vmm/config/machine-config.h"

struct config_error {
    char id[32]; /* "bad-config", or what the reader set */
    char sentence[512];
};

/* Set `error` to one sentence, made one line of UTF-8; id "bad-config". Always -EINVAL, for `return config_fail(...)`. */
int config_fail(struct config_error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* What configuration files are read with, and what numbers are compared with. */
struct config_host {
    /*
     * The contents of file `name` into *ret_text (malloc'ed, the caller's afterwards, not NUL
     * terminated). 0, or -errno with `error` set. May be NULL: then --cfg is refused.
     */
    int (*read_file)(void *data, const char *name, char **ret_text, size_t *ret_size,
                     struct config_error *error);
    void *data;
    uint64_t ram_mib; /* of the host; 0: do not compare */
    /* NULL-terminated names of the options that are taken, or NULL: all. */
    const char *const *only;
};

/*
 * Parse the words after `run`. On 0 *ret_config is checked and the caller's, to be released with
 * machine_config_finish(); with `help` or `print_config` set a missing kernel is no error. Else
 * -EINVAL (or the reader's error) and `error` holds one sentence: what, where, cure.
 */
int config_parse(int argc, char *const *argv, const struct config_host *host,
                 struct machine_config *ret_config, struct config_error *error);

/* The text of one configuration file; `name` is for sentences. */
struct config_source {
    const char *name;
    const char *text;
    size_t size;
};

/* The same for one configuration file alone, from memory. */
int config_parse_text(const struct config_source *source, const struct config_host *host,
                      struct machine_config *ret_config, struct config_error *error);

/* Free what the structure holds (not the structure) and empty it. */
void machine_config_finish(struct machine_config *config);

/*
 * The machine as JSON, all defaults written out, in the form that --cfg reads back to an equal
 * structure. malloc'ed, ends with a newline. Options that say how to run (restart and the like) are
 * left out.
 */
char *config_print(const struct machine_config *config);

/* The help text of `vmm run`, made from the table. */
void config_print_help(FILE *stream);
