/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Which source each option of the merged tree came from, so that a contradiction that shows only in the
 * whole can be told with file and line. Private to vmm/config.
 */

#include <jansson.h>

#include "vmm/base/cleanup.h"
#include "vmm/config/config.h"

/* The value that a sentence about the whole machine is about. */
struct config_blame {
    const char *option; /* NULL: none in particular */
    size_t index;       /* of the merged list; past its end: the last element */
    const char *key;    /* or NULL */
};

struct config_origins;

struct config_origins *config_origins_create(void);
void config_origins_destroy(struct config_origins *origins);
CLEANUP_DEFINE(struct config_origins, config_origins_destroy)

/* `tree` is merged now; `source` (kept as a copy) NULL: the command line. */
void config_origins_note(struct config_origins *origins, const struct config_source *source,
                         const json_t *tree);

/* Put file, line and key before the sentence, where the value came from a file. */
void config_origins_say(const struct config_origins *origins, const struct config_blame *blame,
                        struct config_error *error);
