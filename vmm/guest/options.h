/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The options of the programs that run in guests: each has --help and --version, and takes no words. */

#include <getopt.h>
#include <stdio.h>

enum {
    OPTIONS_HELP = 'h', /* `val` in the table */
    OPTIONS_VERSION = 'v',
};

struct options_of {
    const char *program;
    const struct option *table; /* of getopt_long(); with --help and --version */
    void (*usage)(FILE *file);
    /* One of the others: its `val`, and its value or NULL, which lives as long as the program. */
    void (*take)(void *data, int letter, const char *value);
};

/* Ends the program after --help and --version, and after a line at the first that is wrong. */
void options_read(const struct options_of *of, int argc, char **argv, void *data);
