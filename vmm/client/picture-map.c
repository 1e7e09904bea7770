/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/client/picture-map.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    EDGE_MAX = 16384,
};

static gboolean
find_format(guint pixman_format, VmFormat *ret_format)
{
    static const struct {
        guint pixman;
        VmFormat format;
    } formats[] = {
        {0x20020888, VM_FORMAT_XRGB8888},
        {0x20028888, VM_FORMAT_ARGB8888},
        {0x20030888, VM_FORMAT_XBGR8888},
        {0x20038888, VM_FORMAT_ABGR8888},
    };

    for (guint i = 0; i < G_N_ELEMENTS(formats); i++) {
        if (formats[i].pixman == pixman_format) {
            *ret_format = formats[i].format;
            return TRUE;
        }
    }
    return FALSE;
}

/* The file must be as long as the picture needs and must not be able to shrink under us. */
static gboolean
file_fits(int fd, guint64 size)
{
    int seals = fcntl(fd, F_GET_SEALS);
    struct stat st;

    return seals >= 0 && (seals & F_SEAL_SHRINK) && fstat(fd, &st) == 0 && st.st_size >= 0 &&
           (guint64)st.st_size >= size;
}

gboolean
vm_picture_map_open(VmPictureMap *self, int fd, const VmPictureLayout *layout, GError **error)
{
    guint64 size = layout->offset + (guint64)layout->stride * layout->height;
    VmPictureMap map = {.size = size};

    if (layout->width == 0 || layout->width > EDGE_MAX || layout->height == 0 ||
        layout->height > EDGE_MAX || layout->stride < layout->width * 4 ||
        layout->stride % 4 != 0 || layout->offset % 4 != 0 ||
        !find_format(layout->pixman_format, &map.picture.format) || !file_fits(fd, size)) {
        g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                            "the picture does not fit its memory");
        return FALSE;
    }
    map.memory = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
    if (map.memory == MAP_FAILED) {
        g_set_error(error, G_IO_ERROR, g_io_error_from_errno(errno), "mmap: %s", g_strerror(errno));
        return FALSE;
    }
    map.fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    map.offset = layout->offset;
    map.picture.pixels = (const guint8 *)map.memory + layout->offset;
    map.picture.width = layout->width;
    map.picture.height = layout->height;
    map.picture.stride = layout->stride;
    *self = map;
    return TRUE;
}

void
vm_picture_map_close(VmPictureMap *self)
{
    if (self->memory) {
        munmap(self->memory, self->size);
        if (self->fd >= 0) {
            close(self->fd);
        }
        *self = (VmPictureMap){.memory = NULL};
    }
}
