/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The trials of virgl.h: a clear, in virgl's own words. */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "vmm/base/bytes.h"
#include "vmm/devices/gpu/virgl.h"
#include "vmm/protocol/virgl-words.h"

enum {
    CONTEXT = 1,
    PICTURE = 1, /* resource */
    SURFACE = 1, /* object of the context */
    EDGE = 16,
    SHARED_EDGE = 128, /* of more than a page */
};

static int
draw(struct renderer *renderer)
{
    uint32_t commands[] = {
        VIRGL_DRAW_TO(SURFACE, PICTURE, VIRGL_FORMAT_B8G8R8A8),
        VIRGL_CLEAR_TO(VIRGL_FLOAT_ONE, VIRGL_FLOAT_HALF, 0, VIRGL_FLOAT_ONE),
    };

    return renderer->ops->submit(renderer, CONTEXT, commands, sizeof(commands));
}

static int
read_back(struct renderer *renderer)
{
    uint8_t pixels[EDGE * EDGE * 4] = {0};
    struct iovec memory = {pixels, sizeof(pixels)};
    const struct renderer_transfer read = {
        .stride = EDGE * 4, .box = {0, 0, 0, EDGE, EDGE, 1}, .pages = &memory, .n_pages = 1};
    int r = renderer->ops->transfer(renderer, PICTURE, &read);

    for (size_t i = 0; r == 0 && i < sizeof(pixels); i += 4) {
        const uint32_t pixel = load_le32(pixels + i);

        /* Half of 255 may be rounded either way. */
        if (pixel != 0xffff7f00 && pixel != 0xffff8000) {
            r = -EIO;
        }
    }
    return r;
}

int
virgl_self_test(struct renderer *renderer)
{
    const struct renderer_context context = {.id = CONTEXT, .capset = 1, .name = "self-test"};
    const struct renderer_texture picture = {.target = VIRGL_TEXTURE_2D,
                                             .format = VIRGL_FORMAT_B8G8R8A8,
                                             .bind = VIRGL_BIND_RENDER_TARGET,
                                             .width = EDGE,
                                             .height = EDGE,
                                             .depth = 1,
                                             .array_size = 1};
    struct resource resource = {.id = PICTURE, .kind = RESOURCE_TEXTURE, .renderer = renderer};
    int r = renderer->ops->create_context(renderer, &context);

    if (r < 0) {
        return -EIO;
    }
    r = renderer->ops->create_resource(renderer, PICTURE, &picture);
    if (r == 0) {
        r = renderer->ops->attach(renderer, CONTEXT, &resource);
        if (r == 0) {
            r = draw(renderer);
        }
        if (r == 0) {
            r = read_back(renderer);
        }
        renderer->ops->detach(renderer, CONTEXT, &resource);
        renderer->ops->destroy_resource(renderer, PICTURE);
    }
    renderer->ops->destroy_context(renderer, CONTEXT);
    return r < 0 ? -EIO : 0;
}

bool
virgl_shares_textures(struct renderer *renderer)
{
    const struct renderer_texture picture = {.target = VIRGL_TEXTURE_2D,
                                             .format = VIRGL_FORMAT_B8G8R8A8,
                                             .bind = VIRGL_BIND_RENDER_TARGET,
                                             .width = SHARED_EDGE,
                                             .height = SHARED_EDGE,
                                             .depth = 1,
                                             .array_size = 1};
    struct renderer_dmabuf dmabuf;

    if (renderer->ops->create_resource(renderer, PICTURE, &picture) < 0) {
        return false;
    }
    int r = renderer->ops->export_dmabuf(renderer, PICTURE, &dmabuf);
    renderer->ops->destroy_resource(renderer, PICTURE);
    if (r < 0) {
        return false;
    }
    close(dmabuf.fd);
    /* A card that is another machine's may keep the pixels there: compositors refuse such memory. */
    return dmabuf.size >= dmabuf.offsets[0] + (uint64_t)dmabuf.strides[0] * SHARED_EDGE;
}
