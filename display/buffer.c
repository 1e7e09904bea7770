/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "display/buffer.h"

#include <errno.h>
#include <gio/gio.h>
#include <sys/mman.h>

#include "display/screen.h"
#include "vmm/base/bytes.h"
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

static gboolean
texture_fits(const struct gpu_texture *texture)
{
    guint64 length;
    guint64 end;

    return texture->width > 0 && texture->width <= GPU_EDGE_MAX && texture->height > 0 &&
           texture->height <= GPU_EDGE_MAX && texture->stride >= texture->width * 4 &&
           (texture->flags & ~(guint32)GPU_TEXTURE_Y_0_TOP) == 0 &&
           vm_screen_pixman_format(texture->format) != 0 &&
           mul_fits(texture->stride, texture->height, &length) &&
           add_fits(texture->offset, length, &end) && end <= VM_BUFFER_SIZE_MAX;
}

VmBuffer *
vm_buffer_new_texture(int dmabuf, const struct gpu_texture *texture, GError **error)
{
    cleanup_fd int file = dmabuf;
    VmBuffer *self;

    if (!texture_fits(texture) || fd_check_dmabuf(file, 1) < 0) {
        g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                            "a texture that is no dmabuf, or with impossible numbers");
        return NULL;
    }
    self = g_atomic_rc_box_new0(VmBuffer);
    self->fd = -1;
    self->dmabuf = take_fd(&file);
    self->texture = *texture;
    return self;
}

gboolean
vm_buffer_set_dmabuf(VmBuffer *self, int dmabuf)
{
    cleanup_fd int file = dmabuf;

    if (self->dmabuf >= 0 || !self->data || fd_check_dmabuf(file, self->size) < 0) {
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

    if (self->data) {
        munmap((void *)self->data, self->size);
    }
    fd_closep(&self->fd);
    fd_closep(&self->dmabuf);
}

void
vm_buffer_unref(VmBuffer *self)
{
    g_atomic_rc_box_release_full(self, buffer_clear);
}
