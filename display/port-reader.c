/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "display/port-reader.h"

#include <errno.h>
#include <glib-unix.h>
#include <poll.h>
#include <unistd.h>

#include "vmm/base/fd.h"

enum {
    CHUNK = 64 * 1024,
    SHARED_CHUNK = 2048, /* what a terminal or pipe that says "writable" takes without blocking */
    INPUT_CHUNK = 4096,
};

struct vm_port_reader {
    VmPortReaderHost host;
    int output_fd;
    int input_fd; /* the same number for a socket */
    gboolean is_socket;
    guint64 position;
    guint output_source;
    guint input_source;
};

guint64
vm_port_reader_get_lag(const VmPortReader *self)
{
    return self->output_fd < 0 ? 0 : self->host.ring->total - self->position;
}

/* Ready at this moment; a shared descriptor must not be written to otherwise. */
static gboolean
may_write(const VmPortReader *self)
{
    struct pollfd poll_fd = {.fd = self->output_fd, .events = POLLOUT};

    return self->is_socket || (poll(&poll_fd, 1, 0) == 1 && (poll_fd.revents & POLLOUT));
}

/* Write one piece. 1: more to do, 0: done or full, -1: nobody listens. */
static int
write_piece(VmPortReader *self)
{
    const VmPortRing *ring = self->host.ring;
    gsize at = self->position % ring->size;
    gsize length = MIN(ring->total - self->position, ring->size - at);
    ssize_t n;

    length = MIN(length, self->is_socket ? CHUNK : SHARED_CHUNK);
    if (length == 0 || !may_write(self)) {
        return 0;
    }
    n = write(self->output_fd, ring->data + at, length);
    if (n < 0) {
        return errno == EAGAIN || errno == EINTR ? 0 : -1;
    }
    self->position += (guint64)n;
    return 1;
}

static int
write_pieces(VmPortReader *self)
{
    int r;

    do {
        r = write_piece(self);
    } while (r > 0);
    return r;
}

static void
stop_output(VmPortReader *self)
{
    g_clear_handle_id(&self->output_source, g_source_remove);
    if (!self->is_socket) {
        fd_closep(&self->output_fd);
        return;
    }
    self->host.gone(self->host.owner, self);
}

static gboolean
handle_writable(gint fd, GIOCondition condition, gpointer user_data)
{
    VmPortReader *self = user_data;
    int r = write_pieces(self);

    if (r == 0 && vm_port_reader_get_lag(self) > 0 && !(condition & (G_IO_HUP | G_IO_ERR))) {
        return G_SOURCE_CONTINUE;
    }
    self->output_source = 0;
    if (r < 0 || (condition & (G_IO_HUP | G_IO_ERR))) {
        stop_output(self);
    }
    return G_SOURCE_REMOVE;
}

void
vm_port_reader_wake(VmPortReader *self)
{
    if (self->output_fd < 0) {
        return;
    }
    if (write_pieces(self) < 0) {
        stop_output(self);
        return;
    }
    if (vm_port_reader_get_lag(self) > 0 && !self->output_source) {
        self->output_source =
            g_unix_fd_add(self->output_fd, G_IO_OUT | G_IO_HUP | G_IO_ERR, handle_writable, self);
    }
}

static gboolean
handle_readable(gint fd, GIOCondition condition, gpointer user_data)
{
    VmPortReader *self = user_data;
    guint8 bytes[INPUT_CHUNK];
    ssize_t n;

    /* Nothing is read before the guest is known to take at least this much. */
    if (self->host.take_input(self->host.owner, NULL, sizeof(bytes)) == 0) {
        self->input_source = 0;
        return G_SOURCE_REMOVE;
    }
    n = read(fd, bytes, sizeof(bytes));
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return G_SOURCE_CONTINUE;
    }
    if (n > 0) {
        self->host.take_input(self->host.owner, bytes, (gsize)n);
        return G_SOURCE_CONTINUE;
    }
    self->input_source = 0;
    if (!self->is_socket) {
        fd_closep(&self->input_fd);
    } else if (n < 0 || (condition & G_IO_HUP)) {
        self->host.gone(self->host.owner, self);
    } else {
        self->input_fd = -1; /* it only wants to listen from here on */
    }
    return G_SOURCE_REMOVE;
}

void
vm_port_reader_resume_input(VmPortReader *self)
{
    if (self->input_fd >= 0 && !self->input_source) {
        self->input_source =
            g_unix_fd_add(self->input_fd, G_IO_IN | G_IO_HUP | G_IO_ERR, handle_readable, self);
    }
}

void
vm_port_reader_skip(VmPortReader *self)
{
    self->position = self->host.ring->total;
}

static VmPortReader *
reader_new(const VmPortReaderHost *host, int output_fd, int input_fd, guint64 start)
{
    VmPortReader *self = g_new0(VmPortReader, 1);

    self->host = *host;
    self->output_fd = output_fd;
    self->input_fd = input_fd;
    self->position = start;
    vm_port_reader_resume_input(self);
    return self;
}

VmPortReader *
vm_port_reader_new_socket(const VmPortReaderHost *host, int fd, guint64 start)
{
    VmPortReader *self = reader_new(host, fd, fd, start);

    self->is_socket = TRUE;
    return self;
}

VmPortReader *
vm_port_reader_new_own(const VmPortReaderHost *host, int output_fd, int input_fd)
{
    return reader_new(host, output_fd, input_fd, host->ring->total);
}

void
vm_port_reader_free(VmPortReader *self)
{
    g_clear_handle_id(&self->output_source, g_source_remove);
    g_clear_handle_id(&self->input_source, g_source_remove);
    if (!self->is_socket) {
        fd_closep(&self->input_fd);
    }
    fd_closep(&self->output_fd);
    g_free(self);
}
