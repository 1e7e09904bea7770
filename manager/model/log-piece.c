/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/model/log-piece.h"

#include <string.h>

struct request {
    char *path;
    goffset from;
};

static void
request_free(struct request *request)
{
    g_free(request->path);
    g_free(request);
}

void
vm_log_piece_free(VmLogPiece *piece)
{
    g_free(piece->text);
    g_free(piece);
}

/* The start of it is the end of a line that nobody will see. */
static void
skip_to_line(VmLogPiece *piece)
{
    const char *end = memchr(piece->text, '\n', piece->size);
    gsize cut = end ? (gsize)(end - piece->text) + 1 : piece->size;

    piece->skipped += cut;
    piece->size -= cut;
    memmove(piece->text, piece->text + cut, piece->size);
}

static void
read_in_thread(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
    struct request *request = data;
    g_autoptr(GFile) file = g_file_new_for_path(request->path);
    VmLogPiece *piece = NULL;
    GError *error = NULL;
    g_autoptr(GFileInputStream) stream = g_file_read(file, cancellable, &error);
    g_autoptr(GFileInfo) info =
        stream ? g_file_input_stream_query_info(stream, G_FILE_ATTRIBUTE_STANDARD_SIZE, cancellable,
                                                &error)
               : NULL;
    goffset size = info ? g_file_info_get_size(info) : 0;
    goffset start = size < request->from ? 0 : request->from;

    if (!info) {
        g_task_return_error(task, error);
        return;
    }
    piece = g_new0(VmLogPiece, 1);
    piece->anew = size < request->from;
    if (size - start > VM_LOG_PIECE_MOST) {
        piece->skipped = (guint64)(size - start) - VM_LOG_PIECE_MOST;
        start = size - VM_LOG_PIECE_MOST;
    }
    piece->text = g_malloc((gsize)(size - start) + 1);
    if (!g_seekable_seek(G_SEEKABLE(stream), start, G_SEEK_SET, cancellable, &error) ||
        !g_input_stream_read_all(G_INPUT_STREAM(stream), piece->text, (gsize)(size - start),
                                 &piece->size, cancellable, &error)) {
        vm_log_piece_free(piece);
        g_task_return_error(task, error);
        return;
    }
    piece->end = start + (goffset)piece->size;
    if (piece->skipped > 0) {
        skip_to_line(piece);
    }
    g_task_return_pointer(task, piece, (GDestroyNotify)vm_log_piece_free);
}

void
vm_log_piece_read_async(const char *path, goffset from, GCancellable *cancellable,
                        GAsyncReadyCallback callback, gpointer data)
{
    g_autoptr(GTask) task = g_task_new(NULL, cancellable, callback, data);
    struct request *request = g_new0(struct request, 1);

    request->path = g_strdup(path);
    request->from = from;
    g_task_set_task_data(task, request, (GDestroyNotify)request_free);
    g_task_run_in_thread(task, read_in_thread);
}

VmLogPiece *
vm_log_piece_read_finish(GAsyncResult *result, GError **error)
{
    return g_task_propagate_pointer(G_TASK(result), error);
}
