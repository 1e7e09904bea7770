/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/guest/x11/card.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/base/memory.h"
#include "vmm/guest/virtgpu-uapi.h"
#include "vmm/protocol/virgl-words.h"

enum {
    FIRST_NODE = 128,
    NODES = 16,
    CAPSETS = 1U << 1 | 1U << 2, /* virgl, virgl2 */
    SAMPLER = 1,
    SURFACE,
    /* Its edge repeated in all three directions, no smaller pictures. */
    SAMPLER_STATE = 2 | 2 << 3 | 2 << 6 | 2 << 11,
    EDGE = 128, /* of more than a page */
    STRIDE = EDGE * 4,
    XR24 = 0x34325258,
    WAITS_MAX = 2, /* of 15 s */
};

static int
get_param(int fd, uint64_t param)
{
    int value = 0;
    struct drm_virtgpu_getparam get = {.param = param, .value = (uint64_t)(uintptr_t)&value};

    return virtgpu_ioctl(fd, DRM_IOCTL_VIRTGPU_GETPARAM, &get) < 0 ? 0 : value;
}

/* Another driver's calls have the same numbers. */
static bool
is_virtio(int fd)
{
    char name[sizeof("virtio_gpu")] = "";
    struct drm_version version = {.name_size = sizeof(name) - 1, .name = (uint64_t)(uintptr_t)name};

    return virtgpu_ioctl(fd, DRM_IOCTL_VERSION, &version) == 0 && strcmp(name, "virtio_gpu") == 0;
}

/* A sampler, which some hosts' drivers refuse and Xwayland cannot do without; then red and half of green. */
static int
draw(int fd, const struct drm_virtgpu_resource_create *texture)
{
    const uint32_t commands[] = {
        VIRGL_COMMAND(VIRGL_CREATE_OBJECT, VIRGL_OBJECT_SAMPLER, 9),
        SAMPLER,
        SAMPLER_STATE,
        0, /* the level's bias, least and most */
        0,
        0,
        0, /* the border's colour */
        0,
        0,
        0,
        VIRGL_DRAW_TO(SURFACE, texture->res_handle, VIRGL_FORMAT_B8G8R8X8),
        VIRGL_CLEAR_TO(VIRGL_FLOAT_ONE, VIRGL_FLOAT_HALF, 0, VIRGL_FLOAT_ONE),
    };
    struct drm_virtgpu_execbuffer buffer = {.size = sizeof(commands),
                                            .command = (uint64_t)(uintptr_t)commands,
                                            .bo_handles = (uint64_t)(uintptr_t)&texture->bo_handle,
                                            .num_bo_handles = 1};

    return virtgpu_ioctl(fd, DRM_IOCTL_VIRTGPU_EXECBUFFER, &buffer);
}

static int
read_back(int fd, uint32_t handle)
{
    struct drm_virtgpu_3d_transfer_from_host transfer = {.bo_handle = handle,
                                                         .box = {.w = EDGE, .h = EDGE, .d = 1}};
    struct drm_virtgpu_3d_wait wait = {.handle = handle};
    int r = virtgpu_ioctl(fd, DRM_IOCTL_VIRTGPU_TRANSFER_FROM_HOST, &transfer);

    if (r < 0) {
        return r;
    }
    r = -EBUSY;
    for (int i = 0; r == -EBUSY && i < WAITS_MAX; i++) {
        r = virtgpu_ioctl(fd, DRM_IOCTL_VIRTGPU_WAIT, &wait);
    }
    return r;
}

/* The first and the last pixel; half of 255 may be rounded either way. */
static int
look(int fd, uint32_t handle)
{
    struct drm_virtgpu_map map = {.handle = handle};
    int r = virtgpu_ioctl(fd, DRM_IOCTL_VIRTGPU_MAP, &map);

    if (r < 0) {
        return r;
    }
    uint8_t *memory =
        mmap(NULL, (size_t)STRIDE * EDGE, PROT_READ, MAP_SHARED, fd, (off_t)map.offset);
    if (memory == MAP_FAILED) {
        return -errno;
    }
    const uint32_t first = load_le32(memory) & 0xffffff;
    const uint32_t last = load_le32(memory + (size_t)STRIDE * EDGE - 4) & 0xffffff;
    munmap(memory, (size_t)STRIDE * EDGE);
    return first == last && (first == 0xff7f00 || first == 0xff8000) ? 0 : -EIO;
}

static int
make_picture(int fd, struct trial_picture *ret_picture)
{
    struct drm_virtgpu_resource_create texture = {.target = VIRGL_TEXTURE_2D,
                                                  .format = VIRGL_FORMAT_B8G8R8X8,
                                                  .bind = VIRGL_BIND_RENDER_TARGET |
                                                          VIRGL_BIND_SAMPLER_VIEW |
                                                          VIRGL_BIND_SCANOUT | VIRGL_BIND_SHARED,
                                                  .width = EDGE,
                                                  .height = EDGE,
                                                  .depth = 1,
                                                  .array_size = 1,
                                                  .size = STRIDE * EDGE,
                                                  .stride = STRIDE};
    int r = virtgpu_ioctl(fd, DRM_IOCTL_VIRTGPU_RESOURCE_CREATE, &texture);
    struct drm_prime_handle prime = {.handle = texture.bo_handle, .flags = O_CLOEXEC};

    r = r < 0 ? r : draw(fd, &texture);
    r = r < 0 ? r : read_back(fd, texture.bo_handle);
    r = r < 0 ? r : look(fd, texture.bo_handle);
    if (r == 0) {
        r = virtgpu_ioctl(fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime);
    }
    if (r == 0) {
        *ret_picture = (struct trial_picture){
            .fd = prime.fd, .width = EDGE, .height = EDGE, .stride = STRIDE, .format = XR24};
    }
    return r;
}

/* NULL, or why not; the reason of a node that is there goes before that of one that is not. */
static const char *
try_node(const char *path, struct trial_picture *ret_picture)
{
    cleanup_fd int fd = open(path, O_RDWR | O_CLOEXEC); /* the picture outlives it */

    if (fd < 0) {
        return errno == EACCES
                   ? "this user may not open the graphics card: add it to the group render"
                   : NULL;
    }
    if (!is_virtio(fd) || get_param(fd, VIRTGPU_PARAM_3D_FEATURES) == 0 ||
        !(get_param(fd, VIRTGPU_PARAM_SUPPORTED_CAPSET_IDS) & CAPSETS)) {
        return "the machine's graphics card draws no OpenGL (--gpu backend=virglrenderer)";
    }
    return make_picture(fd, ret_picture) < 0 ? "the graphics card does not draw what X11 takes"
                                             : NULL;
}

char *
card_find(struct trial_picture *ret_picture, const char **ret_why)
{
    const char *why = "the machine has no graphics card with OpenGL";

    ret_picture->fd = -1;
    for (unsigned int minor = FIRST_NODE; minor < FIRST_NODE + NODES; minor++) {
        char *path = xasprintf("/dev/dri/renderD%u", minor);
        const char *refused = try_node(path, ret_picture);

        if (ret_picture->fd >= 0) {
            return path;
        }
        why = refused ? refused : why;
        free(path);
    }
    *ret_why = why;
    return NULL;
}
