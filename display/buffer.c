/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "display/buffer.h"

#include <errno.h>
#include <gio/gio.h>
#include <sys/mman.h>

#include "vmm/base/fd.h"

VmBuffer *
vm_buffer_new(int fd, guint64 size, GError **error)
{
    cleanup_fd int file = fd;
    void *data;
    VmBuffer *self;

    if (size == 0 || size > VM_BUFFER_SIZE_MAX || fd_check_memory_file(file, size) < 0) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                    "a buffer of %" G_GUINT64_FORMAT " bytes is not a sealed memory file of that "
                    "size",
                    size);
        return NULL;
    }
    data = mmap(NULL, size, PROT_READ, MAP_SHARED, file, 0);
    if (data == MAP_FAILED) {
        g_set_error(error, G_IO_ERROR, g_io_error_from_errno(errno), "mmap: %s", g_strerror(errno));
        return NULL;
    }
    self = g_atomic_rc_box_new0(VmBuffer);
    self->fd = take_fd(&file);
    self->dmabuf = -1;
    self->data = data;
    self->size = size;
    return self;
}

gboolean
vm_buffer_set_dmabuf(VmBuffer *self, int dmabuf)
{
    cleanup_fd int file = dmabuf;

    if (self->dmabuf >= 0 || fd_check_dmabuf(file, self->size) < 0) {
        return FALSE;
    }
    self->dmabuf = take_fd(&file);
    return TRUE;
}

VmBuffer *
vm_buffer_ref(VmBuffer *self)
{
    return g_atomic_rc_box_acquire(self);
}

static void
buffer_clear(gpointer data)
{
    VmBuffer *self = data;

    munmap((void *)self->data, self->size);
    fd_closep(&self->fd);
    fd_closep(&self->dmabuf);
}

void
vm_buffer_unref(VmBuffer *self)
{
    g_atomic_rc_box_release_full(self, buffer_clear);
}
