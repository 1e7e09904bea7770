/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/fakes/cross-kernel.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vmm/base/fd.h"

static int
kernel_submit(void *data, const void *commands, size_t size)
{
    struct cross_kernel *kernel = data;

    return cross_rig_submit(&kernel->rig, 1, commands, size);
}

static int
kernel_query(void *data, const struct cross_get_image *command, struct cross_image *ret_image)
{
    struct cross_kernel *kernel = data;
    int r = cross_rig_submit(&kernel->rig, 1, command, sizeof(*command));

    memcpy(ret_image, cross_rig_look(&kernel->rig, CROSS_QUERY), sizeof(*ret_image));
    return r;
}

static int
kernel_poll(void *data)
{
    struct cross_kernel *kernel = data;

    if (cross_rig_poll(&kernel->rig, 1) == 1) {
        kernel->rig.n_retired++;
    }
    return 0;
}

static int
kernel_answer(void *data, uint8_t page[CROSS_PAGE_SIZE])
{
    struct cross_kernel *kernel = data;

    if (kernel->answered == kernel->rig.n_retired) {
        return 0;
    }
    kernel->answered = kernel->rig.n_retired;
    memcpy(page, cross_rig_look(&kernel->rig, CROSS_CHANNEL), CROSS_PAGE_SIZE);
    return 1;
}

static int
kernel_blob_create(void *data, uint32_t blob_id, uint64_t size, struct channel_blob *ret_blob)
{
    struct cross_kernel *kernel = data;
    struct channel_blob blob = {.resource = 3 + kernel->next_blob++, .size = size};
    uint32_t map_info;
    int fd = -1;
    int r = cross_rig_blob(&kernel->rig, 1, blob.resource, blob_id, size);

    if (r < 0) {
        return r;
    }
    r = kernel->rig.renderer->ops->export_blob(kernel->rig.renderer, blob.resource, &fd, &map_info);
    if (r < 0) {
        return r;
    }
    blob.map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    *ret_blob = blob;
    return blob.map == MAP_FAILED ? -ENOMEM : 0;
}

static void
kernel_blob_destroy(void *data, struct channel_blob *blob)
{
    struct cross_kernel *kernel = data;
    struct resource *resource = resource_find(&kernel->rig.resources, blob->resource);

    munmap(blob->map, blob->size);
    kernel->rig.renderer->ops->detach(kernel->rig.renderer, 1, resource);
    kernel->rig.renderer->ops->destroy_resource(kernel->rig.renderer, blob->resource);
    resource_destroy(&kernel->rig.resources, resource);
    *blob = (struct channel_blob){0};
}

static int
kernel_describe(void *data, uint32_t resource, struct cross_image *ret_image)
{
    struct cross_kernel *kernel = data;
    const struct cross_describe command = {
        .header = {.command = CROSS_DESCRIBE_RESOURCE, .size = htole16(sizeof(command))},
        .resource = htole32(resource)};
    int r = cross_rig_submit(&kernel->rig, 1, &command, sizeof(command));

    memcpy(ret_image, cross_rig_look(&kernel->rig, CROSS_QUERY), sizeof(*ret_image));
    return r;
}

/* The renderer that drew: rows and place are not as the client says. */
static int
drawer_export(struct renderer *renderer, uint32_t id, struct renderer_dmabuf *ret)
{
    struct cross_kernel *kernel = list_container(renderer, struct cross_kernel, drawer);

    if (id != CROSS_KERNEL_DRAWN || !kernel->exports) {
        return -EOPNOTSUPP;
    }
    *ret = (struct renderer_dmabuf){.fd = fcntl(kernel->dmabuf, F_DUPFD_CLOEXEC, 0),
                                    .size = (uint64_t)lseek(kernel->dmabuf, 0, SEEK_END),
                                    .n_planes = 1,
                                    .strides = {512},
                                    .offsets = {64},
                                    .fourcc = kernel->fourcc,
                                    .modifier = kernel->modifier ? kernel->modifier : 77};
    return 0;
}

static void
drawer_forget(struct renderer *renderer, uint32_t id)
{
    (void)renderer;
    (void)id;
}

static const struct renderer_ops drawer_ops = {.name = "drawer",
                                               .destroy_resource = drawer_forget,
                                               .detach_pages = drawer_forget,
                                               .export_dmabuf = drawer_export};

static int
kernel_import(void *data, int dmabuf, struct channel_import *ret_import)
{
    struct cross_kernel *kernel = data;
    struct cross_rig *rig = &kernel->rig;

    if (!kernel->knows_dmabufs) {
        return -EINVAL;
    }
    kernel->dmabuf = dmabuf;
    if (!resource_find(&rig->resources, CROSS_KERNEL_DRAWN)) {
        if (!cross_rig_page(rig, 1, CROSS_KERNEL_DRAWN)) {
            return -ENOMEM;
        }
        struct resource *resource = resource_find(&rig->resources, CROSS_KERNEL_DRAWN);
        kernel->drawer.ops = &drawer_ops;
        resource->kind = RESOURCE_TEXTURE;
        resource->renderer = &kernel->drawer;
    }
    kernel->imported += kernel->imported == 0; /* a handle is there or not */
    *ret_import =
        (struct channel_import){.handle = 1, .resource = CROSS_KERNEL_DRAWN, .drawn = true};
    return 0;
}

static void
kernel_import_drop(void *data, uint32_t handle)
{
    ((struct cross_kernel *)data)->imported -= handle;
}

static int
kernel_read_back(void *data, const struct channel_import *import, const struct channel_rows *rows)
{
    struct cross_kernel *kernel = data;

    (void)import;
    kernel->rows_read_back += rows->count;
    return 0;
}

static void
kernel_destroy(void *data)
{
    struct cross_kernel *kernel = data;

    fd_closep(&kernel->ready);
}

static const struct channel_ops kernel_ops = {
    .submit = kernel_submit,
    .query = kernel_query,
    .poll = kernel_poll,
    .answer = kernel_answer,
    .blob_create = kernel_blob_create,
    .blob_destroy = kernel_blob_destroy,
    .describe = kernel_describe,
    .import = kernel_import,
    .import_drop = kernel_import_drop,
    .read_back = kernel_read_back,
    .destroy = kernel_destroy,
};

struct channel
cross_kernel(struct cross_kernel *kernel)
{
    struct cross_capset capset;
    const struct renderer_capset info = {.size = sizeof(capset)};

    kernel->rig.renderer->ops->fill_capset(kernel->rig.renderer, &info, &capset);
    kernel->ready = eventfd(1, EFD_CLOEXEC);
    return (struct channel){
        .ops = &kernel_ops,
        .data = kernel,
        .fd = kernel->ready,
        .device = kernel->device,
        .makes_dmabufs = (le32toh(capset.extensions) & CROSS_EXTENSION_IMAGES) != 0,
        .sends_resources = (le32toh(capset.extensions) & CROSS_EXTENSION_DESCRIBE) != 0};
}
