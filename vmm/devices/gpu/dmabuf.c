/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/devices/gpu/dmabuf.h"

#include <errno.h>
#include <linux/udmabuf.h>
#include <sys/ioctl.h>

#include "vmm/base/bytes.h"

int
dmabuf_create(int device, int memory, uint64_t size)
{
    struct udmabuf_create create = {.memfd = (uint32_t)memory, .flags = UDMABUF_FLAGS_CLOEXEC};

    if (device < 0 || size == 0 || size > INT64_MAX - DMABUF_PAGE) {
        return device < 0 ? -ENODEV : -EINVAL;
    }
    create.size = align_up(size, DMABUF_PAGE);
    int fd = ioctl(device, UDMABUF_CREATE, &create);
    return fd < 0 ? -errno : fd;
}
