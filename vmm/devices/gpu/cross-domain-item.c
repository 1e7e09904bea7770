/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Descriptors of the compositor on their way to the guest. Files (keymaps, format tables) are copied
 * into memory of our own: nobody can shorten it while the guest has it mapped, and nobody sees what
 * the guest writes there.
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/devices/gpu/cross-domain-private.h"

static int
fill_copy(int copy, int fd, uint64_t size)
{
    void *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, copy, 0);

    if (map == MAP_FAILED) {
        return -ENOMEM;
    }
    int r = fd_pread_full(fd, map, size, 0);
    munmap(map, size);
    return r == -EIO ? 0 : r; /* it became shorter meanwhile: zeros */
}

/* Whole pages with the file's content, or -errno. */
static int
copy_file(int fd, uint64_t size)
{
    cleanup_fd int copy = -1;

    if (size == 0 || size > CROSS_FILE_MAX) {
        return -EFBIG;
    }
    copy = fd_memory_file("vitrine-received", align_up(size, CROSS_PAGE_SIZE));
    if (copy < 0) {
        return copy;
    }
    int r = fill_copy(copy, fd, size);
    return r < 0 ? r : take_fd(&copy);
}

/* Below the names of images. */
static uint32_t
next_id(struct cross_context *context)
{
    context->last_item = (context->last_item + 1) % (CROSS_IMAGE_BASE - CROSS_ITEM_BASE);
    return CROSS_ITEM_BASE + context->last_item;
}

static struct cross_item *
item_add(struct cross_context *context, int fd, uint64_t size)
{
    struct cross_item *item = calloc(1, sizeof(*item));

    if (item) {
        item->id = next_id(context);
        item->fd = fd;
        item->size = size;
        list_append(&context->items, &item->link);
        context->n_items++;
    }
    return item;
}

struct cross_item *
cross_item_find(const struct cross_context *context, uint32_t id)
{
    list_for_each(link, &context->items) {
        struct cross_item *item = list_container(link, struct cross_item, link);
        if (item->id == id) {
            return item;
        }
    }
    return NULL;
}

void
cross_item_remove(struct cross_context *context, struct cross_item *item)
{
    context->n_items--;
    cross_close_fd(context, &item->fd);
    list_remove(&item->link);
    free(item);
}

static uint32_t
receive_pipe(struct cross_context *context, int fd)
{
    if (context->n_pipes >= CROSS_PIPES_MAX || fd_set_nonblocking(fd) < 0) {
        close(fd);
        return 0;
    }
    fd = cross_own_fd(context, fd);
    if (fd < 0) {
        return 0;
    }
    uint32_t id = next_id(context);
    cross_source_add(context, CROSS_SOURCE_WRITE_PIPE, id, fd);
    return id;
}

/* The file's copy, or an empty page in place of what cannot be passed on. */
static uint32_t
receive_file(struct cross_context *context, int fd, const struct stat *st, uint32_t *ret_size)
{
    uint64_t size = S_ISREG(st->st_mode) && st->st_size > 0 ? (uint64_t)st->st_size : 0;
    int copy = copy_file(fd, size);

    close(fd);
    if (copy < 0) {
        log_limited(&context->domain->limit, LOG_LEVEL_WARNING,
                    "The compositor sent a descriptor (mode %o, %" PRIu64
                    " bytes) that the guest cannot have; it gets an empty one",
                    (unsigned int)st->st_mode, size);
        size = CROSS_PAGE_SIZE;
        copy = fd_memory_file("vitrine-received", size);
    }
    if (context->n_items >= CROSS_ITEMS_MAX) {
        cross_item_remove(context, list_container(context->items.next, struct cross_item, link));
    }
    copy = cross_own_fd(context, copy);
    struct cross_item *item =
        copy < 0 ? NULL : item_add(context, copy, align_up(size, CROSS_PAGE_SIZE));
    if (!item) {
        cross_close_fd(context, &copy);
        return 0;
    }
    *ret_size = (uint32_t)size;
    return item->id;
}

void
cross_item_receive(struct cross_context *context, int fd, struct cross_message *message,
                   size_t index)
{
    struct stat st = {0};
    int flags = fcntl(fd, F_GETFL);
    uint32_t size = 0;
    uint32_t type = CROSS_ID_BLOB;
    uint32_t id;

    if (fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode) && (flags & O_ACCMODE) == O_WRONLY) {
        type = CROSS_ID_WRITE_PIPE;
        id = receive_pipe(context, fd);
    } else {
        id = receive_file(context, fd, &st, &size);
    }
    message->ids[index] = htole32(id);
    message->types[index] = htole32(type);
    message->sizes[index] = htole32(size);
}
