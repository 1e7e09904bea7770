/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/disk/qcow2-header.h"

#include <errno.h>
#include <string.h>

#include "vmm/base/bytes.h"

enum {
    SIZE_V2 = 72,
    SIZE_V3 = 104,
    EXTENSION_END = 0,
};

#define EXTENSION_BACKING_FORMAT UINT32_C(0xe2792aca)

static int
refuse(int error, const char *why, const char **ret_why)
{
    *ret_why = why;
    return error;
}

bool
qcow2_magic(const uint8_t *bytes, size_t size)
{
    return size >= 4 && load_be32(bytes) == QCOW2_MAGIC;
}

uint64_t
qcow2_l1_entries(uint32_t cluster_bits, uint64_t size)
{
    const uint32_t bits = 2 * cluster_bits - 3; /* bytes that one L2 table stands for */

    return size > INT64_MAX ? UINT64_MAX : (size + (UINT64_C(1) << bits) - 1) >> bits;
}

static void
read_fields(const uint8_t *bytes, size_t size, struct qcow2_header *header)
{
    header->version = load_be32(bytes + 4);
    header->cluster_bits = load_be32(bytes + 20);
    header->size = load_be64(bytes + 24);
    header->l1_size = load_be32(bytes + 36);
    header->l1_offset = load_be64(bytes + 40);
    header->refcount_table_offset = load_be64(bytes + 48);
    header->refcount_table_clusters = load_be32(bytes + 56);
    header->n_snapshots = load_be32(bytes + 60);
    header->refcount_order = 4;
    if (header->version > 2 && size >= SIZE_V3) {
        header->incompatible = load_be64(bytes + 72);
        header->autoclear = load_be64(bytes + 88);
        header->refcount_order = load_be32(bytes + 96);
    }
}

static int
check_features(const struct qcow2_header *header, bool writable, const char **ret_why)
{
    const uint64_t known =
        QCOW2_INCOMPATIBLE_DIRTY | QCOW2_INCOMPATIBLE_CORRUPT | QCOW2_INCOMPATIBLE_COMPRESSION;

    if (header->incompatible & QCOW2_INCOMPATIBLE_DATA_FILE) {
        return refuse(-EOPNOTSUPP, "it keeps its data in another file (external data file)",
                      ret_why);
    }
    if (header->incompatible & QCOW2_INCOMPATIBLE_SUBCLUSTERS) {
        return refuse(-EOPNOTSUPP, "it has subclusters (extended L2 entries)", ret_why);
    }
    if (header->incompatible & ~known) {
        return refuse(-EOPNOTSUPP, "it has a feature that is not known here", ret_why);
    }
    if (!writable) {
        return 0;
    }
    if (header->incompatible & QCOW2_INCOMPATIBLE_CORRUPT) {
        return refuse(-EUCLEAN, "it is marked as damaged", ret_why);
    }
    if (header->incompatible & QCOW2_INCOMPATIBLE_DIRTY) {
        return refuse(-EUCLEAN, "its writer was ended before its counters were complete (dirty)",
                      ret_why);
    }
    if (header->n_snapshots > 0) {
        return refuse(-EOPNOTSUPP, "it has internal snapshots, so it can only be read", ret_why);
    }
    return 0;
}

static int
check_tables(const struct qcow2_header *header, uint64_t file_size, const char **ret_why)
{
    const uint64_t cluster = UINT64_C(1) << header->cluster_bits;
    const uint64_t l1_bytes = (uint64_t)header->l1_size * 8;
    const uint64_t refcount_bytes = (uint64_t)header->refcount_table_clusters
                                    << header->cluster_bits;

    if (header->size == 0 || header->size > INT64_MAX) {
        return refuse(-EINVAL, "its size makes no sense", ret_why);
    }
    if (l1_bytes > QCOW2_L1_BYTES_MAX ||
        qcow2_l1_entries(header->cluster_bits, header->size) > header->l1_size) {
        return refuse(-EINVAL, "its L1 table does not fit its size", ret_why);
    }
    if (header->l1_offset % cluster != 0 || header->l1_offset == 0 ||
        !range_inside(header->l1_offset, l1_bytes, file_size)) {
        return refuse(-EINVAL, "its L1 table lies outside of the file", ret_why);
    }
    if (refcount_bytes == 0 || refcount_bytes > QCOW2_REFCOUNT_TABLE_BYTES_MAX ||
        header->refcount_table_offset % cluster != 0 || header->refcount_table_offset == 0 ||
        !range_inside(header->refcount_table_offset, refcount_bytes, file_size)) {
        return refuse(-EINVAL, "its table of counters lies outside of the file", ret_why);
    }
    return 0;
}

/* A text of an image: no NUL and no control character in it. */
static bool
copy_text(char *to, size_t capacity, const uint8_t *bytes, uint64_t size)
{
    if (size >= capacity) {
        return false;
    }
    for (uint64_t i = 0; i < size; i++) {
        if (bytes[i] < 0x20 || bytes[i] == 0x7f) {
            return false;
        }
    }
    memcpy(to, bytes, (size_t)size);
    to[size] = '\0';
    return true;
}

static int
read_extensions(const uint8_t *bytes, uint64_t at, uint64_t end, struct qcow2_header *header,
                const char **ret_why)
{
    while (range_inside(at, 8, end)) {
        const uint32_t type = load_be32(bytes + at);
        const uint64_t length = load_be32(bytes + at + 4);

        if (type == EXTENSION_END) {
            return 0;
        }
        if (!range_inside(at + 8, length, end)) {
            return refuse(-EINVAL, "an extension of its header is too long", ret_why);
        }
        if (type == EXTENSION_BACKING_FORMAT &&
            !copy_text(header->backing_format, QCOW2_FORMAT_SIZE, bytes + at + 8, length)) {
            return refuse(-EOPNOTSUPP, "the format of its backing file is not known here", ret_why);
        }
        at += 8 + align_up(length, 8);
    }
    return 0;
}

static int
read_backing(const uint8_t *bytes, uint64_t end, struct qcow2_header *header, uint64_t *ret_end,
             const char **ret_why)
{
    const uint64_t offset = load_be64(bytes + 8);
    const uint64_t size = load_be32(bytes + 16);

    *ret_end = end;
    if (offset == 0) {
        return 0;
    }
    if (size == 0 || !range_inside(offset, size, end) ||
        !copy_text(header->backing, QCOW2_NAME_SIZE, bytes + offset, size)) {
        return refuse(-EINVAL, "the name of its backing file cannot be read", ret_why);
    }
    *ret_end = offset;
    return 0;
}

static int
read_version_3(const uint8_t *bytes, uint64_t end, struct qcow2_header *header,
               uint64_t *ret_length, const char **ret_why)
{
    const uint64_t length = load_be32(bytes + 100);
    const uint8_t compression = length > SIZE_V3 && end > SIZE_V3 ? bytes[SIZE_V3] : 0;

    if (length < SIZE_V3 || length % 8 != 0 || length > end) {
        return refuse(-EINVAL, "its header's length makes no sense", ret_why);
    }
    if (header->refcount_order > 6) {
        return refuse(-EINVAL, "the width of its counters makes no sense", ret_why);
    }
    if (!(header->incompatible & QCOW2_INCOMPATIBLE_COMPRESSION) != !compression) {
        return refuse(-EINVAL, "its kind of compression makes no sense", ret_why);
    }
    if (compression > QCOW2_COMPRESSION_ZSTD) {
        return refuse(-EOPNOTSUPP, "its kind of compression is not known here", ret_why);
    }
    header->compression = (enum qcow2_compression)compression;
    *ret_length = length;
    return 0;
}

static int
check_kind(const uint8_t *bytes, size_t size, const struct qcow2_header *header,
           const char **ret_why)
{
    if (header->version != 2 && header->version != 3) {
        return refuse(-EOPNOTSUPP, "its version is neither 2 nor 3", ret_why);
    }
    if (size < SIZE_V3 && header->version > 2) {
        return refuse(-EINVAL, "it is too short for a header", ret_why);
    }
    if (header->cluster_bits < QCOW2_CLUSTER_BITS_MIN ||
        header->cluster_bits > QCOW2_CLUSTER_BITS_MAX) {
        return refuse(-EOPNOTSUPP, "its clusters are not between 512 bytes and 2 MiB", ret_why);
    }
    if (load_be32(bytes + 32) != 0) {
        return refuse(-EOPNOTSUPP, "it is encrypted", ret_why);
    }
    return 0;
}

/* What lies behind the numbers: features, tables, texts. */
static int
read_rest(const struct qcow2_start *start, struct qcow2_header *header, const char **ret_why)
{
    const uint8_t *bytes = start->bytes;
    uint64_t end = MIN_OF((uint64_t)start->size, UINT64_C(1) << header->cluster_bits);
    uint64_t length = SIZE_V2;
    int r = 0;

    if (header->version == 3) {
        r = read_version_3(bytes, end, header, &length, ret_why);
    }
    if (r == 0) {
        r = check_tables(header, start->file_size, ret_why);
    }
    if (r == 0) {
        r = read_backing(bytes, end, header, &end, ret_why);
    }
    return r < 0 ? r : read_extensions(bytes, length, end, header, ret_why);
}

int
qcow2_header_read(const struct qcow2_start *start, struct qcow2_header *ret_header,
                  const char **ret_why)
{
    struct qcow2_header header = {0};
    int r;

    if (!qcow2_magic(start->bytes, start->size)) {
        return refuse(-EINVAL, "it does not begin as a qcow2 image does", ret_why);
    }
    if (start->size < SIZE_V2) {
        return refuse(-EINVAL, "it is too short for a header", ret_why);
    }
    read_fields(start->bytes, start->size, &header);
    r = check_kind(start->bytes, start->size, &header, ret_why);
    if (r == 0) {
        r = check_features(&header, start->writable, ret_why);
    }
    if (r == 0) {
        r = read_rest(start, &header, ret_why);
    }
    if (r == 0) {
        *ret_header = header;
    }
    return r;
}
