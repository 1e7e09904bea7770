/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/devices/gpu/shown-texture.h"

#include <unistd.h>

#include "vmm/devices/gpu/on-screen.h"
#include "vmm/devices/gpu/shadow.h"
#include "vmm/devices/gpu/texture.h"

static struct rect
whole_picture(const struct scanout *scanout)
{
    return (struct rect){0, 0, scanout->rect.width, scanout->rect.height};
}

/*
 * What was drawn is in the texture from here on: reading one pixel waits for the card, and most drivers let
 * nobody else wait for it.
 */
static bool
texture_finish(struct gpu *gpu, const struct scanout *scanout)
{
    const struct rect corner = {scanout->rect.x, scanout->rect.y, 1, 1};
    uint32_t pixel;

    return texture_read(gpu, scanout->resource, &corner, &pixel, sizeof(pixel)) == 0;
}

static void
forget_at(struct gpu *gpu, unsigned int at)
{
    struct resource *resource = gpu->shown_textures[at];

    gpu->n_shown_textures--;
    for (; at < gpu->n_shown_textures; at++) {
        gpu->shown_textures[at] = gpu->shown_textures[at + 1];
    }
    display_link_remove_buffer(gpu->link, resource->buffer);
    resource->buffer = NULL;
}

static bool
is_on_scanout(const struct gpu *gpu, const struct resource *resource)
{
    for (uint32_t i = 0; i < gpu->n_scanouts; i++) {
        if (gpu->scanouts[i].shown_texture == resource) {
            return true;
        }
    }
    return false;
}

/* Each holds a descriptor: the one that was shown longest ago goes. Fewer are shown than there is room for. */
static void
make_room(struct gpu *gpu)
{
    for (unsigned int i = 0; gpu->n_shown_textures >= GPU_SHOWN_TEXTURES_MAX; i++) {
        if (!is_on_scanout(gpu, gpu->shown_textures[i])) {
            forget_at(gpu, i);
        }
    }
}

void
shown_texture_forget(struct gpu *gpu, struct resource *resource)
{
    on_screen_forget(gpu, resource);
    for (unsigned int i = 0; i < gpu->n_shown_textures; i++) {
        if (gpu->shown_textures[i] == resource) {
            forget_at(gpu, i);
            return;
        }
    }
}

/* Last in the row of those that were shown. */
static void
touch(struct gpu *gpu, struct resource *resource)
{
    unsigned int at = 0;

    while (gpu->shown_textures[at] != resource) {
        at++;
    }
    for (; at + 1 < gpu->n_shown_textures; at++) {
        gpu->shown_textures[at] = gpu->shown_textures[at + 1];
    }
    gpu->shown_textures[at] = resource;
}

static bool
layout_fits(const struct renderer_dmabuf *dmabuf, const struct resource *resource)
{
    return dmabuf->n_planes == 1 && resource_is_shown_format(dmabuf->fourcc) &&
           dmabuf->strides[0] >= (uint64_t)resource->width * BYTES_PER_PIXEL;
}

/* The display's name for it, made when there is none; NULL where there can be none. */
static struct link_buffer *
find_buffer(struct gpu *gpu, struct resource *resource)
{
    struct renderer_dmabuf dmabuf = {.fd = -1};

    if (resource->buffer) {
        touch(gpu, resource);
        return resource->buffer;
    }
    if (resource->is_not_shared || !resource->renderer->ops->export_dmabuf ||
        resource->renderer->ops->export_dmabuf(resource->renderer, resource->id, &dmabuf) < 0) {
        resource->is_not_shared = true;
        return NULL;
    }
    dmabuf.fourcc = dmabuf.fourcc ? dmabuf.fourcc : resource->format;
    const struct gpu_texture texture = {.format = dmabuf.fourcc,
                                        .width = resource->width,
                                        .height = resource->height,
                                        .stride = dmabuf.strides[0],
                                        .offset = dmabuf.offsets[0],
                                        .flags = dmabuf.y_0_top ? GPU_TEXTURE_Y_0_TOP : 0,
                                        .modifier = dmabuf.modifier};
    make_room(gpu);
    if (layout_fits(&dmabuf, resource)) {
        resource->buffer = display_link_add_texture(gpu->link, &texture, dmabuf.fd);
    }
    if (!resource->buffer) {
        close(dmabuf.fd);
        resource->is_not_shared = true;
        return NULL;
    }
    gpu->shown_textures[gpu->n_shown_textures++] = resource;
    return resource->buffer;
}

static bool
show_texture(struct gpu *gpu, uint32_t index)
{
    struct scanout *scanout = &gpu->scanouts[index];
    struct resource *resource = scanout->resource;

    if (!scanout->textures || !resource || resource->kind != RESOURCE_TEXTURE) {
        return false;
    }
    struct link_buffer *buffer = find_buffer(gpu, resource);
    if (!buffer || !texture_finish(gpu, scanout)) {
        return false;
    }
    const struct link_scanout shown = {.buffer = buffer,
                                       .width = scanout->rect.width,
                                       .height = scanout->rect.height,
                                       .x = scanout->rect.x,
                                       .y = scanout->rect.y};
    scanout->shown_texture = resource;
    scanout->waiting = (struct rect){0};
    display_link_set_scanout(gpu->link, index, &shown);
    on_screen_flip(gpu, index, resource);
    return true;
}

void
shown_texture_leave(struct gpu *gpu, uint32_t index)
{
    struct scanout *scanout = &gpu->scanouts[index];
    const struct rect all = whole_picture(scanout);

    on_screen_end(gpu, index);
    if (!scanout->shown_texture) {
        return;
    }
    scanout->shown_texture = NULL;
    scanout->busy = 1;
    for (size_t i = 0; i < ARRAY_SIZE(scanout->spare); i++) {
        scanout->spare[i].stale = all;
    }
    shadow_copy_all(gpu, scanout);
    scanout->shadow.stale = (struct rect){0};
    const struct link_scanout shown = shadow_shown(scanout);
    display_link_set_scanout(gpu->link, index, &shown);
    display_link_update(gpu->link, index, &all);
}

void
shown_texture_settle(struct gpu *gpu, uint32_t index)
{
    if (!show_texture(gpu, index)) {
        shown_texture_leave(gpu, index);
    }
}

void
shown_texture_update(struct gpu *gpu, uint32_t index, const struct rect *rect)
{
    struct scanout *scanout = &gpu->scanouts[index];

    if (!texture_finish(gpu, scanout)) {
        log_limited(&gpu->limit, LOG_LEVEL_WARNING, "A picture could not be read back");
    }
    gpu->counters.damaged_pixels += (uint64_t)rect->width * rect->height;
    display_link_update(gpu->link, index, rect);
}

void
shown_texture_tell_pixels(struct gpu *gpu, uint32_t index)
{
    struct scanout *scanout = &gpu->scanouts[index];
    struct link_scanout pixels = {0};

    if (scanout->shown_texture) {
        shadow_copy_all(gpu, scanout);
        pixels = shadow_shown(scanout);
    }
    display_link_tell_pixels(gpu->link, index, &pixels);
}
