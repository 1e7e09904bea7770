/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How often, and when, a machine that failed is started again. */

#include <glib.h>

enum {
    VM_RESTARTS_MAX = 3, /* within the time below */
    VM_RESTARTS_WITHIN_SECONDS = 300,
};

/* All zero: none yet. */
typedef struct {
    gint64 at[VM_RESTARTS_MAX]; /* the failures that were answered, the oldest first */
    guint count;
} VmRestarts;

/*
 * The machine failed now (microseconds of a clock that is never set back). Returns the seconds until
 * it is to be started, 2, 4 or 8, and counts that; -1 when it was started often enough.
 */
int vm_restarts_next(VmRestarts *self, gint64 now);
