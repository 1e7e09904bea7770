/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The system calls that each part may use: what `vmm policy` prints. */

#include <gio/gio.h>

typedef struct {
    char *part;       /* "block" */
    guint count;      /* distinct system calls */
    GPtrArray *calls; /* char *: names, each once, in order of the alphabet */
    GPtrArray
        *rules; /* char *: "mmap arg2&0x4==0x0", calls that are allowed with some arguments only */
} VmPolicy;

void vm_policy_free(VmPolicy *policy);

/* Never blocks. */
void vm_policy_load_async(GCancellable *cancellable, GAsyncReadyCallback callback,
                          gpointer user_data);
/* part -> VmPolicy, g_hash_table_unref(); NULL with error set. */
GHashTable *vm_policy_load_finish(GAsyncResult *result, GError **error);

/* The same from text; for tests. */
GHashTable *vm_policy_parse(const char *text);
