/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "display/picture.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "vmm/base/fd.h"

enum {
    SAMPLES_MAX = 4, /* per axis and pixel of the copy: bounds the work for huge pictures */
    PPM_HEADER_MAX = 64,
};

/* A memory file that is being written. */
struct sink {
    int fd;
    guint8 *data;
    gsize size;
};

static gboolean
sink_open(struct sink *sink, gsize size, GError **error)
{
    void *data;

    sink->fd = fd_memory_file("picture", size);
    if (sink->fd < 0) {
        g_set_error(error, G_IO_ERROR, g_io_error_from_errno(-sink->fd), "memfd: %s",
                    g_strerror(-sink->fd));
        return FALSE;
    }
    data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, sink->fd, 0);
    if (data == MAP_FAILED) {
        g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_NO_SPACE, "no memory for a picture");
        fd_closep(&sink->fd);
        return FALSE;
    }
    sink->data = data;
    sink->size = size;
    return TRUE;
}

static void
fit(const VmScanout *scanout, guint max_width, guint max_height, VmPictureFile *file)
{
    guint64 width = scanout->width;
    guint64 height = scanout->height;

    max_width = max_width ? MIN(max_width, VM_PICTURE_EDGE_MAX) : VM_PICTURE_EDGE_MAX;
    max_height = max_height ? MIN(max_height, VM_PICTURE_EDGE_MAX) : VM_PICTURE_EDGE_MAX;
    if (width > max_width) {
        height = MAX(height * max_width / width, 1);
        width = max_width;
    }
    if (height > max_height) {
        width = MAX(width * max_height / height, 1);
        height = max_height;
    }
    file->width = (guint)width;
    file->height = (guint)height;
    file->stride = (guint)width * 4;
}

static gboolean
is_bgr(guint32 fourcc)
{
    return (fourcc & 0xff00) == ('B' << 8);
}

static guint32
load_pixel(const VmScanout *scanout, guint x, guint y)
{
    guint32 pixel;

    memcpy(&pixel,
           scanout->buffer->data + scanout->offset + (gsize)y * scanout->stride + (gsize)x * 4,
           sizeof(pixel));
    if (is_bgr(scanout->fourcc)) {
        pixel = (pixel & 0xff00) | (pixel & 0xff) << 16 | (pixel >> 16 & 0xff);
    }
    return pixel & 0xffffff;
}

/* The mean of up to SAMPLES_MAX x SAMPLES_MAX pixels of the source rectangle. */
static guint32
mean_pixel(const VmScanout *scanout, const VmRect *rect)
{
    guint across = (guint)CLAMP(rect->width, 1, SAMPLES_MAX);
    guint down = (guint)CLAMP(rect->height, 1, SAMPLES_MAX);
    guint red = 0;
    guint green = 0;
    guint blue = 0;
    guint count = MAX(across * down, 1);

    for (guint i = 0; i < count; i++) {
        guint x = (guint)rect->x + (i % across) * (guint)rect->width / across;
        guint y = (guint)rect->y + (i / across) * (guint)rect->height / down;
        guint32 pixel = load_pixel(scanout, x, y);

        red += pixel >> 16;
        green += pixel >> 8 & 0xff;
        blue += pixel & 0xff;
    }
    red /= count;
    green /= count;
    blue /= count;
    return red << 16 | green << 8 | blue;
}

static void
copy_row(const VmScanout *scanout, const VmPictureFile *file, guint row, guint8 *to)
{
    guint64 top = (guint64)row * scanout->height / file->height;
    guint64 bottom = (guint64)(row + 1) * scanout->height / file->height;
    VmRect rect = {.y = (gint)top, .height = (gint)MAX(bottom - top, 1)};

    for (guint x = 0; x < file->width; x++) {
        guint64 left = (guint64)x * scanout->width / file->width;
        guint64 right = (guint64)(x + 1) * scanout->width / file->width;
        guint32 pixel;

        rect.x = (gint)left;
        rect.width = (gint)MAX(right - left, 1);
        pixel = mean_pixel(scanout, &rect);
        memcpy(to + (gsize)x * 4, &pixel, sizeof(pixel));
    }
}

static gboolean
check_shown(const VmScanout *scanout, GError **error)
{
    if (!scanout->buffer || !scanout->buffer->data) {
        g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "nothing is shown yet");
        return FALSE;
    }
    return TRUE;
}

gboolean
vm_picture_copy(const VmScanout *scanout, guint max_width, guint max_height,
                VmPictureFile *ret_file, GError **error)
{
    VmPictureFile file;
    struct sink sink;

    if (!check_shown(scanout, error)) {
        return FALSE;
    }
    fit(scanout, max_width, max_height, &file);
    if (!sink_open(&sink, (gsize)file.stride * file.height, error)) {
        return FALSE;
    }
    for (guint row = 0; row < file.height; row++) {
        copy_row(scanout, &file, row, sink.data + (gsize)row * file.stride);
    }
    munmap(sink.data, sink.size);
    file.fd = sink.fd;
    *ret_file = file;
    return TRUE;
}

int
vm_picture_write_ppm(const VmScanout *scanout, GError **error)
{
    char header[PPM_HEADER_MAX];
    VmPictureFile file;
    struct sink sink;
    gsize length;
    guint8 *at;

    if (!check_shown(scanout, error)) {
        return -1;
    }
    fit(scanout, 0, 0, &file);
    length = (gsize)snprintf(header, sizeof(header), "P6\n%u %u\n255\n", file.width, file.height);
    if (!sink_open(&sink, length + (gsize)file.width * file.height * 3, error)) {
        return -1;
    }
    memcpy(sink.data, header, length);
    at = sink.data + length;
    for (guint i = 0; i < file.width * file.height; i++) {
        guint32 pixel =
            load_pixel(scanout, (guint)((guint64)(i % file.width) * scanout->width / file.width),
                       (guint)((guint64)(i / file.width) * scanout->height / file.height));

        *at++ = (guint8)(pixel >> 16);
        *at++ = (guint8)(pixel >> 8);
        *at++ = (guint8)pixel;
    }
    munmap(sink.data, sink.size);
    return sink.fd;
}
