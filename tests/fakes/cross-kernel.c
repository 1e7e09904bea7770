/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/fakes/cross-kernel.h"

#include <errno.h>
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

static void
kernel_destroy(void *data)
{
    struct cross_kernel *kernel = data;

    fd_closep(&kernel->ready);
}

static const struct channel_ops kernel_ops = {
    kernel_submit,      kernel_query,        kernel_poll,   kernel_answer,
    kernel_blob_create, kernel_blob_destroy, kernel_destroy};

struct channel
cross_kernel(struct cross_kernel *kernel)
{
    kernel->ready = eventfd(1, EFD_CLOEXEC);
    return (struct channel){&kernel_ops, kernel, kernel->ready};
}
