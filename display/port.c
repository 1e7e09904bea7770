/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "display/port.h"

#include <errno.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "display/port-reader.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/protocol/history.h"

enum {
    READ_CHUNK = 64 * 1024,
    INPUT_MAX = 64 * 1024, /* bytes for the guest that may wait here */
    OUTPUT_LAG_MAX = 1 << 20,
};

struct _VmPort {
    GObject parent_instance;
    char name[START_NAME_SIZE];
    char label[START_NAME_SIZE];
    int stream_fd;
    guint stream_source;
    struct history *history;
    guint8 *ring_data;
    VmPortRing ring;
    VmPortReader *own; /* the port's own output and input */
    gint64 own_moved;  /* when its output last made progress, in us */
    guint64 own_lag;
    guint patience_timer;
    GPtrArray *readers;
    GByteArray *input; /* waits for the guest */
    guint input_source;
};

G_DEFINE_FINAL_TYPE(VmPort, vm_port, G_TYPE_OBJECT)

static void read_stream(VmPort *self, gboolean on);

static void
append(VmPort *self, const guint8 *bytes, gsize size)
{
    struct history *history = self->history;
    guint64 total = self->ring.total;

    for (gsize done = 0; done < size;) {
        gsize at = (total + done) % HISTORY_SIZE;
        gsize length = MIN(size - done, HISTORY_SIZE - at);

        memcpy(history->data + at, bytes + done, length);
        done += length;
    }
    for (gsize done = 0; done < size;) {
        gsize at = (total + done) % self->ring.size;
        gsize length = MIN(size - done, self->ring.size - at);

        memcpy(self->ring_data + at, bytes + done, length);
        done += length;
    }
    self->ring.total = total + size;
    __atomic_store_n(&history->total, self->ring.total, __ATOMIC_RELEASE);
}

static void
wake_readers(VmPort *self)
{
    /* From the end: a reader may take itself out. */
    for (guint i = self->readers->len; i > 0; i--) {
        vm_port_reader_wake(g_ptr_array_index(self->readers, i - 1));
    }
    for (guint i = self->readers->len; i > 0; i--) {
        VmPortReader *reader = g_ptr_array_index(self->readers, i - 1);

        if (vm_port_reader_get_lag(reader) > VM_PORT_LAG_MAX - 2 * READ_CHUNK) {
            log_warning("%s: a reader is too far behind, disconnected", self->name);
            g_ptr_array_remove_index(self->readers, i - 1);
        }
    }
}

/* The port's own output is too far behind: the guest waits, but not for ever. */
static gboolean
check_patience(gpointer user_data)
{
    VmPort *self = VM_PORT(user_data);
    guint64 lag = vm_port_reader_get_lag(self->own);
    gint64 now = g_get_monotonic_time();

    if (lag < self->own_lag) {
        self->own_moved = now;
    }
    self->own_lag = lag;
    if (lag > OUTPUT_LAG_MAX &&
        now - self->own_moved < (gint64)VM_PORT_OUTPUT_PATIENCE_S * G_USEC_PER_SEC) {
        return G_SOURCE_CONTINUE;
    }
    if (lag > OUTPUT_LAG_MAX) {
        log_warning("%s: nobody takes its output, %" G_GUINT64_FORMAT " bytes left out", self->name,
                    lag);
        vm_port_reader_skip(self->own);
    }
    self->patience_timer = 0;
    read_stream(self, TRUE);
    return G_SOURCE_REMOVE;
}

static void
be_patient(VmPort *self)
{
    if (vm_port_reader_get_lag(self->own) <= OUTPUT_LAG_MAX || self->patience_timer) {
        return;
    }
    read_stream(self, FALSE);
    self->own_lag = vm_port_reader_get_lag(self->own);
    self->own_moved = g_get_monotonic_time();
    self->patience_timer = g_timeout_add(20, check_patience, self);
}

/* Bytes read, 0 when there are none now, -1 at the end. */
static ssize_t
read_some(VmPort *self)
{
    guint8 bytes[READ_CHUNK / 8];
    ssize_t n = read(self->stream_fd, bytes, sizeof(bytes));

    if (n > 0) {
        append(self, bytes, (gsize)n);
        return n;
    }
    return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

static gboolean
handle_stream(gint fd, GIOCondition condition, gpointer user_data)
{
    VmPort *self = VM_PORT(user_data);
    ssize_t total = 0;
    ssize_t n;

    do {
        n = read_some(self);
        total += MAX(n, 0);
    } while (n > 0 && total < READ_CHUNK);
    vm_port_reader_wake(self->own);
    wake_readers(self);
    if (n < 0) {
        log_debug("%s: closed by the guest's side", self->name);
        self->stream_source = 0;
        return G_SOURCE_REMOVE;
    }
    be_patient(self);
    return self->stream_source ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

static void
read_stream(VmPort *self, gboolean on)
{
    if (on && !self->stream_source && self->stream_fd >= 0) {
        self->stream_source =
            g_unix_fd_add(self->stream_fd, G_IO_IN | G_IO_HUP | G_IO_ERR, handle_stream, self);
    } else if (!on) {
        g_clear_handle_id(&self->stream_source, g_source_remove);
    }
}

static gboolean
handle_input_room(gint fd, GIOCondition condition, gpointer user_data)
{
    VmPort *self = VM_PORT(user_data);
    ssize_t n = write(fd, self->input->data, self->input->len);

    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return G_SOURCE_CONTINUE;
    }
    g_byte_array_remove_range(self->input, 0, n < 0 ? self->input->len : (guint)n);
    if (self->input->len > 0) {
        return G_SOURCE_CONTINUE;
    }
    self->input_source = 0;
    vm_port_reader_resume_input(self->own);
    for (guint i = 0; i < self->readers->len; i++) {
        vm_port_reader_resume_input(g_ptr_array_index(self->readers, i));
    }
    return G_SOURCE_REMOVE;
}

static gsize
take_input(gpointer owner, const guint8 *bytes, gsize size)
{
    VmPort *self = VM_PORT(owner);

    if (self->input->len + size > INPUT_MAX) {
        return 0;
    }
    if (bytes && self->stream_fd >= 0) {
        g_byte_array_append(self->input, bytes, (guint)size);
        if (!self->input_source) {
            self->input_source = g_unix_fd_add(self->stream_fd, G_IO_OUT | G_IO_HUP | G_IO_ERR,
                                               handle_input_room, self);
        }
    }
    return size;
}

static void
handle_gone(gpointer owner, VmPortReader *reader)
{
    g_ptr_array_remove(VM_PORT(owner)->readers, reader);
}

static VmPortReaderHost
host_of(VmPort *self)
{
    return (VmPortReaderHost){
        .ring = &self->ring, .take_input = take_input, .gone = handle_gone, .owner = self};
}

static void
vm_port_finalize(GObject *object)
{
    VmPort *self = VM_PORT(object);

    g_clear_handle_id(&self->stream_source, g_source_remove);
    g_clear_handle_id(&self->input_source, g_source_remove);
    g_clear_handle_id(&self->patience_timer, g_source_remove);
    g_clear_pointer(&self->readers, g_ptr_array_unref);
    g_clear_pointer(&self->own, vm_port_reader_free);
    g_clear_pointer(&self->input, g_byte_array_unref);
    if (self->history) {
        munmap(self->history, sizeof(*self->history));
    }
    if (self->ring_data) {
        munmap(self->ring_data, self->ring.size);
    }
    fd_closep(&self->stream_fd);
    G_OBJECT_CLASS(vm_port_parent_class)->finalize(object);
}

static void
vm_port_class_init(VmPortClass *klass)
{
    G_OBJECT_CLASS(klass)->finalize = vm_port_finalize;
}

static void
vm_port_init(VmPort *self)
{
    self->stream_fd = -1;
    self->input = g_byte_array_new();
    self->readers =
        g_ptr_array_new_with_free_func((GDestroyNotify)(void (*)(void))vm_port_reader_free);
}

/* The ring starts with what an earlier display process left in the history. */
static gboolean
open_memory(VmPort *self, int history_fd, GError **error)
{
    void *history = MAP_FAILED;
    void *ring;
    guint64 kept;

    if (fd_check_memory_file(history_fd, sizeof(struct history)) == 0) {
        history =
            mmap(NULL, sizeof(struct history), PROT_READ | PROT_WRITE, MAP_SHARED, history_fd, 0);
    }
    if (history == MAP_FAILED) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                    "the history of %s is no memory file", self->name);
        return FALSE;
    }
    self->history = history;
    ring = mmap(NULL, VM_PORT_LAG_MAX, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (ring == MAP_FAILED) {
        g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_NO_SPACE, "no memory for a port");
        return FALSE;
    }
    self->ring_data = ring;
    self->ring.data = ring;
    self->ring.size = VM_PORT_LAG_MAX;
    self->ring.total = self->history->total;
    kept = MIN(self->ring.total, HISTORY_SIZE);
    for (guint64 n = self->ring.total - kept; n < self->ring.total; n++) {
        self->ring_data[n % VM_PORT_LAG_MAX] = self->history->data[n % HISTORY_SIZE];
    }
    return TRUE;
}

VmPort *
vm_port_new(const struct display_chardev *setup, GError **error)
{
    g_autoptr(VmPort) self = g_object_new(VM_TYPE_PORT, NULL);
    cleanup_fd int history_fd = setup->history_fd;
    VmPortReaderHost host = host_of(self);

    g_strlcpy(self->name, setup->name, sizeof(self->name));
    g_strlcpy(self->label, setup->label, sizeof(self->label));
    self->stream_fd = setup->stream_fd;
    if (!open_memory(self, history_fd, error)) {
        return NULL;
    }
    self->own = vm_port_reader_new_own(&host, setup->output_fd, setup->input_fd);
    if (self->stream_fd >= 0 && fd_set_nonblocking(self->stream_fd) == 0) {
        read_stream(self, TRUE);
    }
    return g_steal_pointer(&self);
}

const char *
vm_port_get_name(VmPort *self)
{
    g_return_val_if_fail(VM_IS_PORT(self), NULL);
    return self->name;
}

const char *
vm_port_get_label(VmPort *self)
{
    g_return_val_if_fail(VM_IS_PORT(self), NULL);
    return self->label;
}

gboolean
vm_port_add_reader(VmPort *self, int fd, GError **error)
{
    cleanup_fd int socket = fd;
    VmPortReaderHost host = host_of(self);
    VmPortReader *reader;

    g_return_val_if_fail(VM_IS_PORT(self), FALSE);
    if (self->readers->len >= VM_PORT_READERS_MAX) {
        g_set_error(error, G_DBUS_ERROR, G_DBUS_ERROR_LIMITS_EXCEEDED, "%s has %d readers already",
                    self->name, VM_PORT_READERS_MAX);
        return FALSE;
    }
    if (fd_set_nonblocking(socket) < 0) {
        g_set_error_literal(error, G_DBUS_ERROR, G_DBUS_ERROR_INVALID_ARGS, "not a stream");
        return FALSE;
    }
    reader = vm_port_reader_new_socket(&host, take_fd(&socket),
                                       self->ring.total - MIN(self->ring.total, HISTORY_SIZE));
    g_ptr_array_add(self->readers, reader);
    vm_port_reader_wake(reader);
    return TRUE;
}

void
vm_port_drain(VmPort *self, guint limit_ms)
{
    gint64 end = g_get_monotonic_time() + (gint64)limit_ms * 1000;

    g_return_if_fail(VM_IS_PORT(self));
    while (g_get_monotonic_time() < end) {
        gboolean room = vm_port_reader_get_lag(self->own) < OUTPUT_LAG_MAX;
        ssize_t n = room && self->stream_fd >= 0 ? read_some(self) : 0;

        vm_port_reader_wake(self->own);
        wake_readers(self);
        if (n <= 0 && vm_port_reader_get_lag(self->own) == 0) {
            return;
        }
        if (n <= 0) {
            g_usleep(1000);
        }
    }
}

void
vm_port_flush_readers(VmPort *self, guint limit_ms)
{
    gint64 end = g_get_monotonic_time() + (gint64)limit_ms * 1000;
    guint64 lag;

    g_return_if_fail(VM_IS_PORT(self));
    do {
        lag = 0;
        wake_readers(self);
        for (guint i = 0; i < self->readers->len; i++) {
            lag += vm_port_reader_get_lag(g_ptr_array_index(self->readers, i));
        }
        if (lag > 0) {
            g_usleep(1000);
        }
    } while (lag > 0 && g_get_monotonic_time() < end);
}
