/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/client/picture-map.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    EDGE_MAX = 16384,
};

/* A number of pixman's or of DRM's. */
static gboolean
find_format(guint number, VmFormat *ret_format)
{
    static const struct {
        guint pixman;
        guint drm;
        VmFormat format;
    } formats[] = {
        {0x20020888, 0x34325258, VM_FORMAT_XRGB8888},
        {0x20028888, 0x34325241, VM_FORMAT_ARGB8888},
        {0x20030888, 0x34324258, VM_FORMAT_XBGR8888},
        {0x20038888, 0x34324241, VM_FORMAT_ABGR8888},
    };

    for (guint i = 0; i < G_N_ELEMENTS(formats); i++) {
        if (formats[i].pixman == number || formats[i].drm == number) {
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

/* Nothing but a dmabuf knows this pair of calls. */
static gboolean
is_dmabuf(int fd)
{
    struct dma_buf_sync sync = {.flags = DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ};

    if (ioctl(fd, DMA_BUF_IOCTL_SYNC, &sync) < 0) {
        return FALSE;
    }
    sync.flags = DMA_BUF_SYNC_END | DMA_BUF_SYNC_READ;
    return ioctl(fd, DMA_BUF_IOCTL_SYNC, &sync) == 0;
}

/* Of a dmabuf, which keeps its length. */
static gboolean
is_so_long(int fd, guint64 size)
{
    off_t end = lseek(fd, 0, SEEK_END);

    return end >= 0 && (guint64)end >= size;
}

static gboolean
map_file(VmPictureMap *self, int fd, const VmPictureLayout *layout, gboolean dmabuf, GError **error)
{
    guint64 size = layout->offset + (guint64)layout->stride * layout->height;
    VmPictureMap map = {.size = size, .dmabuf = dmabuf};

    if (layout->width == 0 || layout->width > EDGE_MAX || layout->height == 0 ||
        layout->height > EDGE_MAX || layout->stride < layout->width * 4 ||
        layout->stride % 4 != 0 || layout->offset % 4 != 0 ||
        !find_format(layout->pixman_format, &map.picture.format) ||
        !(dmabuf ? is_dmabuf(fd) && is_so_long(fd, size) : file_fits(fd, size))) {
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

gboolean
vm_picture_map_open(VmPictureMap *self, int fd, const VmPictureLayout *layout, GError **error)
{
    return map_file(self, fd, layout, FALSE, error);
}

gboolean
vm_picture_map_open_dmabuf(VmPictureMap *self, int fd, const VmPictureLayout *layout,
                           GError **error)
{
    return map_file(self, fd, layout, TRUE, error);
}

gboolean
vm_picture_map_is_taken(const VmTexture *texture, VmTextures takes)
{
    if (texture->modifier == VM_MODIFIER_IMPLICIT) {
        return takes == VM_TEXTURES_FULL_LENGTH || takes == VM_TEXTURES_ALL;
    }
    return takes != VM_TEXTURES_NONE && texture->modifier == VM_MODIFIER_LINEAR;
}

gboolean
vm_picture_map_open_texture(VmPictureMap *self, const VmTexture *texture, guint width, guint height,
                            GError **error)
{
    VmPictureMap map = {.dmabuf = TRUE, .texture = *texture};

    if (width == 0 || height == 0 || texture->width > EDGE_MAX || texture->height > EDGE_MAX ||
        (guint64)texture->x + width > texture->width ||
        (guint64)texture->y + height > texture->height ||
        texture->stride < (guint64)texture->width * 4 ||
        texture->offset + (guint64)texture->stride * texture->height > G_MAXINT32 ||
        !find_format(texture->fourcc, &map.picture.format) || !is_dmabuf(texture->fd)) {
        g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                            "the texture is no picture");
        return FALSE;
    }
    map.fd = fcntl(texture->fd, F_DUPFD_CLOEXEC, 0);
    if (map.fd < 0) {
        g_set_error(error, G_IO_ERROR, g_io_error_from_errno(errno), "fcntl: %s",
                    g_strerror(errno));
        return FALSE;
    }
    map.texture.fd = map.fd;
    map.offset = texture->offset;
    map.picture.width = width;
    map.picture.height = height;
    map.picture.stride = texture->stride;
    *self = map;
    return TRUE;
}

gboolean
vm_picture_map_has_length(const VmTexture *texture)
{
    return is_so_long(texture->fd, texture->offset + (guint64)texture->stride * texture->height);
}

void
vm_picture_map_close(VmPictureMap *self)
{
    if (self->memory) {
        munmap(self->memory, self->size);
    }
    if (self->picture.width > 0 && self->fd >= 0) {
        close(self->fd);
    }
    *self = (VmPictureMap){.memory = NULL};
}
