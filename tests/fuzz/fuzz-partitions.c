/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The table of partitions of an image that somebody made to do harm. */

#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "vmm/base/assert.h"
#include "vmm/base/bytes.h"
#include "vmm/extract/partitions.h"

struct memory_disk {
    struct disk disk;
    const uint8_t *data;
    size_t size; /* what lies behind it is zeros */
};

static ssize_t
memory_read(struct disk *disk, const struct iovec *iov, size_t n, uint64_t offset)
{
    const struct memory_disk *memory = (const struct memory_disk *)disk;

    assert(n == 1 && range_inside(offset, iov->iov_len, disk->size));
    for (size_t i = 0; i < iov->iov_len; i++) {
        ((uint8_t *)iov->iov_base)[i] = offset + i < memory->size ? memory->data[offset + i] : 0;
    }
    return (ssize_t)iov->iov_len;
}

/* The first byte says whether the second block is made the head of a GPT. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct disk_ops ops = {.read = memory_read};
    struct fuzz_input input = {data, size};
    const uint64_t how = fuzz_take(&input, 1);
    const uint64_t length = fuzz_take(&input, 5);
    uint8_t bytes[4096] = {0};
    struct memory_disk memory = {
        .disk = {.ops = &ops, .size = length}, .data = bytes, .size = sizeof(bytes)};
    struct partition partition[PARTITIONS_MAX];
    size_t n;

    memcpy(bytes + (how & 2 ? 446 : 512), input.data, MIN_OF(input.size, sizeof(bytes) - 512));
    if (how & 1) {
        store_le64(bytes + 512, 0x5452415020494645); /* “EFI PART” */
    }
    if (how & 4) {
        store_le64(bytes + 512 + 72, 2);
        store_le32(bytes + 512 + 84, 128);
    }
    bytes[510] = 0x55;
    bytes[511] = 0xaa;
    n = partitions_read(&memory.disk, partition);
    assert(n <= PARTITIONS_MAX);
    for (size_t i = 0; i < n; i++) {
        assert(range_inside(partition[i].offset, partition[i].length, length));
        assert(strlen(partition[i].root) < PARTITION_ROOT_SIZE && partition[i].root[0]);
    }
    return 0;
}
