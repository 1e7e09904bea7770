/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Memory as a compositor's graphics card takes it: images of our own, and other contexts' resources. */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "vmm/base/bytes.h"
#include "vmm/devices/gpu/cross-domain-private.h"
#include "vmm/devices/gpu/resource.h"

int
cross_blob_send_fd(struct cross_domain *domain, struct cross_blob *blob)
{
    if (blob->wants_dmabuf && blob->dmabuf < 0 && domain->n_fds < CROSS_FDS_MAX) {
        int fd = domain->host->make_dmabuf(domain->data, blob->fd, blob->size);

        if (fd >= 0) {
            blob->dmabuf = fd;
            domain->n_fds++;
        } else {
            /* The compositor refuses the file in its place, which the guest can bear. */
            log_limited(&domain->limit, LOG_LEVEL_WARNING,
                        "An image of the guest's cannot be a dmabuf: %s", strerror(-fd));
        }
    }
    return blob->dmabuf >= 0 ? blob->dmabuf : blob->fd;
}

/* -EINVAL where the renderer says what cannot be. */
static int
export_resource(const struct resource *resource, struct renderer_dmabuf *ret)
{
    struct renderer *renderer = resource->renderer;

    /* A 2D resource's pixels come from the guest when it says so: what is exported would be old. */
    if (!renderer || !renderer->ops->export_dmabuf ||
        (resource->kind != RESOURCE_TEXTURE && resource->kind != RESOURCE_HOST_BLOB)) {
        return -EOPNOTSUPP;
    }
    int r = renderer->ops->export_dmabuf(renderer, resource->id, ret);
    if (r < 0) {
        return r;
    }
    if (ret->size == 0 || ret->n_planes == 0 || ret->n_planes > ARRAY_SIZE(ret->strides)) {
        close(ret->fd);
        return -EINVAL;
    }
    return 0;
}

int
cross_resource_send_fd(const struct resource *resource)
{
    struct renderer_dmabuf exported;
    int r = export_resource(resource, &exported);

    return r < 0 ? r : exported.fd;
}

void
cross_resource_describe(const struct resource *resource, struct cross_image *ret_image)
{
    struct renderer_dmabuf exported;

    memset(ret_image, 0, sizeof(*ret_image));
    if (!resource || export_resource(resource, &exported) < 0) {
        return;
    }
    close(exported.fd);
    for (size_t i = 0; i < exported.n_planes; i++) {
        ret_image->strides[i] = htole32(exported.strides[i]);
        ret_image->offsets[i] = htole32(exported.offsets[i]);
    }
    ret_image->modifier = htole64(exported.modifier);
    ret_image->size = htole64(exported.size);
    ret_image->blob_id = htole32(exported.n_planes);
    ret_image->map_info = htole32(exported.fourcc);
}
