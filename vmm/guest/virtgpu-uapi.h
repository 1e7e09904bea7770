/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The part of Linux' interface to virtio-gpu (include/uapi/drm/virtgpu_drm.h, drm.h) that the guest's
 * programs take: Debian 12 ships no header that has it. Kernel 5.16 or later.
 */

#include <errno.h>
#include <stdint.h>
#include <sys/ioctl.h>

enum {
    VIRTGPU_EXECBUF_RING_IDX = 4,
    VIRTGPU_PARAM_3D_FEATURES = 1,
    VIRTGPU_PARAM_RESOURCE_BLOB = 3,
    VIRTGPU_PARAM_HOST_VISIBLE = 4,
    VIRTGPU_PARAM_CONTEXT_INIT = 6,
    VIRTGPU_PARAM_SUPPORTED_CAPSET_IDS = 7,
    VIRTGPU_CONTEXT_PARAM_CAPSET_ID = 1,
    VIRTGPU_CONTEXT_PARAM_NUM_RINGS = 2,
    VIRTGPU_CONTEXT_PARAM_POLL_RINGS_MASK = 3,
    VIRTGPU_BLOB_MEM_GUEST = 1,
    VIRTGPU_BLOB_MEM_HOST3D = 2,
    VIRTGPU_BLOB_FLAG_USE_MAPPABLE = 1,
    VIRTGPU_BLOB_FLAG_USE_SHAREABLE = 2,
};

struct drm_version {
    int32_t major, minor, patch;
    uint64_t name_size;
    uint64_t name; /* address of that many bytes */
    uint64_t date_size, date, text_size, text;
};

struct drm_gem_close {
    uint32_t handle;
    uint32_t pad;
};

struct drm_prime_handle {
    uint32_t handle;
    uint32_t flags;
    int32_t fd;
};

struct drm_virtgpu_resource_create {
    uint32_t target, format, bind;
    uint32_t width, height, depth;
    uint32_t array_size, last_level, nr_samples, flags;
    uint32_t bo_handle;
    uint32_t res_handle;
    uint32_t size;
    uint32_t stride;
};

struct drm_virtgpu_resource_info {
    uint32_t bo_handle;
    uint32_t res_handle;
    uint32_t size;
    uint32_t blob_mem; /* 0: no blob */
};

struct drm_virtgpu_3d_box {
    uint32_t x, y, z;
    uint32_t w, h, d;
};

struct drm_virtgpu_3d_transfer_from_host {
    uint32_t bo_handle;
    struct drm_virtgpu_3d_box box;
    uint32_t level;
    uint32_t offset;
    uint32_t stride;
    uint32_t layer_stride;
};

struct drm_virtgpu_map {
    uint64_t offset; /* for mmap() */
    uint32_t handle;
    uint32_t pad;
};

struct drm_virtgpu_execbuffer {
    uint32_t flags;
    uint32_t size;
    uint64_t command;
    uint64_t bo_handles;
    uint32_t num_bo_handles;
    int32_t fence_fd;
    uint32_t ring_idx;
    uint32_t pad;
};

struct drm_virtgpu_getparam {
    uint64_t param;
    uint64_t value; /* address of an int */
};

struct drm_virtgpu_3d_wait {
    uint32_t handle;
    uint32_t flags;
};

struct drm_virtgpu_get_caps {
    uint32_t cap_set_id;
    uint32_t cap_set_ver;
    uint64_t addr;
    uint32_t size;
    uint32_t pad;
};

struct drm_virtgpu_resource_create_blob {
    uint32_t blob_mem;
    uint32_t blob_flags;
    uint32_t bo_handle;
    uint32_t res_handle;
    uint64_t size;
    uint32_t pad;
    uint32_t cmd_size;
    uint64_t cmd;
    uint64_t blob_id;
};

struct drm_virtgpu_context_set_param {
    uint64_t param;
    uint64_t value;
};

struct drm_virtgpu_context_init {
    uint32_t num_params;
    uint32_t pad;
    uint64_t ctx_set_params;
};

#define DRM_IOCTL_VERSION                 _IOWR('d', 0x00, struct drm_version)
#define DRM_IOCTL_GEM_CLOSE               _IOW('d', 0x09, struct drm_gem_close)
#define DRM_IOCTL_PRIME_HANDLE_TO_FD      _IOWR('d', 0x2d, struct drm_prime_handle)
#define DRM_IOCTL_PRIME_FD_TO_HANDLE      _IOWR('d', 0x2e, struct drm_prime_handle)
#define DRM_IOCTL_VIRTGPU_MAP             _IOWR('d', 0x41, struct drm_virtgpu_map)
#define DRM_IOCTL_VIRTGPU_EXECBUFFER      _IOWR('d', 0x42, struct drm_virtgpu_execbuffer)
#define DRM_IOCTL_VIRTGPU_GETPARAM        _IOWR('d', 0x43, struct drm_virtgpu_getparam)
#define DRM_IOCTL_VIRTGPU_RESOURCE_CREATE _IOWR('d', 0x44, struct drm_virtgpu_resource_create)
#define DRM_IOCTL_VIRTGPU_RESOURCE_INFO   _IOWR('d', 0x45, struct drm_virtgpu_resource_info)
#define DRM_IOCTL_VIRTGPU_TRANSFER_FROM_HOST \
    _IOWR('d', 0x46, struct drm_virtgpu_3d_transfer_from_host)
#define DRM_IOCTL_VIRTGPU_WAIT         _IOWR('d', 0x48, struct drm_virtgpu_3d_wait)
#define DRM_IOCTL_VIRTGPU_GET_CAPS     _IOWR('d', 0x49, struct drm_virtgpu_get_caps)
#define DRM_IOCTL_VIRTGPU_CREATE_BLOB  _IOWR('d', 0x4a, struct drm_virtgpu_resource_create_blob)
#define DRM_IOCTL_VIRTGPU_CONTEXT_INIT _IOWR('d', 0x4b, struct drm_virtgpu_context_init)

_Static_assert(sizeof(struct drm_version) == 64, "the kernel's size");
_Static_assert(sizeof(struct drm_virtgpu_resource_create) == 56, "the kernel's size");
_Static_assert(sizeof(struct drm_virtgpu_execbuffer) == 40, "the kernel's size");
_Static_assert(sizeof(struct drm_virtgpu_resource_create_blob) == 48, "the kernel's size");

/* One of the calls above, as often as the kernel wants to be asked again. 0 or -errno. */
static inline int
virtgpu_ioctl(int fd, unsigned long request, void *argument)
{
    int r;

    do {
        r = ioctl(fd, request, argument);
    } while (r < 0 && (errno == EINTR || errno == EAGAIN));
    return r < 0 ? -errno : 0;
}
