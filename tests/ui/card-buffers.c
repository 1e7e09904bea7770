/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/ui/card-buffers.h"

#include <fcntl.h>
#include <gbm.h>
#include <libdrm/drm.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ui/guest-picture.h"
#include "vmm/base/cleanup.h"
#include "vmm/base/fd.h"

struct CardBuffers {
    Rig *rig;
    int node;
    struct gbm_device *device;
    GHashTable *bos; /* by number */
};

static guint
margin_of(const CardPicture *picture)
{
    return picture->kind == CARD_PART ? CARD_MARGIN : 0;
}

/* One that may be written into: gbm's own may not. */
static int export(const CardBuffers *self, struct gbm_bo *bo)
{
    struct drm_prime_handle request = {.handle = gbm_bo_get_handle(bo).u32,
                                       .flags = DRM_CLOEXEC | DRM_RDWR};

    g_assert_cmpint(ioctl(self->node, DRM_IOCTL_PRIME_HANDLE_TO_FD, &request), ==, 0);
    return request.fd;
}

/* Until the card has taken what was drawn: a virtual one reads it from the buffer's memory, some time later. */
static void
wait_for_card(int dmabuf)
{
    struct pollfd wait = {.fd = dmabuf, .events = POLLOUT};

    g_assert_cmpint(poll(&wait, 1, RIG_WAIT_MS), ==, 1);
}

static void
invert_memory(const CardBuffers *self, struct gbm_bo *bo)
{
    const gsize size = (gsize)gbm_bo_get_stride(bo) * gbm_bo_get_height(bo);
    cleanup_fd int dmabuf = export(self, bo);
    guint32 *memory;

    wait_for_card(dmabuf);
    memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, dmabuf, 0);
    g_assert_true(memory != MAP_FAILED);
    for (gsize i = 0; i < size / 4; i++) {
        memory[i] ^= 0xffffff;
    }
    munmap(memory, size);
}

static void
draw(const CardBuffers *self, struct gbm_bo *bo, const CardPicture *picture)
{
    void *handle = NULL;
    guint32 stride;
    guint8 *to = gbm_bo_map(bo, margin_of(picture), margin_of(picture), picture->width,
                            picture->height, GBM_BO_TRANSFER_WRITE, &stride, &handle);

    g_assert_nonnull(to);
    for (guint y = 0; y < picture->height; y++) {
        guint32 *row = (gpointer)(to + (gsize)y * stride);
        const guint32 *from =
            picture->pixels +
            (gsize)(picture->kind == CARD_BOTTOM_UP ? picture->height - 1 - y : y) * picture->width;
        for (guint x = 0; x < picture->width; x++) {
            row[x] = picture->kind == CARD_SWAPPED ? GUINT32_SWAP_LE_BE(from[x]) >> 8 : from[x];
        }
    }
    gbm_bo_unmap(bo, handle);
    invert_memory(self, bo);
}

void
card_buffers_draw(CardBuffers *self, guint id, const CardPicture *picture)
{
    draw(self, g_hash_table_lookup(self->bos, GUINT_TO_POINTER(id)), picture);
}

static struct gbm_bo *
create(CardBuffers *self, guint id, const CardPicture *picture)
{
    const guint margin = margin_of(picture);
    const guint32 format =
        picture->kind == CARD_SWAPPED ? GBM_FORMAT_ABGR8888 : GBM_FORMAT_XRGB8888;
    struct gbm_bo *bo =
        gbm_bo_create(self->device, picture->width + 2 * margin, picture->height + 2 * margin,
                      format, GBM_BO_USE_RENDERING | GBM_BO_USE_LINEAR);

    g_assert_nonnull(bo);
    g_hash_table_insert(self->bos, GUINT_TO_POINTER(id), bo);
    draw(self, bo, picture);
    return bo;
}

static void
show_buffer(CardBuffers *self, guint id, const CardPicture *picture)
{
    const gsize size = (gsize)picture->width * picture->height * 4;
    struct gpu_buffer message = {.header = {GPU_BUFFER, sizeof(message)}, .id = id, .size = size};
    struct gbm_bo *bo = create(self, id, picture);
    cleanup_fd int memory = fd_memory_file("unused", size);
    cleanup_fd int dmabuf = export(self, bo);

    g_assert_cmpuint(gbm_bo_get_stride(bo), ==, (guint64)picture->width * 4);
    rig_gpu_send(self->rig, &message, sizeof(message), memory);
    message.header.type = GPU_BUFFER_DMABUF;
    rig_gpu_send(self->rig, &message, sizeof(message), dmabuf);
    rig_gpu_scanout(self->rig, id, 0, picture->width, picture->height);
}

static void
show_texture(CardBuffers *self, guint id, const CardPicture *picture)
{
    const guint margin = margin_of(picture);
    struct gbm_bo *bo = create(self, id, picture);
    const struct gpu_texture texture = {
        .header = {GPU_TEXTURE, sizeof(texture)},
        .id = id,
        .format = gbm_bo_get_format(bo),
        .width = gbm_bo_get_width(bo),
        .height = gbm_bo_get_height(bo),
        .stride = gbm_bo_get_stride(bo),
        .flags = picture->kind == CARD_BOTTOM_UP ? 0 : GPU_TEXTURE_Y_0_TOP,
        .modifier = VM_DRM_IMPLICIT};
    const struct gpu_scanout scanout = {.header = {GPU_SCANOUT, sizeof(scanout)},
                                        .buffer = id,
                                        .width = picture->width,
                                        .height = picture->height,
                                        .x = margin,
                                        .y = margin};
    cleanup_fd int dmabuf = export(self, bo);

    rig_gpu_send(self->rig, &texture, sizeof(texture), dmabuf);
    rig_gpu_send(self->rig, &scanout, sizeof(scanout), -1);
}

void
card_buffers_show(CardBuffers *self, guint id, const CardPicture *picture)
{
    if (picture->kind == CARD_NO_TEXTURE) {
        show_buffer(self, id, picture);
    } else {
        show_texture(self, id, picture);
    }
}

static void
destroy_bo(gpointer bo)
{
    gbm_bo_destroy(bo);
}

CardBuffers *
card_buffers_new(Rig *rig, const char *node)
{
    CardBuffers *self = g_new0(CardBuffers, 1);

    self->rig = rig;
    self->node = open(node, O_RDWR | O_CLOEXEC);
    g_assert_cmpint(self->node, >=, 0);
    self->device = gbm_create_device(self->node);
    g_assert_nonnull(self->device);
    self->bos = g_hash_table_new_full(NULL, NULL, NULL, destroy_bo);
    return self;
}

void
card_buffers_free(CardBuffers *self)
{
    if (self) {
        g_hash_table_unref(self->bos);
        gbm_device_destroy(self->device);
        close(self->node);
        g_free(self);
    }
}
