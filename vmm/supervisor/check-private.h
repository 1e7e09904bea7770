/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The rows of `vmm check`: check.c has those that decide, check-graphics.c those of graphics, which never do. */

#include <stdbool.h>
#include <stddef.h>

enum {
    TEXT_SIZE = 512,
    ROWS_MAX = 13,
};

struct row {
    const char *id; /* static */
    bool ok;
    bool warns; /* not ok, but machines run */
    char sentence[TEXT_SIZE];
    char cure[TEXT_SIZE];
    char command[128];
};

struct report {
    struct row row[ROWS_MAX];
    size_t count;
};

/* The new row, to be changed; it is the report's. */
struct row *check_add_row(struct report *report, const char *id, bool ok, const char *sentence);
/* What helps, unless the row is ok. `command`, to type in a terminal, may be "". */
void check_set_cure(struct row *row, const char *cure, const char *command);

/* Graphics. The trial of 3D, some seconds at most, is made where sandboxes work. */
void check_graphics(struct report *report, bool sandbox);
