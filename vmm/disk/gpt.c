/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/disk/gpt.h"

#include <string.h>
#include <zlib.h>

#include "vmm/base/bytes.h"

enum {
    HEADER_SIZE = 92,
    HEADER_CRC_AT = 16,
    ENTRY_SIZE = 128,
    TABLE_BYTES = GPT_PARTITIONS_MAX * ENTRY_SIZE,
    FIRST_USABLE = 34, /* the block behind the first table */
    REVISION = 0x10000,
    MBR_ENTRY_AT = 446,
    MBR_TYPE_PROTECTIVE = 0xee,
    GUID_TEXT_LENGTH = 36,
};

/* 0fc63daf-8483-4772-8e79-3d69d8477de4: data of Linux. */
static const uint8_t linux_data[GPT_GUID_SIZE] = {0xaf, 0x3d, 0xc6, 0x0f, 0x83, 0x84, 0x72, 0x47,
                                                  0x8e, 0x79, 0x3d, 0x69, 0xd8, 0x47, 0x7d, 0xe4};

static const uint8_t signature[8] = {'E', 'F', 'I', ' ', 'P', 'A', 'R', 'T'};

static int
hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char lower = (char)(c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c);
    const char *found = c == '\0' ? NULL : strchr(digits, lower);

    return found ? (int)(found - digits) : -1;
}

bool
gpt_guid_from_text(const char *text, uint8_t ret_guid[GPT_GUID_SIZE])
{
    /* Where each byte stands in the text. The first three groups are numbers, lowest byte first. */
    static const uint8_t place[GPT_GUID_SIZE] = {6,  4,  2,  0,  11, 9,  16, 14,
                                                 19, 21, 24, 26, 28, 30, 32, 34};
    uint8_t guid[GPT_GUID_SIZE];

    if (strlen(text) != GUID_TEXT_LENGTH || text[8] != '-' || text[13] != '-' || text[18] != '-' ||
        text[23] != '-') {
        return false;
    }
    for (size_t i = 0; i < GPT_GUID_SIZE; i++) {
        const int high = hex_digit(text[place[i]]);
        const int low = hex_digit(text[place[i] + 1]);

        if (high < 0 || low < 0) {
            return false;
        }
        guid[i] = (uint8_t)(high << 4 | low);
    }
    memcpy(ret_guid, guid, sizeof(guid));
    return true;
}

static void
fill_mbr(uint8_t *bytes, uint64_t n_blocks)
{
    uint8_t *entry = bytes + MBR_ENTRY_AT;

    entry[2] = 2; /* cylinder 0, head 0, sector 2: the header */
    entry[4] = MBR_TYPE_PROTECTIVE;
    memset(entry + 5, 0xff, 3);
    store_le32(entry + 8, 1);
    store_le32(entry + 12, (uint32_t)MIN_OF(n_blocks - 1, (uint64_t)UINT32_MAX));
    bytes[510] = 0x55;
    bytes[511] = 0xaa;
}

static void
fill_table(uint8_t *table, const struct gpt *gpt)
{
    for (size_t i = 0; i < gpt->n_partitions; i++) {
        const struct gpt_partition *partition = &gpt->partition[i];
        uint8_t *entry = table + i * ENTRY_SIZE;

        memcpy(entry, linux_data, GPT_GUID_SIZE);
        memcpy(entry + 16, partition->guid, GPT_GUID_SIZE);
        store_le64(entry + 32, partition->offset / GPT_BLOCK);
        store_le64(entry + 40, (partition->offset + partition->length) / GPT_BLOCK - 1);
        for (size_t unit = 0; unit < GPT_NAME_UNITS; unit++) {
            store_le16(entry + 56 + 2 * unit, partition->name[unit]);
        }
    }
}

/* Where one of the two headers lies, and the other; and its table. In blocks. */
struct header_place {
    uint64_t own;
    uint64_t other;
    uint64_t table;
};

static void
fill_header(uint8_t *header, const struct gpt *gpt, const uint8_t *table,
            const struct header_place *place)
{
    memcpy(header, signature, sizeof(signature));
    store_le32(header + 8, REVISION);
    store_le32(header + 12, HEADER_SIZE);
    store_le64(header + 24, place->own);
    store_le64(header + 32, place->other);
    store_le64(header + 40, FIRST_USABLE);
    store_le64(header + 48, (gpt->size - GPT_END_BYTES) / GPT_BLOCK - 1);
    memcpy(header + 56, gpt->guid, GPT_GUID_SIZE);
    store_le64(header + 72, place->table);
    store_le32(header + 80, GPT_PARTITIONS_MAX);
    store_le32(header + 84, ENTRY_SIZE);
    store_le32(header + 88, (uint32_t)crc32(0, table, TABLE_BYTES));
    store_le32(header + HEADER_CRC_AT, (uint32_t)crc32(0, header, HEADER_SIZE));
}

void
gpt_fill(const struct gpt *gpt, uint8_t *start, uint8_t *end)
{
    const uint64_t n_blocks = gpt->size / GPT_BLOCK;
    const struct header_place first = {.own = 1, .other = n_blocks - 1, .table = 2};
    const struct header_place last = {
        .own = n_blocks - 1, .other = 1, .table = n_blocks - GPT_END_BYTES / GPT_BLOCK};

    memset(start, 0, GPT_START_BYTES);
    memset(end, 0, GPT_END_BYTES);
    fill_mbr(start, n_blocks);
    fill_table(start + (size_t)2 * GPT_BLOCK, gpt);
    fill_table(end, gpt);
    fill_header(start + GPT_BLOCK, gpt, end, &first);
    fill_header(end + TABLE_BYTES, gpt, end, &last);
}
