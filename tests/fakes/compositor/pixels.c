/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/fakes/compositor/compositor.h"

bool
pixels_begin(struct wl_resource *buffer, struct pixels *ret)
{
    struct wl_shm_buffer *shm = buffer ? wl_shm_buffer_get(buffer) : NULL;

    if (!shm) {
        return buffer && dmabuf_pixels(buffer, ret);
    }
    *ret = (struct pixels){.shm = shm,
                           .data = wl_shm_buffer_get_data(shm),
                           .stride = (size_t)wl_shm_buffer_get_stride(shm),
                           .width = wl_shm_buffer_get_width(shm),
                           .height = wl_shm_buffer_get_height(shm),
                           .format = wl_shm_buffer_get_format(shm)};
    wl_shm_buffer_begin_access(shm);
    return true;
}

void
pixels_end(struct pixels *pixels)
{
    if (pixels->shm) {
        wl_shm_buffer_end_access(pixels->shm);
    } else {
        dmabuf_sync(pixels->dmabuf, false);
    }
}

uint32_t
pixels_argb(const struct pixels *pixels, int x, int y)
{
    uint32_t pixel =
        ((const uint32_t *)(const void *)(pixels->data + (size_t)y * pixels->stride))[x];

    switch (pixels->format) {
    case WL_SHM_FORMAT_ARGB8888:
        return pixel;
    case WL_SHM_FORMAT_XRGB8888:
        return pixel | 0xff000000;
    default: /* XBGR8888, ABGR8888 */
        pixel = (pixel & 0xff00ff00) | (pixel & 0xff) << 16 | (pixel >> 16 & 0xff);
        return pixels->format == WL_SHM_FORMAT_XBGR8888 ? pixel | 0xff000000 : pixel;
    }
}
