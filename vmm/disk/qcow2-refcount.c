/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which clusters of a qcow2 image are used: counters in blocks of one cluster, and a table of those. */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "vmm/disk/qcow2-private.h"

enum {
    HEADER_REFCOUNT_TABLE = 48 /* offset, clusters */
};

static uint32_t
block_bits(const struct qcow2 *image)
{
    return image->cluster_bits + 3 - image->refcount_order;
}

static uint64_t
block_entries(const struct qcow2 *image)
{
    return UINT64_C(1) << block_bits(image);
}

static uint64_t
get_counter(const struct qcow2 *image, const uint8_t *bytes, uint64_t index)
{
    const uint32_t bits = 1U << image->refcount_order;
    uint64_t value = 0;

    if (bits < 8) {
        const uint64_t bit = index * bits;
        return (uint64_t)(bytes[bit / 8] >> (bit % 8)) & ((1U << bits) - 1);
    }
    for (uint32_t i = 0; i < bits / 8; i++) {
        value = value << 8 | bytes[index * (bits / 8) + i];
    }
    return value;
}

static void
set_counter(const struct qcow2 *image, uint8_t *bytes, uint64_t index, uint64_t value)
{
    const uint32_t bits = 1U << image->refcount_order;

    if (bits < 8) {
        const uint64_t bit = index * bits;
        const uint32_t mask = ((1U << bits) - 1) << (bit % 8);

        bytes[bit / 8] = (uint8_t)((bytes[bit / 8] & ~mask) | ((uint32_t)value << (bit % 8)));
        return;
    }
    for (uint32_t i = bits / 8; i > 0; i--) {
        bytes[index * (bits / 8) + i - 1] = (uint8_t)value;
        value >>= 8;
    }
}

/* The block of a cluster's counter; NULL where there is none. */
static int
get_block(struct qcow2 *image, uint64_t index, struct qcow2_table **ret_block)
{
    const uint64_t place = index >> block_bits(image);
    struct qcow2_table *block;
    uint64_t offset;
    int r;

    *ret_block = NULL;
    if (place >= image->refcount_entries) {
        return 0;
    }
    offset = load_be64(image->refcount_table + place * 8);
    if (offset == 0) {
        return 0;
    }
    *ret_block = qcow2_cache_find(&image->refcounts, offset);
    if (*ret_block) {
        return 0;
    }
    if (qcow2_check_offset(image, offset) < 0) {
        return qcow2_found_damage(image);
    }
    block = qcow2_cache_oldest(&image->refcounts);
    r = qcow2_table_reuse(image, block);
    if (r == 0) {
        r = qcow2_read_bytes(image, block->bytes, image->cluster_size, offset, false);
    }
    if (r == 0) {
        block->offset = offset;
        *ret_block = block;
    }
    return r;
}

/* Set `n` counters of one block, in the file first. */
static int
set_counters(struct qcow2 *image, struct qcow2_table *block, uint64_t index, uint64_t n,
             uint64_t value)
{
    const uint64_t first = index & (block_entries(image) - 1);
    const uint64_t from = (first << image->refcount_order) / 8;
    const uint64_t to =
        MIN_OF((((first + n) << image->refcount_order) + 7) / 8, image->cluster_size);
    int r;

    for (uint64_t i = 0; i < n; i++) {
        set_counter(image, block->bytes, first + i, value);
    }
    r = qcow2_write_bytes(image, block->bytes + from, (size_t)(to - from), block->offset + from);
    if (r < 0) {
        block->offset = 0; /* what the file holds now is read again */
    }
    return r;
}

/* The cluster `index`, the first of a block's range, becomes that block. */
static int
make_block(struct qcow2 *image, uint64_t index)
{
    const uint64_t place = index >> block_bits(image);
    const uint64_t offset = index << image->cluster_bits;
    struct qcow2_table *block = qcow2_cache_oldest(&image->refcounts);
    uint8_t entry[8];
    int r = qcow2_table_reuse(image, block);

    if (r < 0) {
        return r;
    }
    if (qcow2_is_metadata(image, offset)) {
        return qcow2_found_damage(image);
    }
    memset(block->bytes, 0, image->cluster_size);
    set_counter(image, block->bytes, index & (block_entries(image) - 1), 1);
    r = qcow2_write_bytes(image, block->bytes, image->cluster_size, offset);
    if (r == 0) {
        r = qcow2_sync(image);
    }
    if (r == 0) {
        store_be64(entry, offset);
        r = qcow2_write_bytes(image, entry, sizeof(entry),
                              image->refcount_table_offset + place * 8);
    }
    if (r == 0) {
        memcpy(image->refcount_table + place * 8, entry, sizeof(entry));
        block->offset = offset;
    }
    return r;
}

/* New blocks behind everything that is counted, and a longer table behind those. */
struct growth {
    uint64_t first;    /* cluster */
    uint64_t n_blocks; /* these count themselves and the table */
    uint64_t n_table;  /* clusters */
    uint8_t *table;
};

static int
write_growth(struct qcow2 *image, const struct growth *growth)
{
    const uint64_t table_at = (growth->first + growth->n_blocks) << image->cluster_bits;
    const uint64_t n = growth->n_blocks + growth->n_table;
    int r = 0;

    for (uint64_t i = 0; r == 0 && i < growth->n_blocks; i++) {
        const uint64_t offset = (growth->first + i) << image->cluster_bits;

        memset(image->copy, 0, image->cluster_size);
        for (uint64_t k = 0; k < block_entries(image) && (i << block_bits(image)) + k < n; k++) {
            set_counter(image, image->copy, k, 1);
        }
        store_be64(growth->table + (image->refcount_entries + i) * 8, offset);
        r = qcow2_write_bytes(image, image->copy, image->cluster_size, offset);
    }
    if (r == 0) {
        r = qcow2_write_bytes(image, growth->table, growth->n_table << image->cluster_bits,
                              table_at);
    }
    return r < 0 ? r : qcow2_sync(image);
}

static int
grow_table(struct qcow2 *image)
{
    const uint64_t old_offset = image->refcount_table_offset;
    const uint64_t old_clusters = image->refcount_entries * 8 >> image->cluster_bits;
    struct growth growth = {.first = image->refcount_entries << block_bits(image)};
    cleanup_free uint8_t *table = NULL;
    uint8_t header[12];
    int r;

    growth.n_table = old_clusters + old_clusters / 2 + 1;
    do {
        growth.n_blocks++;
    } while (growth.n_blocks + growth.n_table > growth.n_blocks << block_bits(image));
    if (growth.n_table << image->cluster_bits > QCOW2_REFCOUNT_TABLE_BYTES_MAX) {
        return -EFBIG;
    }
    table = calloc(growth.n_table, image->cluster_size);
    if (!table) {
        return -ENOMEM;
    }
    growth.table = table;
    memcpy(table, image->refcount_table, image->refcount_entries * 8);
    r = write_growth(image, &growth);
    if (r < 0) {
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): cleanup_free frees it */
        return r;
    }
    store_be64(header, (growth.first + growth.n_blocks) << image->cluster_bits);
    store_be32(header + 8, (uint32_t)growth.n_table);
    r = qcow2_write_bytes(image, header, sizeof(header), HEADER_REFCOUNT_TABLE);
    if (r == 0) {
        r = qcow2_sync(image);
    }
    if (r < 0) {
        image->damaged = true; /* which of both tables counts is not known */
        return r;
    }
    free(image->refcount_table);
    image->refcount_table = take_pointer(table);
    image->refcount_table_offset = load_be64(header);
    image->refcount_entries = growth.n_table << image->cluster_bits >> 3;
    for (uint64_t i = 0; r == 0 && i < old_clusters; i++) {
        r = qcow2_release(image, old_offset + (i << image->cluster_bits));
    }
    return r;
}

/* Is the cluster free? Makes the block that counts it; it may be the cluster itself. */
static int
look_at(struct qcow2 *image, uint64_t index, bool *ret_free)
{
    struct qcow2_table *block;
    int r = 0;

    if (index >> block_bits(image) >= image->refcount_entries) {
        r = grow_table(image);
    }
    if (r == 0) {
        r = get_block(image, index, &block);
    }
    if (r == 0 && !block) {
        r = make_block(image, index);
        *ret_free = false;
        return r;
    }
    if (r == 0) {
        *ret_free = get_counter(image, block->bytes, index & (block_entries(image) - 1)) == 0;
    }
    return r;
}

/* As many of `n` clusters as one block counts. */
static uint64_t
count_part(struct qcow2 *image, uint64_t first, uint64_t n, uint64_t value, int *ret_error)
{
    const uint64_t left = block_entries(image) - (first & (block_entries(image) - 1));
    const uint64_t part = MIN_OF(left, n);
    struct qcow2_table *block;

    *ret_error = get_block(image, first, &block);
    if (*ret_error == 0) {
        *ret_error = block ? set_counters(image, block, first, part, value) : -EIO;
    }
    return part;
}

/* Count clusters that look_at() found free; back to free when that fails half way. */
static int
count_run(struct qcow2 *image, uint64_t first, uint64_t n)
{
    uint64_t done = 0;
    int r = 0;

    while (r == 0 && done < n) {
        done += count_part(image, first + done, n - done, 1, &r);
    }
    for (uint64_t undone = 0;
         r < 0 && undone < done;) { /* that of the last block may be half written */
        int failed;

        undone += count_part(image, first + undone, done - undone, 0, &failed);
    }
    return r;
}

int
qcow2_allocate(struct qcow2 *image, uint64_t want, bool exact, uint64_t *ret_offset,
               uint64_t *ret_n)
{
    uint64_t index = image->free_hint;
    uint64_t run = 0;
    int r;

    if (image->damaged) {
        return -EIO;
    }
    for (;;) {
        bool is_free = false;

        if (index << image->cluster_bits > QCOW2_OFFSET_MASK - image->cluster_size) {
            return -EFBIG;
        }
        r = look_at(image, index, &is_free);
        if (r < 0) {
            return r;
        }
        if (!is_free && run > 0 && !exact) {
            break;
        }
        run = is_free ? run + 1 : 0;
        index++;
        if (run == want) {
            break;
        }
    }
    for (uint64_t i = 1; i <= run; i++) {
        if (qcow2_is_metadata(image, (index - i) << image->cluster_bits)) {
            return qcow2_found_damage(image);
        }
    }
    r = count_run(image, index - run, run);
    if (r < 0) {
        return r;
    }
    if (!exact) {
        image->free_hint = index;
    }
    *ret_offset = (index - run) << image->cluster_bits;
    *ret_n = run;
    return 0;
}

int
qcow2_release(struct qcow2 *image, uint64_t offset)
{
    const uint64_t index = offset >> image->cluster_bits;
    struct qcow2_table *block;
    uint64_t count;
    int r = get_block(image, index, &block);

    if (r < 0) {
        return r;
    }
    count = block ? get_counter(image, block->bytes, index & (block_entries(image) - 1)) : 0;
    if (count == 0) {
        return qcow2_found_damage(image);
    }
    r = set_counters(image, block, index, 1, count - 1);
    if (r < 0 || count > 1) {
        return r;
    }
    image->free_hint = MIN_OF(image->free_hint, index);
    if (image->sparse && !image->no_holes) {
        image->no_holes =
            fallocate(image->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                      (off_t)(index << image->cluster_bits), (off_t)image->cluster_size) < 0;
    }
    return 0;
}
