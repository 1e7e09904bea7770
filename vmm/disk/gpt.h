/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A GUID partition table for blocks of 512 bytes, as the UEFI specification (2.10, chapter 5) has it. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    GPT_BLOCK = 512,
    GPT_PARTITIONS_MAX = 128,
    GPT_NAME_UNITS = 36,
    GPT_GUID_SIZE = 16,
    GPT_START_BYTES =
        40 * GPT_BLOCK,             /* protective MBR, header, table; then up to a page's border */
    GPT_END_BYTES = 33 * GPT_BLOCK, /* table, header */
};

/* For data of Linux. */
struct gpt_partition {
    uint8_t guid[GPT_GUID_SIZE];
    uint64_t offset; /* bytes, whole blocks; at least GPT_START_BYTES */
    uint64_t length; /* the same; not 0 */
    uint16_t name[GPT_NAME_UNITS];
};

struct gpt {
    uint64_t size; /* of the disk, bytes, whole blocks */
    uint8_t guid[GPT_GUID_SIZE];
    size_t n_partitions; /* at most GPT_PARTITIONS_MAX */
    const struct gpt_partition *partition;
};

/* From “0fc63daf-8483-4772-8e79-3d69d8477de4”, in the byte order of the table. */
bool gpt_guid_from_text(const char *text, uint8_t ret_guid[GPT_GUID_SIZE]);

/* Fill the first GPT_START_BYTES and the last GPT_END_BYTES of the disk. */
void gpt_fill(const struct gpt *gpt, uint8_t *start, uint8_t *end);
