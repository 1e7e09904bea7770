/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/model/trace-file.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vmm/client/vm-trace.h"

#define POLL_MS 50

struct _VmTraceFile {
    GObject parent_instance;
    VmConnection *connection;
    VmTrace *trace;
    char *path;
    char *part;
    FILE *file;
    guint64 start_ns;
    guint64 count;
    guint64 bytes;
    guint timer;
    GCancellable *cancellable;
};

G_DEFINE_FINAL_TYPE(VmTraceFile, vm_trace_file, G_TYPE_OBJECT)

enum {
    ENDED,
    N_SIGNALS
};
static guint signals[N_SIGNALS]; /* NOLINT(cppcoreguidelines-avoid-non-const-global-variables) */

static gboolean
is_wanted(VmTraceFile *self, const char *process)
{
    gsize length = strlen(self->part);

    return strncmp(process, self->part, length) == 0 &&
           (process[length] == '\0' || process[length] == '-');
}

static void
write_found(VmTraceFile *self)
{
    VmTraceEvent event;

    (void)vm_trace_poll(self->trace);
    while (vm_trace_next(self->trace, &event)) {
        double since = (double)(gint64)(event.time_ns - self->start_ns) / 1e9;
        if (is_wanted(self, event.process) && self->bytes < VM_TRACE_FILE_MAX) {
            int size = fprintf(self->file, "%12.6f %-12s %-10s %s\n", since, event.process,
                               event.name, event.text);
            self->bytes += (guint64)MAX(size, 0);
            self->count++;
        }
        g_free(event.text);
    }
}

static void
end(VmTraceFile *self, const char *problem)
{
    FILE *file = g_steal_pointer(&self->file);
    g_autofree char *full = NULL;

    if (!file) {
        return;
    }
    g_cancellable_cancel(self->cancellable);
    g_clear_handle_id(&self->timer, g_source_remove);
    vm_connection_trace_stop(self->connection);
    /* Both: a write that failed before is not told again by fclose(). */
    gboolean failed = ferror(file) != 0;
    if (fclose(file) != 0 || failed) {
        full = g_strdup_printf(_("“%s” could not be written to its end."), self->path);
    }
    g_object_ref(self);
    g_signal_emit(self, signals[ENDED], 0, full ? full : problem);
    g_object_unref(self);
}

static gboolean
poll_passed(gpointer data)
{
    VmTraceFile *self = VM_TRACE_FILE(data);

    write_found(self);
    if (self->bytes >= VM_TRACE_FILE_MAX) {
        end(self, _("The trace has ended: its file is 1 GiB long."));
    } else if (ferror(self->file) ||
               vm_connection_get_state(self->connection) != VM_CONNECTION_READY) {
        end(self, NULL);
    } else {
        return G_SOURCE_CONTINUE;
    }
    return G_SOURCE_REMOVE;
}

static void
trace_began(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(VmTraceFile) self = VM_TRACE_FILE(data);
    g_autoptr(GError) error = NULL;
    VmTrace *trace = vm_connection_trace_finish(VM_CONNECTION(source), result, &error);

    if (!self->file) {
        g_clear_object(&trace);
    } else if (!trace) {
        end(self, error->message);
    } else {
        self->trace = trace;
        self->timer = g_timeout_add(POLL_MS, poll_passed, self);
    }
}

static guint
events_of_devices(void)
{
    return vm_trace_find_event("kick") | vm_trace_find_event("request") |
           vm_trace_find_event("complete") | vm_trace_find_event("interrupt");
}

VmTraceFile *
vm_trace_file_new(VmConnection *connection, const char *path, const char *part, GError **error)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, S_IRUSR | S_IWUSR);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
    VmTraceFile *self = NULL;

    if (!file) {
        int saved = errno;
        g_set_error(error, G_IO_ERROR, g_io_error_from_errno(saved), _("“%s” cannot be made: %s"),
                    path, g_strerror(saved));
        if (fd >= 0) {
            close(fd);
        }
        return NULL;
    }
    self = g_object_new(VM_TYPE_TRACE_FILE, NULL);
    self->connection = g_object_ref(connection);
    self->path = g_strdup(path);
    self->part = g_strdup(part);
    self->file = file;
    self->start_ns = (guint64)g_get_monotonic_time() * 1000;
    vm_connection_trace_async(connection, events_of_devices(), self->cancellable, trace_began,
                              g_object_ref(self));
    return self;
}

void
vm_trace_file_stop(VmTraceFile *self)
{
    if (self->file && self->trace) {
        write_found(self);
    }
    end(self, NULL);
}

const char *
vm_trace_file_get_path(VmTraceFile *self)
{
    return self->path;
}

guint64
vm_trace_file_get_count(VmTraceFile *self)
{
    return self->count;
}

guint64
vm_trace_file_get_lost(VmTraceFile *self)
{
    return self->trace ? vm_trace_get_lost(self->trace) : 0;
}

static void
vm_trace_file_finalize(GObject *object)
{
    VmTraceFile *self = VM_TRACE_FILE(object);

    g_cancellable_cancel(self->cancellable);
    g_clear_object(&self->cancellable);
    g_clear_handle_id(&self->timer, g_source_remove);
    if (self->file) {
        vm_connection_trace_stop(self->connection);
        (void)fclose(self->file);
    }
    g_clear_object(&self->trace);
    g_clear_object(&self->connection);
    g_free(self->path);
    g_free(self->part);
    G_OBJECT_CLASS(vm_trace_file_parent_class)->finalize(object);
}

static void
vm_trace_file_class_init(VmTraceFileClass *klass)
{
    G_OBJECT_CLASS(klass)->finalize = vm_trace_file_finalize;
    signals[ENDED] = g_signal_new("ended", VM_TYPE_TRACE_FILE, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                  NULL, G_TYPE_NONE, 1, G_TYPE_STRING);
}

static void
vm_trace_file_init(VmTraceFile *self)
{
    self->cancellable = g_cancellable_new();
}
