/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/devices/gpu/backing.h"

#include <errno.h>
#include <linux/virtio_gpu.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/base/bytes.h"

enum {
    READ_ENTRIES = 64
};

/* More than a guest has. */
#define PIECE_MAX (UINT64_C(1) << 40)

struct entry {
    uint64_t start; /* offset of its first byte in the resource */
    uint64_t address;
    uint64_t length;
};

struct backing {
    uint64_t size;
    uint32_t n_entries;
    struct entry entries[];
};

/* Append, joined with the entry before where both touch. */
static int
backing_append(struct backing *backing, uint64_t address, uint64_t length,
               const struct guest_memory *memory)
{
    struct entry *last = backing->n_entries ? &backing->entries[backing->n_entries - 1] : NULL;

    if (length == 0 || !guest_memory_range(memory, address, length)) {
        return -EINVAL;
    }
    if (last && last->address + last->length == address) {
        last->length += length;
    } else {
        backing->entries[backing->n_entries++] =
            (struct entry){.start = backing->size, .address = address, .length = length};
    }
    backing->size += length; /* at most 2^20 entries of less than 2^40 bytes: cannot overflow */
    return 0;
}

/* Entry `i` out of `n_entries`; the chain is read in pieces of READ_ENTRIES. */
static int
backing_next_entry(struct chain *chain, struct virtio_gpu_mem_entry raw[READ_ENTRIES], uint32_t i,
                   uint32_t n_entries)
{
    if (i % READ_ENTRIES != 0) {
        return 0;
    }
    size_t size = MIN_OF(n_entries - i, (uint32_t)READ_ENTRIES) * sizeof(raw[0]);
    return chain_read(chain, raw, size) == size ? 0 : -EINVAL;
}

static int
backing_read_entries(struct backing *backing, struct chain *chain, uint32_t n_entries,
                     const struct guest_memory *memory)
{
    struct virtio_gpu_mem_entry raw[READ_ENTRIES];
    int r = 0;

    for (uint32_t i = 0; r == 0 && i < n_entries; i++) {
        r = backing_next_entry(chain, raw, i, n_entries);
        if (r == 0) {
            r = backing_append(backing, le64toh(raw[i % READ_ENTRIES].addr),
                               le32toh(raw[i % READ_ENTRIES].length), memory);
        }
    }
    return r;
}

int
backing_make(const struct backing_piece *pieces, uint32_t n_pieces,
             const struct guest_memory *memory, struct backing **ret_backing)
{
    struct backing *backing;
    int r = 0;

    if (n_pieces == 0 || n_pieces > BACKING_ENTRIES_MAX || !memory) {
        return -EINVAL;
    }
    backing = malloc(sizeof(*backing) + n_pieces * sizeof(struct entry));
    if (!backing) {
        return -ENOMEM;
    }
    backing->size = 0;
    backing->n_entries = 0;
    for (uint32_t i = 0; r == 0 && i < n_pieces; i++) {
        r = pieces[i].length > PIECE_MAX
                ? -EINVAL
                : backing_append(backing, pieces[i].address, pieces[i].length, memory);
    }
    if (r < 0) {
        free(backing);
        return r;
    }
    *ret_backing = backing;
    return 0;
}

uint32_t
backing_count(const struct backing *backing)
{
    return backing->n_entries;
}

struct backing_piece
backing_piece_at(const struct backing *backing, uint32_t index)
{
    const struct entry *entry = &backing->entries[index];

    return (struct backing_piece){.address = entry->address, .length = entry->length};
}

int
backing_read(struct chain *chain, uint32_t n_entries, const struct guest_memory *memory,
             struct backing **ret_backing)
{
    uint64_t needed = (uint64_t)n_entries * sizeof(struct virtio_gpu_mem_entry);

    if (n_entries == 0 || n_entries > BACKING_ENTRIES_MAX || !memory ||
        chain->out_size - chain->out_position < needed) {
        return -EINVAL;
    }
    struct backing *backing = malloc(sizeof(*backing) + n_entries * sizeof(struct entry));
    if (!backing) {
        return -ENOMEM;
    }
    backing->size = 0;
    backing->n_entries = 0;
    int r = backing_read_entries(backing, chain, n_entries, memory);
    if (r < 0) {
        free(backing);
        return r;
    }
    *ret_backing = backing;
    return 0;
}

void
backing_destroy(struct backing *backing)
{
    free(backing);
}

uint64_t
backing_size(const struct backing *backing)
{
    return backing->size;
}

uint64_t
backing_cost(const struct backing *backing)
{
    return sizeof(*backing) + backing->n_entries * sizeof(struct entry);
}

/* Index of the entry that holds `offset`, which is inside. */
static uint32_t
backing_find(const struct backing *backing, uint64_t offset)
{
    uint32_t low = 0;
    uint32_t high = backing->n_entries - 1;

    while (low < high) {
        uint32_t middle = low + (high - low + 1) / 2;
        if (backing->entries[middle].start <= offset) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    return low;
}

bool
backing_copy(const struct backing *backing, const struct guest_memory *memory, uint64_t offset,
             void *data, uint64_t size)
{
    uint8_t *to = data;

    if (!memory || !range_inside(offset, size, backing->size)) {
        return false;
    }
    if (size == 0) {
        return true;
    }
    for (uint32_t i = backing_find(backing, offset); size > 0; i++) {
        const struct entry *entry = &backing->entries[i];
        uint64_t skip = offset - entry->start;
        uint64_t part = MIN_OF(entry->length - skip, size);
        const void *from = guest_memory_range(memory, entry->address + skip, part);
        if (!from) {
            return false;
        }
        memcpy(to, from, part);
        to += part;
        offset += part;
        size -= part;
    }
    return true;
}

bool
backing_store(const struct backing *backing, const struct guest_memory *memory, uint64_t offset,
              const void *data, uint64_t size)
{
    const uint8_t *from = data;

    if (!memory || !range_inside(offset, size, backing->size)) {
        return false;
    }
    for (uint32_t i = size ? backing_find(backing, offset) : 0; size > 0; i++) {
        const struct entry *entry = &backing->entries[i];
        uint64_t skip = offset - entry->start;
        uint64_t part = MIN_OF(entry->length - skip, size);
        void *to = guest_memory_range(memory, entry->address + skip, part);
        if (!to) {
            return false;
        }
        memcpy(to, from, part);
        from += part;
        offset += part;
        size -= part;
    }
    return true;
}

enum {
    DIFFERENCE_STEP = 64
};

/* Bytes of equal beginning and equal end; both `size` when all are equal. */
static uint64_t
equal_head(const uint8_t *a, const uint8_t *b, uint64_t size)
{
    uint64_t n = 0;

    while (size - n >= DIFFERENCE_STEP && memcmp(a + n, b + n, DIFFERENCE_STEP) == 0) {
        n += DIFFERENCE_STEP;
    }
    while (n < size && a[n] == b[n]) {
        n++;
    }
    return n;
}

static uint64_t
equal_tail(const uint8_t *a, const uint8_t *b, uint64_t size)
{
    uint64_t left = size;

    while (left >= DIFFERENCE_STEP &&
           memcmp(a + left - DIFFERENCE_STEP, b + left - DIFFERENCE_STEP, DIFFERENCE_STEP) == 0) {
        left -= DIFFERENCE_STEP;
    }
    while (left > 0 && a[left - 1] == b[left - 1]) {
        left--;
    }
    return size - left;
}

/* Make `part` bytes at `done` of the target equal to `from`, and extend what differed. */
static void
target_update(struct backing_target *target, uint64_t done, const uint8_t *from, uint64_t part)
{
    uint8_t *to = target->data + done;

    if (memcmp(from, to, part) ==
        0) { /* three times as quick as to look for the first difference */
        return;
    }
    /* The guest may write meanwhile: what differed may be equal, and the tail is what the head left. */
    uint64_t head = equal_head(from, to, part);
    if (head == part) {
        return;
    }
    uint64_t tail = equal_tail(from + head, to + head, part - head);
    memcpy(to + head, from + head, part - head - tail);
    if (target->first == target->end) {
        target->first = done + head;
    }
    target->end = done + part - tail;
}

bool
backing_update(const struct backing *backing, const struct guest_memory *memory, uint64_t offset,
               struct backing_target *target)
{
    uint64_t done = 0;

    target->first = 0;
    target->end = 0;
    if (!memory || !range_inside(offset, target->size, backing->size)) {
        return false;
    }
    for (uint32_t i = target->size ? backing_find(backing, offset) : 0; done < target->size; i++) {
        const struct entry *entry = &backing->entries[i];
        uint64_t skip = offset + done - entry->start;
        uint64_t part = MIN_OF(entry->length - skip, target->size - done);
        const uint8_t *from = guest_memory_range(memory, entry->address + skip, part);
        if (!from) {
            return false;
        }
        target_update(target, done, from, part);
        done += part;
    }
    return true;
}

int
backing_pages(const struct backing *backing, const struct guest_memory *memory,
              struct iovec **ret_pages, uint32_t *ret_n)
{
    struct iovec *pages = malloc(backing->n_entries * sizeof(*pages));

    if (!pages) {
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < backing->n_entries; i++) {
        const struct entry *entry = &backing->entries[i];

        pages[i].iov_base =
            memory ? guest_memory_range(memory, entry->address, entry->length) : NULL;
        pages[i].iov_len = entry->length;
        if (!pages[i].iov_base) {
            free(pages);
            return -EFAULT;
        }
    }
    *ret_pages = pages;
    *ret_n = backing->n_entries;
    return 0;
}
