/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The header of a qcow2 image, as QEMU's docs/interop/qcow2 describes it: read from bytes and checked,
 * without opening or following anything.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QCOW2_INCOMPATIBLE_DIRTY       (UINT64_C(1) << 0)
#define QCOW2_INCOMPATIBLE_CORRUPT     (UINT64_C(1) << 1)
#define QCOW2_INCOMPATIBLE_DATA_FILE   (UINT64_C(1) << 2)
#define QCOW2_INCOMPATIBLE_COMPRESSION (UINT64_C(1) << 3)
#define QCOW2_INCOMPATIBLE_SUBCLUSTERS (UINT64_C(1) << 4)

enum {
    QCOW2_MAGIC = 0x514649fb,
    QCOW2_CLUSTER_BITS_MIN = 9,
    QCOW2_CLUSTER_BITS_MAX = 21,
    QCOW2_L1_BYTES_MAX = 32 << 20,
    QCOW2_REFCOUNT_TABLE_BYTES_MAX = 8 << 20,
    QCOW2_NAME_SIZE = 1024, /* of a backing file, NUL included */
    QCOW2_FORMAT_SIZE = 16,
    QCOW2_HEADER_BYTES_MAX = 65536, /* that qcow2_header_read() looks at */
};

enum qcow2_compression {
    QCOW2_COMPRESSION_DEFLATE = 0,
    QCOW2_COMPRESSION_ZSTD = 1,
};

struct qcow2_header {
    uint32_t version;
    uint32_t cluster_bits;
    uint64_t size; /* of the disk, bytes */
    uint32_t l1_size;
    uint64_t l1_offset;
    uint64_t refcount_table_offset;
    uint32_t refcount_table_clusters;
    uint32_t n_snapshots;
    uint64_t incompatible;
    uint64_t autoclear;
    uint32_t refcount_order;
    enum qcow2_compression compression;
    char backing[QCOW2_NAME_SIZE]; /* empty: none */
    char backing_format[QCOW2_FORMAT_SIZE];
};

/* True when the bytes begin as a qcow2 image does. */
bool qcow2_magic(const uint8_t *bytes, size_t size);

/* The beginning of a file: its first QCOW2_HEADER_BYTES_MAX bytes, or all there are. */
struct qcow2_start {
    const uint8_t *bytes;
    size_t size;
    uint64_t file_size;
    bool writable; /* it will be written */
};

/*
 * Read the header of an image. What cannot be used is refused: -EINVAL for what is damaged, -EOPNOTSUPP
 * for what is not supported, -EUCLEAN for an image that must not be written before it was repaired.
 * *ret_why (static text) is then a clause about the image: "it is encrypted". All numbers are inside of
 * what qcow2_open() needs, none is trusted further.
 */
int qcow2_header_read(const struct qcow2_start *start, struct qcow2_header *ret_header,
                      const char **ret_why);

/* Entries that an L1 table needs for a disk of `size` bytes; UINT64_MAX when that is beyond all bounds. */
uint64_t qcow2_l1_entries(uint32_t cluster_bits, uint64_t size);
