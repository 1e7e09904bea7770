/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A cross-domain context of the guest kernel's virtio-gpu driver. */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/base/memory.h"
#include "vmm/guest/virtgpu-uapi.h"
#include "vmm/guest/wayland-proxy/channel.h"

enum {
    WAITS_MAX = 8
};

struct virtgpu {
    int fd;
    struct channel_blob query;
    struct channel_blob channel;
};

static uint64_t
address_of(const void *pointer)
{
    return (uint64_t)(uintptr_t)pointer;
}

static int
execute(struct virtgpu *gpu, struct drm_virtgpu_execbuffer *buffer, const void *commands,
        size_t size)
{
    buffer->command = address_of(commands);
    buffer->size = (uint32_t)size;
    return virtgpu_ioctl(gpu->fd, DRM_IOCTL_VIRTGPU_EXECBUFFER, buffer);
}

static int
virtgpu_submit(void *data, const void *commands, size_t size)
{
    struct drm_virtgpu_execbuffer buffer = {0};

    return execute(data, &buffer, commands, size);
}

/*
 * Until the host is done with it. The kernel gives up after 15 s, which a host without a graphics card
 * may take to draw what was asked for before.
 */
static int
wait_for(const struct virtgpu *gpu, uint32_t handle)
{
    struct drm_virtgpu_3d_wait wait = {.handle = handle};
    int r = -EBUSY;

    for (int i = 0; r == -EBUSY && i < WAITS_MAX; i++) {
        r = virtgpu_ioctl(gpu->fd, DRM_IOCTL_VIRTGPU_WAIT, &wait);
    }
    return r;
}

/* Have the host answer on the query page. */
static int
ask(struct virtgpu *gpu, const void *command, size_t size, struct cross_image *ret_image)
{
    struct drm_virtgpu_execbuffer buffer = {.bo_handles = address_of(&gpu->query.handle),
                                            .num_bo_handles = 1};
    int r = execute(gpu, &buffer, command, size);

    if (r == 0) {
        r = wait_for(gpu, gpu->query.handle);
    }
    if (r == 0) {
        memcpy(ret_image, gpu->query.map, sizeof(*ret_image));
    }
    return r;
}

static int
virtgpu_query(void *data, const struct cross_get_image *command, struct cross_image *ret_image)
{
    return ask(data, command, sizeof(*command), ret_image);
}

static int
virtgpu_poll(void *data)
{
    const struct cross_header poll = {
        .command = CROSS_POLL, .ring = CROSS_RING_CHANNEL, .size = htole16(sizeof(poll))};
    struct drm_virtgpu_execbuffer buffer = {.flags = VIRTGPU_EXECBUF_RING_IDX,
                                            .ring_idx = CROSS_RING_CHANNEL};

    return execute(data, &buffer, &poll, sizeof(poll));
}

static int
virtgpu_answer(void *data, uint8_t page[CROSS_PAGE_SIZE])
{
    struct virtgpu *gpu = data;
    uint8_t event[64];
    ssize_t n = read(gpu->fd, event, sizeof(event));

    if (n < 0) {
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    }
    if (n == 0) {
        return 0;
    }
    memcpy(page, gpu->channel.map, CROSS_PAGE_SIZE);
    return 1;
}

static void
virtgpu_blob_destroy(void *data, struct channel_blob *blob)
{
    struct virtgpu *gpu = data;
    struct drm_gem_close close_it = {.handle = blob->handle};

    if (blob->map) {
        munmap(blob->map, blob->size);
    }
    if (blob->handle) {
        (void)virtgpu_ioctl(gpu->fd, DRM_IOCTL_GEM_CLOSE, &close_it);
    }
    *blob = (struct channel_blob){0};
}

static int
make_blob(struct virtgpu *gpu, struct drm_virtgpu_resource_create_blob *asked,
          struct channel_blob *ret_blob)
{
    struct channel_blob blob = {.size = asked->size};
    int r = virtgpu_ioctl(gpu->fd, DRM_IOCTL_VIRTGPU_CREATE_BLOB, asked);

    if (r < 0) {
        return r;
    }
    blob.handle = asked->bo_handle;
    blob.resource = asked->res_handle;
    struct drm_virtgpu_map map = {.handle = blob.handle};
    r = virtgpu_ioctl(gpu->fd, DRM_IOCTL_VIRTGPU_MAP, &map);
    if (r == 0) {
        void *memory =
            mmap(NULL, blob.size, PROT_READ | PROT_WRITE, MAP_SHARED, gpu->fd, (off_t)map.offset);
        r = memory == MAP_FAILED ? -errno : 0;
        blob.map = memory == MAP_FAILED ? NULL : memory;
    }
    if (r < 0) {
        virtgpu_blob_destroy(gpu, &blob);
        return r;
    }
    *ret_blob = blob;
    return 0;
}

static int
virtgpu_blob_create(void *data, uint32_t blob_id, uint64_t size, struct channel_blob *ret_blob)
{
    struct drm_virtgpu_resource_create_blob asked = {
        .blob_mem = VIRTGPU_BLOB_MEM_HOST3D,
        .blob_flags = VIRTGPU_BLOB_FLAG_USE_MAPPABLE | VIRTGPU_BLOB_FLAG_USE_SHAREABLE,
        .size = size,
        .blob_id = blob_id,
    };

    return make_blob(data, &asked, ret_blob);
}

static int
make_page(struct virtgpu *gpu, struct channel_blob *ret_blob)
{
    struct drm_virtgpu_resource_create_blob asked = {
        .blob_mem = VIRTGPU_BLOB_MEM_GUEST,
        .blob_flags = VIRTGPU_BLOB_FLAG_USE_MAPPABLE,
        .size = CROSS_PAGE_SIZE,
    };

    return make_blob(gpu, &asked, ret_blob);
}

static int
virtgpu_describe(void *data, uint32_t resource, struct cross_image *ret_image)
{
    const struct cross_describe command = {
        .header = {.command = CROSS_DESCRIBE_RESOURCE, .size = htole16(sizeof(command))},
        .resource = htole32(resource)};

    return ask(data, &command, sizeof(command), ret_image);
}

static void
virtgpu_import_drop(void *data, uint32_t handle)
{
    const struct virtgpu *gpu = data;
    struct drm_gem_close close_it = {.handle = handle};

    (void)virtgpu_ioctl(gpu->fd, DRM_IOCTL_GEM_CLOSE, &close_it);
}

static int
virtgpu_import(void *data, int dmabuf, struct channel_import *ret_import)
{
    const struct virtgpu *gpu = data;
    struct drm_prime_handle prime = {.fd = dmabuf};
    int r = virtgpu_ioctl(gpu->fd, DRM_IOCTL_PRIME_FD_TO_HANDLE, &prime);

    if (r < 0) {
        return r;
    }
    struct drm_virtgpu_resource_info info = {.bo_handle = prime.handle};
    r = virtgpu_ioctl(gpu->fd, DRM_IOCTL_VIRTGPU_RESOURCE_INFO, &info);
    *ret_import = (struct channel_import){
        .handle = prime.handle, .resource = info.res_handle, .drawn = info.blob_mem == 0};
    return r; /* the handle may be another import's too: not closed */
}

static int
virtgpu_read_back(void *data, const struct channel_import *import, const struct channel_rows *rows)
{
    const struct virtgpu *gpu = data;
    struct drm_virtgpu_3d_transfer_from_host transfer = {
        .bo_handle = import->handle,
        .box = {.y = rows->first, .w = rows->width, .h = rows->count, .d = 1},
        .offset = (uint32_t)rows->offset};
    int r = rows->offset > UINT32_MAX
                ? -EINVAL
                : virtgpu_ioctl(gpu->fd, DRM_IOCTL_VIRTGPU_TRANSFER_FROM_HOST, &transfer);

    return r < 0 ? r : wait_for(gpu, import->handle);
}

static void
virtgpu_destroy(void *data)
{
    struct virtgpu *gpu = data;

    virtgpu_blob_destroy(gpu, &gpu->query);
    virtgpu_blob_destroy(gpu, &gpu->channel);
    fd_closep(&gpu->fd);
    free(gpu);
}

static const struct channel_ops virtgpu_ops = {
    .submit = virtgpu_submit,
    .query = virtgpu_query,
    .poll = virtgpu_poll,
    .answer = virtgpu_answer,
    .blob_create = virtgpu_blob_create,
    .blob_destroy = virtgpu_blob_destroy,
    .describe = virtgpu_describe,
    .import = virtgpu_import,
    .import_drop = virtgpu_import_drop,
    .read_back = virtgpu_read_back,
    .destroy = virtgpu_destroy,
};

/* What the device can: -errno when it has no such contexts. */
static int
read_capset(int fd, struct cross_capset *ret_capset)
{
    struct cross_capset capset = {0};
    struct drm_virtgpu_get_caps caps = {
        .cap_set_id = CROSS_CAPSET, .addr = address_of(&capset), .size = sizeof(capset)};
    int r = virtgpu_ioctl(fd, DRM_IOCTL_VIRTGPU_GET_CAPS, &caps);

    if (r < 0 || capset.version == 0) {
        return r < 0 ? r : -EOPNOTSUPP;
    }
    *ret_capset = capset;
    return 0;
}

static const char *
explain(int fd)
{
    static const struct {
        uint64_t param;
        const char *why;
    } needs[] = {
        {VIRTGPU_PARAM_RESOURCE_BLOB, "the device has no blobs: start the machine with --gpu"},
        {VIRTGPU_PARAM_HOST_VISIBLE, "the device shows no host memory: it needs a window for it"},
        {VIRTGPU_PARAM_CONTEXT_INIT, "the device or kernel has no contexts: Linux 5.16 or later "
                                     "and --gpu context-types=cross-domain"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(needs); i++) {
        int value = 0;
        struct drm_virtgpu_getparam get = {.param = needs[i].param, .value = address_of(&value)};

        if (virtgpu_ioctl(fd, DRM_IOCTL_VIRTGPU_GETPARAM, &get) < 0 || value == 0) {
            return needs[i].why;
        }
    }
    struct cross_capset capset;
    if (read_capset(fd, &capset) < 0) {
        return "the host does not offer capset 5: start the machine with "
               "--gpu context-types=cross-domain";
    }
    if (!(le32toh(capset.supported_channels) & 1U << CROSS_CHANNEL_WAYLAND)) {
        return "the host passes no Wayland socket on: start the machine with --wayland-sock";
    }
    return NULL;
}

static int
open_node(const char *path, const char **ret_why)
{
    cleanup_fd int fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0) {
        *ret_why = errno == EACCES ? "this user may not open it: add it to the group that may "
                                     "(video or render)"
                                   : strerror(errno);
        return -errno;
    }
    const char *why = explain(fd);
    if (why) {
        *ret_why = why;
        return -EOPNOTSUPP;
    }
    return take_fd(&fd);
}

int
virtgpu_probe(const char *path, const char **ret_why)
{
    cleanup_fd int fd = open_node(path, ret_why);

    return fd < 0 ? fd : 0;
}

static int
start_context(struct virtgpu *gpu)
{
    struct drm_virtgpu_context_set_param params[] = {
        {VIRTGPU_CONTEXT_PARAM_CAPSET_ID, CROSS_CAPSET},
        {VIRTGPU_CONTEXT_PARAM_NUM_RINGS, 2},
        {VIRTGPU_CONTEXT_PARAM_POLL_RINGS_MASK, 1U << CROSS_RING_CHANNEL},
    };
    struct drm_virtgpu_context_init context = {.num_params = ARRAY_SIZE(params),
                                               .ctx_set_params = address_of(params)};
    int r = virtgpu_ioctl(gpu->fd, DRM_IOCTL_VIRTGPU_CONTEXT_INIT, &context);

    if (r == 0) {
        r = make_page(gpu, &gpu->query);
    }
    if (r == 0) {
        r = make_page(gpu, &gpu->channel);
    }
    if (r < 0) {
        return r;
    }
    const struct cross_init init = {
        .header = {.command = CROSS_INIT, .size = htole16(sizeof(init))},
        .query_ring = htole32(gpu->query.resource),
        .channel_ring = htole32(gpu->channel.resource),
        .channel_type = htole32(CROSS_CHANNEL_WAYLAND),
    };
    return virtgpu_submit(gpu, &init, sizeof(init));
}

int
virtgpu_open(const char *path, struct channel *ret_channel, const char **ret_why)
{
    int fd = open_node(path, ret_why);

    if (fd < 0) {
        return fd;
    }
    struct virtgpu *gpu = xalloc(sizeof(*gpu));
    gpu->fd = fd;
    int r = start_context(gpu);
    if (r < 0) {
        virtgpu_destroy(gpu);
        *ret_why = strerror(-r);
        return r;
    }
    struct cross_capset capset = {0};
    struct stat node = {0};
    (void)read_capset(fd, &capset);
    (void)fstat(fd, &node);
    *ret_channel = (struct channel){
        .ops = &virtgpu_ops,
        .data = gpu,
        .fd = fd,
        .device = node.st_rdev,
        .makes_dmabufs = (le32toh(capset.extensions) & CROSS_EXTENSION_IMAGES) != 0,
        .sends_resources = (le32toh(capset.extensions) & CROSS_EXTENSION_DESCRIBE) != 0};
    return 0;
}
