/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Where a qcow2 image's clusters are: the L1 table, L2 tables, and the order of writing them. */

#include <errno.h>
#include <stdlib.h>

#include "vmm/disk/qcow2-private.h"

enum {
    HEADER_SIZE = 24 /* size of the disk, kind of encryption (none), L1 entries, L1 offset */
};

static bool
inside(uint64_t offset, uint64_t start, uint64_t size)
{
    return offset >= start && offset - start < size;
}

bool
qcow2_is_root_metadata(const struct qcow2 *image, uint64_t offset)
{
    const uint64_t l1_bytes = align_up((uint64_t)image->l1_size * 8, image->cluster_size);

    return offset < image->cluster_size || inside(offset, image->l1_offset, l1_bytes) ||
           inside(offset, image->refcount_table_offset, image->refcount_entries * 8);
}

bool
qcow2_is_metadata(const struct qcow2 *image, uint64_t offset)
{
    if (qcow2_is_root_metadata(image, offset)) {
        return true;
    }
    for (uint32_t i = 0; i < image->l1_size; i++) {
        if ((load_be64(image->l1 + (size_t)i * 8) & QCOW2_OFFSET_MASK) == offset) {
            return true;
        }
    }
    for (uint64_t i = 0; i < image->refcount_entries; i++) {
        if (load_be64(image->refcount_table + i * 8) == offset) {
            return true;
        }
    }
    return false;
}

static bool
is_dirty(const struct qcow2_table *table)
{
    return table->dirty_to > table->dirty_from;
}

static void
mark_dirty(struct qcow2_table *table, uint32_t from, uint32_t to)
{
    if (is_dirty(table)) {
        from = MIN_OF(from, table->dirty_from);
        to = MAX_OF(to, table->dirty_to);
    }
    table->dirty_from = from;
    table->dirty_to = to;
}

static void
set_l1(struct qcow2 *image, uint32_t index, uint64_t offset)
{
    store_be64(image->l1 + (size_t)index * 8, offset | QCOW2_COPIED);
    if (image->l1_dirty_to == image->l1_dirty_from) {
        image->l1_dirty_from = index;
        image->l1_dirty_to = index + 1;
    } else {
        image->l1_dirty_from = MIN_OF(image->l1_dirty_from, index);
        image->l1_dirty_to = MAX_OF(image->l1_dirty_to, index + 1);
    }
}

static int
write_tables(struct qcow2 *image, bool *ret_any)
{
    for (size_t i = 0; i < image->l2.n; i++) {
        struct qcow2_table *table = &image->l2.table[i];
        int r;

        if (table->offset == 0 || !is_dirty(table)) {
            continue;
        }
        r = qcow2_write_bytes(image, table->bytes + table->dirty_from,
                              table->dirty_to - table->dirty_from,
                              table->offset + table->dirty_from);
        if (r < 0) {
            return r;
        }
        table->dirty_from = table->dirty_to = 0;
        *ret_any = true;
    }
    return 0;
}

static int
write_l1(struct qcow2 *image)
{
    const size_t from = (size_t)image->l1_dirty_from * 8;
    const size_t to = (size_t)image->l1_dirty_to * 8;
    int r = qcow2_write_bytes(image, image->l1 + from, to - from, image->l1_offset + from);

    if (r == 0) {
        image->l1_dirty_from = image->l1_dirty_to = 0;
    }
    return r;
}

static bool
anything_waits(const struct qcow2 *image)
{
    for (size_t i = 0; i < image->l2.n; i++) {
        if (image->l2.table[i].offset != 0 && is_dirty(&image->l2.table[i])) {
            return true;
        }
    }
    return image->l1_dirty_to > image->l1_dirty_from || image->n_freed > 0;
}

int
qcow2_commit(struct qcow2 *image)
{
    bool wrote = false;
    int r;

    if (image->read_only || !anything_waits(image)) {
        return 0;
    }
    r = qcow2_sync(image); /* data and counters before what names them */
    if (r == 0) {
        r = write_tables(image, &wrote);
    }
    if (r == 0 && image->l1_dirty_to > image->l1_dirty_from) {
        r = wrote ? qcow2_sync(image) : 0;
        r = r < 0 ? r : write_l1(image);
        wrote = true;
    }
    if (r == 0 && image->n_freed > 0 && wrote) {
        r = qcow2_sync(image); /* nothing names them any more */
    }
    while (r == 0 && image->n_freed > 0) {
        r = qcow2_release(image, image->freed[--image->n_freed]);
    }
    return r;
}

static int
free_later(struct qcow2 *image, uint64_t offset)
{
    int r = image->n_freed == QCOW2_FREED_MAX ? qcow2_commit(image) : 0;

    if (r == 0) {
        image->freed[image->n_freed++] = offset;
    }
    return r;
}

int
qcow2_give_up(struct qcow2 *image, uint64_t entry)
{
    uint64_t offset;
    uint64_t size;
    int r = 0;

    if (entry & QCOW2_COMPRESSED) {
        qcow2_packed_place(image, entry, &offset, &size);
        size += offset % image->cluster_size;
        offset = align_down(offset, image->cluster_size);
    } else {
        offset = entry & QCOW2_OFFSET_MASK;
        size = offset == 0 ? 0 : image->cluster_size;
    }
    for (uint64_t at = 0; r == 0 && at < size; at += image->cluster_size) {
        r = free_later(image, offset + at);
    }
    return r;
}

/* A clean table that nobody needs now. */
static int
take_table(struct qcow2 *image, struct qcow2_table **ret_table)
{
    struct qcow2_table *table = qcow2_cache_oldest(&image->l2);
    int r = table->offset != 0 && is_dirty(table) ? qcow2_commit(image) : 0;

    if (r == 0) {
        r = qcow2_table_reuse(image, table);
    }
    *ret_table = table;
    return r;
}

static int
load_table(struct qcow2 *image, uint64_t entry, struct qcow2_table **ret_table)
{
    const uint64_t offset = entry & QCOW2_OFFSET_MASK;
    /* One that is new may stand in memory alone; at 0 stand those that are unused. */
    struct qcow2_table *table = offset != 0 ? qcow2_cache_find(&image->l2, offset) : NULL;
    int r;

    if (table) {
        *ret_table = table;
        return 0;
    }
    if ((entry & QCOW2_L1_RESERVED) || qcow2_check_offset(image, offset) < 0 ||
        qcow2_is_root_metadata(image, offset)) {
        return qcow2_found_damage(image);
    }
    r = take_table(image, &table);
    if (r == 0) {
        r = qcow2_read_bytes(image, table->bytes, image->cluster_size, offset, false);
    }
    if (r == 0) {
        table->offset = offset;
        *ret_table = table;
    }
    return r;
}

/* Put a table that is the image's own in the place of none, or of one that is shared. */
static int
own_table(struct qcow2 *image, uint32_t l1_index, struct qcow2_table **table)
{
    uint64_t offset;
    uint64_t n;
    uint64_t old = 0;
    int r = qcow2_allocate(image, 1, false, &offset, &n);

    if (r < 0) {
        return r;
    }
    if (*table) {
        old = (*table)->offset;
    } else {
        r = take_table(image, table);
        if (r < 0) {
            (void)qcow2_release(image, offset);
            return r;
        }
        memset((*table)->bytes, 0, image->cluster_size);
    }
    (*table)->offset = offset;
    mark_dirty(*table, 0, (uint32_t)image->cluster_size);
    set_l1(image, l1_index, offset);
    return old ? free_later(image, old) : 0;
}

int
qcow2_l2_get(struct qcow2 *image, uint32_t l1_index, bool writable, struct qcow2_table **ret_table)
{
    const uint64_t entry = load_be64(image->l1 + (size_t)l1_index * 8);
    struct qcow2_table *table = NULL;
    int r = 0;

    if (entry & ~QCOW2_COPIED) {
        r = load_table(image, entry, &table);
    }
    if (r == 0 && writable && (!table || !(entry & QCOW2_COPIED))) {
        r = own_table(image, l1_index, &table);
    }
    if (r == 0) {
        *ret_table = table;
    }
    return r;
}

void
qcow2_l2_set(struct qcow2 *image, struct qcow2_table *table, uint32_t index, uint64_t entry)
{
    (void)image;
    store_be64(table->bytes + (size_t)index * 8, entry);
    mark_dirty(table, index * 8, index * 8 + 8);
}

/* A longer L1 table in another place, on the disk: the header names it only when it is complete. */
static int
move_l1(struct qcow2 *image, uint64_t entries, uint8_t **ret_l1, uint64_t *ret_offset)
{
    const uint64_t bytes = align_up(entries * 8, image->cluster_size);
    const uint64_t clusters = bytes >> image->cluster_bits;
    cleanup_free uint8_t *l1 = calloc(1, bytes);
    uint64_t n;
    int r;

    if (!l1) {
        return -ENOMEM;
    }
    r = qcow2_allocate(image, clusters, true, ret_offset, &n);
    if (r < 0) {
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): cleanup_free frees it */
        return r;
    }
    memcpy(l1, image->l1, (size_t)image->l1_size * 8);
    r = qcow2_write_bytes(image, l1, bytes, *ret_offset);
    if (r == 0) {
        r = qcow2_sync(image);
    }
    for (uint64_t i = 0; r < 0 && i < clusters; i++) {
        (void)qcow2_release(image, *ret_offset + (i << image->cluster_bits));
    }
    *ret_l1 = take_pointer(l1);
    return r;
}

static int
write_size(struct qcow2 *image, uint64_t size, uint64_t entries, uint64_t l1_offset)
{
    uint8_t header[24] = {0};
    int r;

    store_be64(header, size);
    store_be32(header + 12, (uint32_t)entries);
    store_be64(header + 16, l1_offset);
    r = qcow2_write_bytes(image, header, sizeof(header), HEADER_SIZE);
    if (r == 0) {
        r = qcow2_sync(image);
        image->damaged = r < 0; /* which of both counts is not known */
    }
    return r;
}

int
qcow2_grow(struct qcow2 *image, uint64_t size)
{
    const uint64_t need = qcow2_l1_entries(image->cluster_bits, size);
    const uint64_t old_offset = image->l1_offset;
    const uint64_t old_bytes = align_up((uint64_t)image->l1_size * 8, image->cluster_size);
    const uint64_t entries = MAX_OF(need, (uint64_t)image->l1_size);
    cleanup_free uint8_t *l1 = NULL;
    uint64_t offset = old_offset;
    int r;

    if (need > QCOW2_L1_BYTES_MAX / 8) {
        return -EFBIG;
    }
    r = qcow2_commit(image);
    if (r == 0 && need > image->l1_size) {
        r = move_l1(image, need, &l1, &offset);
    } else if (r == 0) {
        r = qcow2_sync(image);
    }
    if (r == 0) {
        r = write_size(image, size, entries, offset);
    }
    if (r < 0 || !l1) {
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): cleanup_free frees it */
        return r;
    }
    free(image->l1);
    image->l1 = take_pointer(l1);
    image->l1_size = (uint32_t)entries;
    image->l1_offset = offset;
    for (uint64_t at = 0; r == 0 && at < old_bytes; at += image->cluster_size) {
        r = qcow2_release(image, old_offset + at);
    }
    return r;
}
