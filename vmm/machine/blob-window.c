/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/machine/blob-window.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <sys/mman.h>

#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/base/memory.h"

enum {
    PAGE = 4096
};

struct piece {
    uint64_t offset;
    uint64_t size; /* 0: the place is free */
    bool writable;
    bool has_slot;
    uint32_t slot;
};

struct blob_window {
    struct vm *vm;
    const char *name;
    uint64_t size;
    uint8_t *host; /* reserved addresses, where nothing is mapped but the pieces */
    pthread_mutex_t lock;
    uint64_t address;
    struct piece pieces[BLOB_WINDOW_PIECES_MAX];
    struct log_limit limit;
};

struct blob_window *
blob_window_create(struct vm *vm, const char *name, uint64_t size)
{
    if (size < PAGE || size > BLOB_WINDOW_SIZE_MAX || (size & (size - 1)) != 0) {
        errno = EINVAL;
        return NULL;
    }
    void *host = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (host == MAP_FAILED) {
        return NULL;
    }
    struct blob_window *window = xalloc(sizeof(*window));
    window->vm = vm;
    window->name = name;
    window->size = size;
    window->host = host;
    pthread_mutex_init(&window->lock, NULL);
    return window;
}

void
blob_window_destroy(struct blob_window *window)
{
    if (!window) {
        return;
    }
    blob_window_clear(window);
    munmap(window->host, window->size);
    pthread_mutex_destroy(&window->lock);
    free(window);
}

uint64_t
blob_window_size(const struct blob_window *window)
{
    return window->size;
}

static void
take_slot(struct blob_window *window, struct piece *piece)
{
    if (piece->has_slot) {
        vm_remove_memory(window->vm, piece->slot);
        piece->has_slot = false;
    }
}

static int
give_slot(struct blob_window *window, struct piece *piece)
{
    const struct vm_memory memory = {.guest_address = window->address + piece->offset,
                                     .size = piece->size,
                                     .host = window->host + piece->offset,
                                     .writable = piece->writable};
    int r = window->address == 0 ? 0 : vm_add_memory(window->vm, &memory, &piece->slot);

    piece->has_slot = window->address != 0 && r == 0;
    return r;
}

void
blob_window_move(struct blob_window *window, uint64_t address)
{
    pthread_mutex_lock(&window->lock);
    for (unsigned int i = 0; i < BLOB_WINDOW_PIECES_MAX && address != window->address; i++) {
        take_slot(window, &window->pieces[i]);
    }
    window->address = address;
    for (unsigned int i = 0; i < BLOB_WINDOW_PIECES_MAX; i++) {
        struct piece *piece = &window->pieces[i];

        if (piece->size > 0 && !piece->has_slot && give_slot(window, piece) < 0) {
            log_limited(&window->limit, LOG_LEVEL_WARNING, "%s: memory cannot be moved",
                        window->name);
        }
    }
    pthread_mutex_unlock(&window->lock);
}

/* A free place for a piece, or NULL when there is none or it would lie over another. */
static struct piece *
find_place(struct blob_window *window, uint64_t offset, uint64_t size)
{
    struct piece *place = NULL;

    for (unsigned int i = 0; i < BLOB_WINDOW_PIECES_MAX; i++) {
        struct piece *piece = &window->pieces[i];

        if (piece->size == 0) {
            place = place ? place : piece;
        } else if (offset < piece->offset + piece->size && piece->offset < offset + size) {
            return NULL;
        }
    }
    return place;
}

static int
map_piece(struct blob_window *window, struct piece *place, const struct vhost_mmap *map, int fd)
{
    const bool writable = (map->flags & VHOST_MMAP_WRITABLE) != 0;
    void *at = window->host + map->shmem_offset;

    if (mmap(at, map->size, PROT_READ | (writable ? PROT_WRITE : 0), MAP_SHARED | MAP_FIXED, fd,
             (off_t)map->fd_offset) == MAP_FAILED) {
        return -errno;
    }
    *place = (struct piece){.offset = map->shmem_offset, .size = map->size, .writable = writable};
    return give_slot(window, place);
}

/* The place becomes free again, and its addresses stay reserved. */
static void
unmap_piece(struct blob_window *window, struct piece *piece)
{
    take_slot(window, piece);
    (void)mmap(window->host + piece->offset, piece->size, PROT_NONE,
               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
    piece->size = 0;
}

int
blob_window_map(struct blob_window *window, const struct vhost_mmap *map, int fd)
{
    uint64_t end;

    if (map->size == 0 || (map->size | map->shmem_offset | map->fd_offset) % PAGE != 0 ||
        !range_inside(map->shmem_offset, map->size, window->size) ||
        !add_fits(map->fd_offset, map->size, &end) || end > INT64_MAX) {
        return -EINVAL;
    }
    /* Neither can become shorter. */
    int r = fd_check_memory_file(fd, end);
    if (r < 0) {
        r = fd_check_dmabuf(fd, end);
    }
    if (r < 0) {
        return r;
    }
    pthread_mutex_lock(&window->lock);
    struct piece *place = find_place(window, map->shmem_offset, map->size);
    r = place ? map_piece(window, place, map, fd) : -ENOSPC;
    if (r < 0 && place && place->size > 0) {
        unmap_piece(window, place);
    }
    pthread_mutex_unlock(&window->lock);
    return r;
}

int
blob_window_unmap(struct blob_window *window, const struct vhost_mmap *map)
{
    int r = -ENOENT;

    pthread_mutex_lock(&window->lock);
    for (unsigned int i = 0; i < BLOB_WINDOW_PIECES_MAX; i++) {
        struct piece *piece = &window->pieces[i];

        if (piece->size > 0 && piece->offset == map->shmem_offset && piece->size == map->size) {
            unmap_piece(window, piece);
            r = 0;
        }
    }
    pthread_mutex_unlock(&window->lock);
    return r;
}

void
blob_window_clear(struct blob_window *window)
{
    pthread_mutex_lock(&window->lock);
    for (unsigned int i = 0; i < BLOB_WINDOW_PIECES_MAX; i++) {
        if (window->pieces[i].size > 0) {
            unmap_piece(window, &window->pieces[i]);
        }
    }
    pthread_mutex_unlock(&window->lock);
}

void
blob_window_missed(struct blob_window *window, uint64_t offset, bool write)
{
    pthread_mutex_lock(&window->lock);
    log_limited(&window->limit, LOG_LEVEL_WARNING,
                "%s: the guest %s memory at 0x%" PRIx64 " of the window, where none is",
                window->name, write ? "wrote" : "read", offset);
    pthread_mutex_unlock(&window->lock);
}
