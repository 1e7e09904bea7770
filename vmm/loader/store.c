/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/loader/store.h"

#include <errno.h>
#include <string.h>

#include "vmm/base/bytes.h"
#include "vmm/protocol/loader.h"

enum {
    CHUNK_SIZE = 256 * 1024,
    LANES = 4,
    LANE_TURN = 27,
};

#define LANE_FACTOR UINT64_C(0x9e3779b97f4a7c15) /* odd: a word that changed changes the sum */

/*
 * Finds what a disk or a crash damaged; against malice the file's owner and mode are checked. Takes half
 * an instruction for a byte where zlib's CRC-32 takes four, of 66 MB at each boot.
 */
struct sum {
    uint64_t lane[LANES];
};

static void
sum_word(uint64_t *lane, const uint8_t *word)
{
    const uint64_t mixed = *lane ^ load_le64(word);

    *lane = (mixed << LANE_TURN | mixed >> (64 - LANE_TURN)) * LANE_FACTOR;
}

/* The same pieces, of CHUNK_SIZE bytes and the last, give the same sum; zeros are behind each. */
static void
sum_add(struct sum *sum, const uint8_t *data, uint64_t size)
{
    enum {
        STEP = LANES * sizeof(uint64_t)
    };
    struct sum now = *sum;
    uint8_t last[STEP] = {0};
    uint64_t at = 0;

    for (; size - at >= STEP; at += STEP) {
        for (size_t i = 0; i < LANES; i++) {
            sum_word(&now.lane[i], data + at + i * sizeof(uint64_t));
        }
    }
    memcpy(last, data + at, size - at);
    for (size_t i = 0; i < LANES; i++) {
        sum_word(&now.lane[i], last + i * sizeof(uint64_t));
    }
    *sum = now;
}

static uint32_t
sum_end(const struct sum *sum)
{
    uint64_t all = 0;

    for (size_t i = 0; i < LANES; i++) {
        all = (all ^ sum->lane[i]) * LANE_FACTOR;
        all ^= all >> 32;
    }
    return (uint32_t)all;
}

static bool
is_whole(const struct source *file, uint64_t size, uint32_t wanted)
{
    struct sum sum = {0};
    int r = 0;

    for (uint64_t at = 0; r == 0 && at < size; at += CHUNK_SIZE) {
        const uint64_t n = MIN_OF(size - at, (uint64_t)CHUNK_SIZE);
        struct source_view view;

        r = source_view(file, at, n, &view);
        if (r == 0) {
            sum_add(&sum, view.data, n);
            source_view_end(&view);
        }
    }
    return r == 0 && sum_end(&sum) == wanted;
}

int
store_open(struct store *store, const char *name, struct source *ret_elf)
{
    struct loader_store_end end;
    struct source file;

    if (store->stored_fd < 0) {
        return -ENOENT;
    }
    store->is_bad = true;
    if (source_open(&file, store->stored_fd, name) < 0 || file.size <= sizeof(end) ||
        source_read(&file, file.size - sizeof(end), &end, sizeof(end)) < 0 ||
        memcmp(end.magic, LOADER_STORE_MAGIC, sizeof(end.magic)) != 0 ||
        end.size != file.size - sizeof(end) || !is_whole(&file, end.size, end.sum)) {
        return -EBADMSG;
    }
    store->is_bad = false;
    file.size = end.size;
    *ret_elf = file;
    return 0;
}

void
store_keep(struct store *store, const struct source *elf)
{
    if (store->fill_fd >= 0 && elf->memory) {
        struct sum sum = {0};

        for (uint64_t at = 0; at < elf->size; at += CHUNK_SIZE) {
            sum_add(&sum, (const uint8_t *)elf->memory + at,
                    MIN_OF(elf->size - at, (uint64_t)CHUNK_SIZE));
        }
        store->size = elf->size;
        store->sum = sum_end(&sum);
    }
}
