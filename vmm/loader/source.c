/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/loader/source.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "vmm/base/assert.h"
#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"

enum {
    PAGE = 4096,
};

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

/* For files that cannot be mapped. */
static int
read_view(const struct source *source, uint64_t offset, uint64_t size, struct source_view *ret_view)
{
    struct source_view view = {.mapped = (size_t)size};
    int r;

    view.mapping =
        mmap(NULL, view.mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (view.mapping == MAP_FAILED) {
        return -errno;
    }
    r = source_read(source, offset, view.mapping, size);
    if (r < 0) {
        source_view_end(&view);
        return r;
    }
    view.data = view.mapping;
    *ret_view = view;
    return 0;
}

int
source_view(const struct source *source, uint64_t offset, uint64_t size,
            struct source_view *ret_view)
{
    const uint64_t before = offset % PAGE;
    struct source_view view = {.mapped = (size_t)(before + size)};

    assert(size > 0 && size <= SOURCE_VIEW_MAX);
    if (!range_inside(offset, size, source->size)) {
        return -EIO;
    }
    if (source->fd < 0) {
        *ret_view = (struct source_view){.data = source->memory + offset};
        return 0;
    }
    view.mapping =
        mmap(NULL, view.mapped, PROT_READ, MAP_PRIVATE, source->fd, (off_t)(offset - before));
    if (view.mapping == MAP_FAILED) {
        return read_view(source, offset, size, ret_view);
    }
    /* Says what a page fault could not; Linux before 5.14 does not know it. */
    if (madvise(view.mapping, view.mapped, MADV_POPULATE_READ) < 0 && errno != EINVAL) {
        const int r = errno == ENOMEM ? -ENOMEM : -EIO;
        source_view_end(&view);
        return r;
    }
    view.data = (const uint8_t *)view.mapping + before;
    *ret_view = view;
    return 0;
}

void
source_view_end(struct source_view *view)
{
    if (view->mapping) {
        munmap(view->mapping, view->mapped);
        view->mapping = NULL;
    }
}
