/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What contexts drew into, as a dmabuf of the host's graphics card. */

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/devices/gpu/virgl-private.h"

enum {
    /* Of CREATE_3D's flags: its first row is the guest's top one, which the library then stores last. */
    RESOURCE_Y_0_TOP = 1 << 0,
};

/* Of virglrenderer built with minigbm, which makes such textures: one descriptor for all planes. */
static int
export_buffer(struct virgl *virgl, uint32_t id, struct renderer_dmabuf *ret)
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

/*
 * A texture of OpenGL's. Its pixels may lie in another order than the guest asked for: GL has RGBA where
 * virgl has BGRA. The layout is what the memory itself says: nobody names a modifier.
 */
static int
export_texture(struct virgl *virgl, uint32_t id, struct renderer_dmabuf *ret)
{
    struct virgl_renderer_resource_info info = {0};
    int fd = -1;
    int stride = 0;
    int offset = 0;

    virgl->library.force_ctx_0();
    if (id > INT_MAX || virgl->library.resource_get_info((int)id, &info) != 0 || info.tex_id == 0 ||
        info.drm_fourcc == 0 ||
        virgl->library.get_fd_for_texture2(info.tex_id, &fd, &stride, &offset) != 0 || fd < 0) {
        return -EOPNOTSUPP;
    }
    if (stride <= 0 || offset < 0) {
        close(fd);
        return -EOPNOTSUPP;
    }
    *ret = (struct renderer_dmabuf){.fd = fd,
                                    .fourcc = (uint32_t)info.drm_fourcc,
                                    .y_0_top = (info.flags & RESOURCE_Y_0_TOP) == 0,
                                    .modifier = UINT64_C(0x00ffffffffffffff),
                                    .n_planes = 1,
                                    .strides = {(uint32_t)stride},
                                    .offsets = {(uint32_t)offset}};
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
    int r = export_buffer(virgl, id, &dmabuf);

    if (r < 0) {
        r = export_texture(virgl, id, &dmabuf);
    }
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
