/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/loader/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "vmm/base/bytes.h"
#include "vmm/protocol/loader.h"

enum {
    CHUNK_SIZE = 256 * 1024
};

static bool
is_whole(const struct source *file, uint64_t size, uint32_t wanted)
{
    uint8_t *chunk = malloc(CHUNK_SIZE);
    int r = chunk ? 0 : -ENOMEM;
    uint32_t sum = 0;

    for (uint64_t at = 0; r == 0 && at < size; at += CHUNK_SIZE) {
        uint64_t n = MIN_OF(size - at, (uint64_t)CHUNK_SIZE);

        r = source_read(file, at, chunk, n);
        sum = r == 0 ? (uint32_t)crc32(sum, chunk, (uInt)n) : sum;
    }
    free(chunk);
    return r == 0 && sum == wanted;
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
        store->size = elf->size;
        store->sum = (uint32_t)crc32_z(0, elf->memory, elf->size);
    }
}
