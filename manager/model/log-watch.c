/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/model/log-watch.h"

#include <gio/gio.h>
#include <string.h>

#define READ_MAX 65536 /* at once; what comes faster is not errors of a machine of ours */

struct VmLogWatch {
    GFile *file;
    GFileMonitor *monitor;
    goffset offset; /* known up to here */
    VmLogError told;
    gpointer data;
};

static goffset
size_of(GFile *file)
{
    g_autoptr(GFileInfo) info =
        g_file_query_info(file, G_FILE_ATTRIBUTE_STANDARD_SIZE, G_FILE_QUERY_INFO_NONE, NULL, NULL);

    return info ? g_file_info_get_size(info) : 0;
}

/* Whole lines; the rest comes with the next change. */
static void
tell_lines(VmLogWatch *self, const char *bytes, gsize size)
{
    const char *end = NULL;

    while ((end = memchr(bytes, '\n', size))) {
        gsize length = (gsize)(end - bytes);
        g_autoptr(VmLogLine) line = vm_log_line_new(bytes, length);
        if (line->level == VM_LOG_ERROR) {
            self->told(line, self->data);
        }
        self->offset += (goffset)length + 1;
        bytes = end + 1;
        size -= length + 1;
    }
}

static void
file_changed(VmLogWatch *self)
{
    g_autoptr(GFileInputStream) stream = g_file_read(self->file, NULL, NULL);
    g_autoptr(GByteArray) bytes = g_byte_array_set_size(g_byte_array_new(), READ_MAX);
    goffset size = size_of(self->file);
    gssize got = 0;

    if (size < self->offset) {
        self->offset = 0; /* it was put aside, and a new one begun */
    } else if (size > self->offset + READ_MAX) {
        self->offset = size - READ_MAX;
    }
    if (stream && g_seekable_seek(G_SEEKABLE(stream), self->offset, G_SEEK_SET, NULL, NULL)) {
        got = g_input_stream_read(G_INPUT_STREAM(stream), bytes->data, READ_MAX, NULL, NULL);
    }
    if (got > 0) {
        tell_lines(self, (const char *)bytes->data, (gsize)got);
    }
}

VmLogWatch *
vm_log_watch_new(const char *path, VmLogError told, gpointer data)
{
    VmLogWatch *self = g_new0(VmLogWatch, 1);

    self->file = g_file_new_for_path(path);
    self->monitor = g_file_monitor_file(self->file, G_FILE_MONITOR_NONE, NULL, NULL);
    self->told = told;
    self->data = data;
    self->offset = size_of(self->file);
    if (!self->monitor) {
        vm_log_watch_free(self);
        return NULL;
    }
    g_signal_connect_swapped(self->monitor, "changed", G_CALLBACK(file_changed), self);
    return self;
}

void
vm_log_watch_free(VmLogWatch *self)
{
    if (self->monitor) {
        g_signal_handlers_disconnect_by_data(self->monitor, self);
        g_file_monitor_cancel(self->monitor);
        g_object_unref(self->monitor);
    }
    g_object_unref(self->file);
    g_free(self);
}
