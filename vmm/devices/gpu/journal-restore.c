/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The state of the process before us, out of its journal. That process crashed, perhaps because a
 * guest made it: nothing in there is believed that a guest might not have asked for itself.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/base/bytes.h"
#include "vmm/devices/gpu/backing.h"
#include "vmm/devices/gpu/cursor.h"
#include "vmm/devices/gpu/gpu.h"
#include "vmm/devices/gpu/journal-private.h"
#include "vmm/devices/gpu/resource.h"
#include "vmm/devices/gpu/scanout.h"

/* Take the block for ours; false when there is none of that number, or another resource has it. */
static bool
claim_block(struct journal *journal, uint32_t index)
{
    if (index >= GPU_JOURNAL_BLOCKS || (journal->blocks[index / 64] >> index % 64 & 1)) {
        return false;
    }
    journal->blocks[index / 64] |= UINT64_C(1) << index % 64;
    return true;
}

/* Copies, and claims the blocks; what was claimed stays so when the rest is wrong. */
static int
read_pieces(struct journal *journal, const struct gpu_journal_resource *entry,
            struct backing_piece *pieces)
{
    struct gpu_journal_block *block = NULL;
    uint32_t next = entry->block;

    for (uint32_t i = 0; i < entry->n_pieces; i++) {
        const uint32_t at = i % GPU_JOURNAL_BLOCK_PIECES;

        if (at == 0 && (next == 0 || !claim_block(journal, next - 1))) {
            return -EINVAL;
        }
        block = &journal->data->block[next - 1];
        pieces[i] = (struct backing_piece){.address = block->piece[at].address,
                                           .length = block->piece[at].length};
        if (at == GPU_JOURNAL_BLOCK_PIECES - 1) {
            next = __atomic_load_n(&block->next, __ATOMIC_RELAXED);
        }
    }
    if (block) {
        block->next = 0; /* it may have named another resource's */
    }
    return 0;
}

static int
read_backing(struct gpu *gpu, const struct gpu_journal_resource *entry,
             struct backing **ret_backing)
{
    struct backing_piece *pieces;
    int r;

    if (entry->block == 0 || entry->n_pieces == 0 || entry->n_pieces > BACKING_ENTRIES_MAX) {
        return -ENODATA;
    }
    pieces = malloc(entry->n_pieces * sizeof(*pieces));
    if (!pieces) {
        return -ENOMEM;
    }
    r = read_pieces(gpu->journal, entry, pieces);
    if (r == 0) {
        r = backing_make(pieces, entry->n_pieces, backend_memory(gpu->backend), ret_backing);
    }
    free(pieces);
    return r;
}

static int
restore_2d(struct gpu *gpu, const struct gpu_journal_resource *entry)
{
    cleanup(backing_destroyp) struct backing *backing = NULL;
    int r =
        resource_create_2d(&gpu->resources, entry->id, entry->format, entry->width, entry->height);
    struct resource *resource;

    if (r < 0) {
        return r;
    }
    resource = resource_find(&gpu->resources, entry->id);
    if (read_backing(gpu, entry, &backing) < 0 ||
        resource_attach(&gpu->resources, resource, backing) < 0) {
        return 0; /* black, until the guest gives it pages again */
    }
    (void)take_pointer(backing);
    /*
     * What the guest has drawn there and not shown yet is shown, when it is shown: all of them at once
     * would take longer than the machine waits, and most of them nobody looks at.
     */
    resource->unfilled = true;
    return 0;
}

static int
restore_blob(struct gpu *gpu, const struct gpu_journal_resource *entry)
{
    cleanup(backing_destroyp) struct backing *backing = NULL;
    int r = read_backing(gpu, entry, &backing);

    if (r == 0) {
        r = resource_create_blob(&gpu->resources, entry->id, entry->size, backing);
    }
    if (r == 0) {
        (void)take_pointer(backing);
    }
    return r;
}

/* The guest may give it up, and gets errors for all else. */
static int
restore_lost(struct gpu *gpu, const struct gpu_journal_resource *entry)
{
    const struct renderer_texture none = {0};
    struct resource *resource;

    return resource_create_texture(&gpu->resources, entry->id, &none, 0, &resource);
}

static void
restore_resource(struct gpu *gpu, uint32_t index)
{
    struct gpu_journal_resource *place = &gpu->journal->data->resource[index];
    struct gpu_journal_resource entry;
    int r = -EINVAL;

    if (__atomic_load_n(&place->valid, __ATOMIC_ACQUIRE) != GPU_JOURNAL_VALID) {
        return;
    }
    memcpy(&entry, place, sizeof(entry));
    if (entry.kind == GPU_JOURNAL_2D) {
        r = restore_2d(gpu, &entry);
    } else if (entry.kind == GPU_JOURNAL_BLOB) {
        r = restore_blob(gpu, &entry);
    } else if (entry.kind == GPU_JOURNAL_LOST) {
        r = restore_lost(gpu, &entry);
    }
    struct resource *resource = r == 0 ? resource_find(&gpu->resources, entry.id) : NULL;
    if (!resource) {
        place->valid = 0;
        log_limited(&gpu->limit, LOG_LEVEL_WARNING, "Resource %u of the guest is lost: %s",
                    entry.id, strerror(-r));
        return;
    }
    gpu->journal->resources[index / 64] |= UINT64_C(1) << index % 64;
    resource->journal = index + 1;
    *place = entry; /* what was checked, not what is there now */
    if (!resource->backing) {
        place->block = 0;
    }
}

static void
restore_display(struct gpu *gpu, uint32_t index, const struct gpu_journal_scanout *entry)
{
    struct scanout *scanout = &gpu->scanouts[index];

    if (entry->enabled > 1 || entry->width == 0 || entry->height == 0 ||
        entry->width > GPU_EDGE_MAX || entry->height > GPU_EDGE_MAX) {
        return;
    }
    scanout->enabled = entry->enabled;
    scanout->width = entry->width;
    scanout->height = entry->height;
    scanout->width_mm = entry->width_mm;
    scanout->height_mm = entry->height_mm;
    gpu_tell_display(gpu, index);
}

/* What the dead process showed stays on the screen until the guest shows something else. */
static void
restore_picture(struct gpu *gpu, uint32_t index, const struct gpu_journal_scanout *entry)
{
    const struct rect rect = {entry->rect[0], entry->rect[1], entry->rect[2], entry->rect[3]};
    const struct framebuffer layout = {
        .width = entry->layout_width,
        .height = entry->layout_height,
        .stride = entry->layout_stride,
        .format = resource_is_shown_format(entry->layout_format) ? entry->layout_format : 0,
        .offset = entry->layout_offset};
    const struct resource *resource = resource_find(&gpu->resources, entry->resource);
    int r = -ENOENT;

    if (entry->resource == 0) {
        return;
    }
    if (resource && resource->kind == RESOURCE_2D) {
        r = scanout_set(gpu, index, entry->resource, &rect);
    } else if (resource && resource->kind == RESOURCE_BLOB) {
        r = scanout_set_blob(gpu, index, entry->resource, &rect, &layout);
    }
    if (r < 0) {
        display_link_keep_picture(gpu->link, index);
    }
}

static void
restore_scanout(struct gpu *gpu, uint32_t index)
{
    struct gpu_journal_scanout entry;

    memcpy(&entry, &gpu->journal->data->scanout[index], sizeof(entry));
    if (entry.serial == 0) {
        return; /* nothing was noted */
    }
    if (entry.serial & 1) {
        display_link_keep_picture(gpu->link, index);
    } else {
        restore_display(gpu, index, &entry);
        restore_picture(gpu, index, &entry);
    }
    if (entry.cursor != 0) {
        (void)cursor_update(gpu, index, entry.cursor, entry.cursor_hot[0], entry.cursor_hot[1]);
    }
    (void)cursor_move(gpu, index, entry.cursor_position[0], entry.cursor_position[1]);
    journal_set_scanout(gpu, index);
}

void
journal_restore(struct gpu *gpu)
{
    uint32_t n = 0;

    if (!gpu->journal) {
        return;
    }
    gpu->journal->unread = false;
    for (uint32_t i = 0; i < GPU_JOURNAL_RESOURCES; i++) {
        restore_resource(gpu, i);
    }
    for (uint32_t i = 0; i < gpu->n_scanouts; i++) {
        restore_scanout(gpu, i);
        n += gpu->scanouts[i].resource != NULL;
    }
    gpu->events_read = gpu->journal->data->events & GPU_EVENTS;
    log_info("%u resources of the guest and %u of its pictures were taken over",
             gpu->resources.count, n);
}
