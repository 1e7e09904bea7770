/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Allocation of small objects whose size no guest and no peer chooses: these end the process with a
 * message when memory runs out. Sizes from outside use malloc() and handle -ENOMEM.
 */

#include <stddef.h>

/* Zeroed memory; never NULL. */
void *xalloc(size_t size);
void *xalloc_array(size_t count, size_t size);
/* Grow or shrink to count * size bytes; new bytes are not zeroed. */
void *xrealloc_array(void *old, size_t count, size_t size);
char *xstrdup(const char *text);
char *xasprintf(const char *format, ...) __attribute__((format(printf, 1, 2)));
