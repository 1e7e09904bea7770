/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What contexts drew into, as a dmabuf of the host's graphics card. */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/devices/gpu/virgl-private.h"

/* A texture that the graphics card has, with its true layout. One descriptor for all planes. */
static int
export_texture(struct virgl *virgl, uint32_t id, struct renderer_dmabuf *ret)
{
    struct virgl_renderer_export_query query = {
        .hdr = {.stype = VIRGL_RENDERER_STRUCTURE_TYPE_EXPORT_QUERY, .size = sizeof(query)},
        .in_resource_id = id,
        .in_export_fds = 1};
    struct renderer_dmabuf dmabuf = {.fd = -1};

    memset(query.out_fds, 0xff, sizeof(query.out_fds));
    virgl->library.force_ctx_0();
    if (virgl->library.execute(&query, sizeof(query)) != 0) {
        return -EOPNOTSUPP;
    }
    const bool is_good = query.out_num_fds == 1 && query.out_fds[0] >= 0;
    for (size_t i = 0; i < ARRAY_SIZE(query.out_fds); i++) {
        if (!is_good && query.out_num_fds > i && query.out_fds[i] >= 0) {
            close(query.out_fds[i]);
        }
    }
    if (!is_good) {
        return -EOPNOTSUPP;
    }
    dmabuf.fd = query.out_fds[0];
    dmabuf.modifier = query.out_modifier;
    dmabuf.n_planes = 1;
    dmabuf.strides[0] = query.out_strides[0];
    dmabuf.offsets[0] = query.out_offsets[0];
    *ret = dmabuf;
    return 0;
}

/* Of a Vulkan context: how pixels lie in it only its program knows. */
static int
export_memory(struct virgl *virgl, uint32_t id, struct renderer_dmabuf *ret)
{
    uint32_t type;
    int fd = -1;

    if (virgl->library.resource_export_blob(id, &type, &fd) != 0 || fd < 0) {
        return -EOPNOTSUPP;
    }
    if (type != VIRGL_RENDERER_BLOB_FD_TYPE_DMABUF) {
        close(fd);
        return -EOPNOTSUPP;
    }
    *ret = (struct renderer_dmabuf){.fd = fd, .n_planes = 1};
    return 0;
}

int
virgl_export_dmabuf(struct renderer *renderer, uint32_t id, struct renderer_dmabuf *ret)
{
    struct virgl *virgl = (struct virgl *)(void *)renderer;
    struct renderer_dmabuf dmabuf;
    int r = export_texture(virgl, id, &dmabuf);

    if (r < 0) {
        r = export_memory(virgl, id, &dmabuf);
    }
    if (r < 0) {
        return r;
    }
    off_t end = fd_check_dmabuf(dmabuf.fd, 1) < 0 ? -1 : lseek(dmabuf.fd, 0, SEEK_END);
    if (end <= 0) {
        close(dmabuf.fd);
        return -EOPNOTSUPP;
    }
    dmabuf.size = (uint64_t)end;
    *ret = dmabuf;
    return 0;
}
