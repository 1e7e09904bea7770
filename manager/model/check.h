/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Can this computer run machines? Asks `vmm check --json`. */

#include <gio/gio.h>

typedef struct {
    char *id;
    char *title; /* "You may use /dev/kvm" */
    gboolean ok;
    gboolean blocks; /* not ok, and machines cannot run because of it */
    char *sentence;
    char *cure;    /* or NULL */
    char *command; /* to type in a terminal, or NULL */
} VmCheckRow;

void vm_check_row_free(VmCheckRow *row);

/* Never blocks; a `vmm` that does not answer is ended after 30 s. */
void vm_check_run_async(GCancellable *cancellable, GAsyncReadyCallback callback,
                        gpointer user_data);

/* (element-type VmCheckRow), g_ptr_array_unref(); NULL with error set. */
GPtrArray *vm_check_run_finish(GAsyncResult *result, GError **error);

/* The same from text; for tests. */
GPtrArray *vm_check_parse(const char *text, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmCheckRow, vm_check_row_free)
