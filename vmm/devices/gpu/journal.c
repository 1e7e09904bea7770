/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/devices/gpu/journal.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include "vmm/base/fd.h"
#include "vmm/base/memory.h"
#include "vmm/devices/gpu/backing.h"
#include "vmm/devices/gpu/gpu.h"
#include "vmm/devices/gpu/journal-private.h"
#include "vmm/devices/gpu/resource.h"
#include "vmm/virtio/queue.h"

struct journal *
journal_open(int fd, bool written, bool suspects)
{
    int r = fd_check_memory_file(fd, sizeof(struct gpu_journal));
    void *data;

    if (r < 0) {
        errno = -r;
        return NULL;
    }
    data = mmap(NULL, sizeof(struct gpu_journal), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (data == MAP_FAILED) {
        return NULL;
    }
    struct journal *journal = xalloc(sizeof(*journal));
    journal->data = data;
    journal->unread = written;
    if (written) {
        journal->suspect = journal->data->executing;
        journal->suspect_tries = suspects ? GPU_JOURNAL_TRIES : journal->data->tries;
    }
    return journal;
}

void
journal_close(struct journal *journal)
{
    if (journal) {
        munmap(journal->data, sizeof(*journal->data));
        free(journal);
    }
}

/* A free number below `count`, which is taken then, or `count`. */
static uint32_t
take_number(uint64_t *taken, uint32_t count, uint32_t *hint)
{
    for (uint32_t n = 0; n < count / 64; n++) {
        const uint32_t word = (*hint + n) % (count / 64);

        if (taken[word] != UINT64_MAX) {
            const uint32_t bit = (uint32_t)__builtin_ctzll(~taken[word]);

            taken[word] |= UINT64_C(1) << bit;
            *hint = word;
            return word * 64 + bit;
        }
    }
    return count;
}

static void
free_number(uint64_t *taken, uint32_t number)
{
    taken[number / 64] &= ~(UINT64_C(1) << number % 64);
}

/* The chain in memory is ours as long as we wrote it; another process may only have read. */
static void
free_blocks(struct journal *journal, uint32_t first)
{
    for (uint32_t next = first; next > 0 && next <= GPU_JOURNAL_BLOCKS;) {
        const uint32_t index = next - 1;

        if (!(journal->blocks[index / 64] >> index % 64 & 1)) {
            return; /* freed already: a chain that loops */
        }
        free_number(journal->blocks, index);
        next = journal->data->block[index].next;
    }
}

/* All pieces into blocks: the first one's index + 1, or 0 when there is no room. */
static uint32_t
write_pieces(struct journal *journal, const struct backing *backing)
{
    const uint32_t n = backing_count(backing);
    uint32_t next = 0;

    /* From the end, so that each block is whole when another one names it. */
    for (uint32_t end = n; end > 0;) {
        const uint32_t first = (end - 1) / GPU_JOURNAL_BLOCK_PIECES * GPU_JOURNAL_BLOCK_PIECES;
        const uint32_t index =
            take_number(journal->blocks, GPU_JOURNAL_BLOCKS, &journal->block_hint);
        struct gpu_journal_block *block = &journal->data->block[index];

        if (index == GPU_JOURNAL_BLOCKS) {
            free_blocks(journal, next);
            return 0;
        }
        block->next = next;
        for (uint32_t i = first; i < end; i++) {
            const struct backing_piece piece = backing_piece_at(backing, i);

            block->piece[i - first] =
                (struct gpu_journal_piece){.address = piece.address, .length = piece.length};
        }
        next = index + 1;
        end = first;
    }
    return next;
}

void
journal_clear(struct journal *journal)
{
    if (!journal) {
        return;
    }
    for (uint32_t i = 0; i < GPU_JOURNAL_RESOURCES; i++) { /* to look at a hole would fill it */
        if (journal->unread || (journal->resources[i / 64] >> i % 64 & 1)) {
            journal->data->resource[i].valid = 0;
        }
    }
    journal->unread = false;
    journal->suspect = 0;
    memset(journal->resources, 0, sizeof(journal->resources));
    memset(journal->blocks, 0, sizeof(journal->blocks));
    for (uint32_t i = 0; i < GPU_SCANOUTS_MAX; i++) {
        journal->data->scanout[i].resource = 0;
        journal->data->scanout[i].cursor = 0;
    }
    journal->data->events = 0;
}

void
journal_set_pages(struct journal *journal, const struct resource *resource)
{
    struct gpu_journal_resource *entry;
    uint32_t old;

    if (!journal || resource->journal == 0) {
        return;
    }
    entry = &journal->data->resource[resource->journal - 1];
    old = entry->block;
    __atomic_store_n(&entry->block, 0, __ATOMIC_RELEASE);
    free_blocks(journal, old);
    if (resource->backing && entry->kind != GPU_JOURNAL_LOST) {
        const uint32_t block = write_pieces(journal, resource->backing);

        entry->n_pieces = backing_count(resource->backing);
        __atomic_store_n(&entry->block, block, __ATOMIC_RELEASE);
    }
}

void
journal_add(struct journal *journal, struct resource *resource)
{
    struct gpu_journal_resource *entry;
    uint32_t index;

    if (!journal || resource->journal != 0) {
        return;
    }
    index = take_number(journal->resources, GPU_JOURNAL_RESOURCES, &journal->resource_hint);
    if (index == GPU_JOURNAL_RESOURCES) {
        return;
    }
    entry = &journal->data->resource[index];
    *entry = (struct gpu_journal_resource){
        .id = resource->id,
        .kind = resource->kind == RESOURCE_2D     ? GPU_JOURNAL_2D
                : resource->kind == RESOURCE_BLOB ? GPU_JOURNAL_BLOB
                                                  : GPU_JOURNAL_LOST,
        .format = resource->texture.format,
        .width = resource->width,
        .height = resource->height,
        .size = resource->kind == RESOURCE_BLOB ? resource->size : 0,
    };
    resource->journal = index + 1;
    journal_set_pages(journal, resource);
    __atomic_store_n(&entry->valid, GPU_JOURNAL_VALID, __ATOMIC_RELEASE);
}

void
journal_remove(struct journal *journal, struct resource *resource)
{
    struct gpu_journal_resource *entry;

    if (!journal || resource->journal == 0) {
        return;
    }
    for (uint32_t i = 0; i < GPU_SCANOUTS_MAX; i++) {
        struct gpu_journal_scanout *scanout = &journal->data->scanout[i];

        scanout->resource = scanout->resource == resource->id ? 0 : scanout->resource;
        scanout->cursor = scanout->cursor == resource->id ? 0 : scanout->cursor;
    }
    entry = &journal->data->resource[resource->journal - 1];
    __atomic_store_n(&entry->valid, 0, __ATOMIC_RELEASE);
    free_blocks(journal, entry->block);
    entry->block = 0;
    free_number(journal->resources, resource->journal - 1);
    resource->journal = 0;
}

void
journal_set_scanout(struct gpu *gpu, uint32_t index)
{
    const struct scanout *scanout = &gpu->scanouts[index];
    const struct framebuffer *layout = &scanout->framebuffer;
    struct gpu_journal_scanout *entry;

    if (!gpu->journal) {
        return;
    }
    entry = &gpu->journal->data->scanout[index];
    __atomic_store_n(&entry->serial, entry->serial | 1, __ATOMIC_RELEASE);
    atomic_signal_fence(memory_order_seq_cst);
    entry->enabled = scanout->enabled;
    entry->width = scanout->width;
    entry->height = scanout->height;
    entry->width_mm = scanout->width_mm;
    entry->height_mm = scanout->height_mm;
    entry->resource = scanout->resource ? scanout->resource->id : 0;
    entry->rect[0] = scanout->rect.x;
    entry->rect[1] = scanout->rect.y;
    entry->rect[2] = scanout->rect.width;
    entry->rect[3] = scanout->rect.height;
    entry->layout_width = layout->width;
    entry->layout_height = layout->height;
    entry->layout_stride = layout->stride;
    entry->layout_format = layout->format;
    entry->layout_offset = layout->offset;
    __atomic_store_n(&entry->serial, (entry->serial | 1) + 1, __ATOMIC_RELEASE);
}

void
journal_set_cursor(struct journal *journal, uint32_t index, uint32_t resource,
                   const uint32_t hot[2])
{
    if (journal) {
        struct gpu_journal_scanout *entry = &journal->data->scanout[index];

        entry->cursor_hot[0] = hot[0];
        entry->cursor_hot[1] = hot[1];
        entry->cursor = resource;
    }
}

void
journal_move_cursor(struct journal *journal, uint32_t index, uint32_t x, uint32_t y)
{
    if (journal) {
        journal->data->scanout[index].cursor_position[0] = x;
        journal->data->scanout[index].cursor_position[1] = y;
    }
}

bool
journal_begin(struct journal *journal, unsigned int queue, const struct chain *chain)
{
    const uint32_t request = (queue + 1) << 16 | chain->head;
    uint32_t tries = 0;

    if (!journal) {
        return true;
    }
    if (chain->again && journal->suspect == request) {
        tries = journal->suspect_tries;
        journal->suspect = 0;
    }
    if (tries >= GPU_JOURNAL_TRIES) {
        return false;
    }
    journal->data->tries = tries + 1;
    __atomic_store_n(&journal->data->executing, request, __ATOMIC_RELEASE);
    return true;
}

void
journal_end(struct journal *journal)
{
    if (journal) {
        __atomic_store_n(&journal->data->executing, 0, __ATOMIC_RELEASE);
    }
}

void
journal_set_events(struct journal *journal, uint32_t events)
{
    if (journal) {
        journal->data->events = events;
    }
}
