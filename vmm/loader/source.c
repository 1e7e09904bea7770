/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/loader/source.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"

int
source_open(struct source *source, int fd, const char *name)
{
    struct stat st;

    if (fstat(fd, &st) < 0) {
        return -errno;
    }
    if (S_ISDIR(st.st_mode)) {
        return -EISDIR;
    }
    if (!S_ISREG(st.st_mode)) {
        return -EINVAL;
    }
    *source = (struct source){.name = name, .size = (uint64_t)st.st_size, .fd = fd};
    return 0;
}

int
source_read(const struct source *source, uint64_t offset, void *data, uint64_t size)
{
    if (!range_inside(offset, size, source->size)) {
        return -EIO;
    }
    if (source->fd >= 0) {
        return fd_pread_full(source->fd, data, size, offset);
    }
    memcpy(data, source->memory + offset, size);
    return 0;
}
