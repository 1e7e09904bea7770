/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/extract/partitions.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "vmm/base/bytes.h"

enum {
    BLOCK = 512,
    ENTRY_MIN = 128,
    ENTRY_MAX = 4096,
    MBR_ENTRIES = 4,
    MBR_AT = 446,
    MBR_ENTRY = 16,
    MBR_ID_AT = 440,
    MBR_TYPE_GPT = 0xee,
};

int
disk_read_all(struct disk *disk, void *to, size_t size, uint64_t offset)
{
    uint8_t *at = to;

    if (!range_inside(offset, size, disk->size)) {
        return -EINVAL;
    }
    while (size > 0) {
        const struct iovec iov = {.iov_base = at, .iov_len = size};
        ssize_t n = disk_read(disk, &iov, 1, offset);

        if (n <= 0) {
            return n < 0 ? (int)n : -EIO;
        }
        at += n;
        size -= (size_t)n;
        offset += (uint64_t)n;
    }
    return 0;
}

/* False when the blocks are not inside the disk. */
static bool
place(const struct disk *disk, uint64_t first, uint64_t count, struct partition *partition)
{
    const uint64_t blocks = disk->size / BLOCK;

    if (first == 0 || count == 0 || !range_inside(first, count, blocks)) {
        return false;
    }
    partition->offset = first * BLOCK;
    partition->length = count * BLOCK;
    return true;
}

/* A GUID as text, whose first three fields are little-endian. */
static void
name_guid(const uint8_t *guid, char *to)
{
    snprintf(to, PARTITION_ROOT_SIZE, "PARTUUID=%08x-%04x-%04x-%02x%02x-%02x%02x%02x%02x%02x%02x",
             load_le32(guid), load_le16(guid + 4), load_le16(guid + 6), guid[8], guid[9], guid[10],
             guid[11], guid[12], guid[13], guid[14], guid[15]);
}

static size_t
read_gpt(struct disk *disk, const uint8_t *header, struct partition partition[PARTITIONS_MAX])
{
    static const uint8_t unused[16];
    const uint64_t table = load_le64(header + 72);
    const uint32_t n_entries = MIN_OF(load_le32(header + 80), (uint32_t)PARTITIONS_MAX);
    const uint32_t size = load_le32(header + 84);
    uint8_t entry[ENTRY_MIN];
    size_t n = 0;

    if (size < ENTRY_MIN || size > ENTRY_MAX || table > disk->size / BLOCK) {
        return 0;
    }
    for (uint32_t i = 0; i < n_entries; i++) {
        if (disk_read_all(disk, entry, sizeof(entry), table * BLOCK + (uint64_t)i * size) < 0) {
            break;
        }
        const uint64_t first = load_le64(entry + 32);
        const uint64_t last = load_le64(entry + 40);

        if (memcmp(entry, unused, sizeof(unused)) != 0 && last >= first && last < UINT64_MAX &&
            place(disk, first, last - first + 1, &partition[n])) {
            name_guid(entry + 16, partition[n].root);
            n++;
        }
    }
    return n;
}

static size_t
read_mbr(const struct disk *disk, const uint8_t *block, struct partition partition[PARTITIONS_MAX])
{
    size_t n = 0;

    for (unsigned int i = 0; i < MBR_ENTRIES; i++) {
        const uint8_t *entry = block + MBR_AT + (size_t)i * MBR_ENTRY;

        if (entry[4] != 0 && entry[4] != MBR_TYPE_GPT &&
            place(disk, load_le32(entry + 8), load_le32(entry + 12), &partition[n])) {
            snprintf(partition[n].root, PARTITION_ROOT_SIZE, "PARTUUID=%08x-%02x",
                     load_le32(block + MBR_ID_AT), i + 1);
            n++;
        }
    }
    return n;
}

size_t
partitions_read(struct disk *disk, struct partition partition[PARTITIONS_MAX])
{
    uint8_t block[2 * BLOCK];
    size_t n = 0;

    if (disk_read_all(disk, block, sizeof(block), 0) < 0) {
        return 0;
    }
    if (memcmp(block + BLOCK, "EFI PART", 8) == 0) {
        n = read_gpt(disk, block + BLOCK, partition);
    }
    if (n == 0 && block[BLOCK - 2] == 0x55 && block[BLOCK - 1] == 0xaa) {
        n = read_mbr(disk, block, partition);
    }
    if (n == 0) {
        partition[0] = (struct partition){.length = disk->size / BLOCK * BLOCK, .root = "/dev/vda"};
        n = 1;
    }
    return n;
}
