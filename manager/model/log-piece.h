/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a log file got since it was read last, read in a thread. */

#include <gio/gio.h>

typedef struct {
    char *text; /* any bytes; from the start of a line on where something was skipped */
    gsize size;
    goffset end;     /* of the file, up to here */
    guint64 skipped; /* bytes before the text that were not read: it was too much */
    gboolean anew;   /* the file is shorter than before: another one, from its start */
} VmLogPiece;

#define VM_LOG_PIECE_MOST (1L << 20)

/* The newest VM_LOG_PIECE_MOST bytes, at most, of what is behind `from` in the file at path. */
void vm_log_piece_read_async(const char *path, goffset from, GCancellable *cancellable,
                             GAsyncReadyCallback callback, gpointer data);
VmLogPiece *vm_log_piece_read_finish(GAsyncResult *result, GError **error);
void vm_log_piece_free(VmLogPiece *piece);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmLogPiece, vm_log_piece_free)
