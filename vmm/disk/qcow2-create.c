/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/disk/qcow2.h"

enum {
    HEADER_LENGTH = 112,
    REFCOUNT_ORDER = 4,
    /* The order of clusters. */
    AT_REFCOUNT_TABLE = 1,
    AT_REFCOUNT_BLOCK = 2,
    AT_L1 = 3,
};

#define EXTENSION_BACKING_FORMAT UINT32_C(0xe2792aca)

static void
fill_backing(uint8_t *bytes, const struct qcow2_new *new_image)
{
    const size_t format = strlen(new_image->backing_format);
    const size_t name = strlen(new_image->backing);
    uint8_t *at = bytes + HEADER_LENGTH;

    store_be32(at, EXTENSION_BACKING_FORMAT);
    store_be32(at + 4, (uint32_t)format);
    memcpy(at + 8, new_image->backing_format, format);
    at += 8 + align_up(format, 8) + 8; /* behind the extension that ends the list */
    store_be64(bytes + 8, (uint64_t)(at - bytes));
    store_be32(bytes + 16, (uint32_t)name);
    memcpy(at, new_image->backing, name);
}

static void
fill_header(uint8_t *bytes, const struct qcow2_new *new_image, uint32_t l1_size)
{
    store_be32(bytes, QCOW2_MAGIC);
    store_be32(bytes + 4, 3);
    store_be32(bytes + 20, new_image->cluster_bits);
    store_be64(bytes + 24, new_image->size);
    store_be32(bytes + 36, l1_size);
    store_be64(bytes + 40, (uint64_t)AT_L1 << new_image->cluster_bits);
    store_be64(bytes + 48, (uint64_t)AT_REFCOUNT_TABLE << new_image->cluster_bits);
    store_be32(bytes + 56, 1);
    store_be32(bytes + 96, REFCOUNT_ORDER);
    store_be32(bytes + 100, HEADER_LENGTH);
    if (new_image->backing) {
        fill_backing(bytes, new_image);
    }
}

int
qcow2_create(int fd, const struct qcow2_new *new_image)
{
    const uint32_t bits = new_image->cluster_bits;
    const uint64_t cluster = UINT64_C(1) << bits;
    const size_t name = new_image->backing ? strlen(new_image->backing) : 0;
    uint64_t entries;
    uint64_t clusters;
    cleanup_free uint8_t *bytes = NULL;

    if (bits < 12 || bits > QCOW2_CLUSTER_BITS_MAX || new_image->size == 0 ||
        new_image->size % 512 != 0 || name >= QCOW2_NAME_SIZE) {
        return -EINVAL;
    }
    entries = qcow2_l1_entries(bits, new_image->size);
    if (entries > QCOW2_L1_BYTES_MAX / 8) {
        return -EINVAL;
    }
    clusters = AT_L1 + ((entries * 8 + cluster - 1) >> bits);
    if (clusters * 2 > cluster) { /* more than one block of counters counts */
        return -EINVAL;
    }
    bytes = calloc(clusters, cluster);
    if (!bytes) {
        return -ENOMEM;
    }
    fill_header(bytes, new_image, (uint32_t)entries);
    store_be64(bytes + (AT_REFCOUNT_TABLE << bits), (uint64_t)AT_REFCOUNT_BLOCK << bits);
    for (uint64_t i = 0; i < clusters; i++) {
        bytes[(AT_REFCOUNT_BLOCK << bits) + 2 * i + 1] = 1;
    }
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): cleanup_free frees it */
    return fd_pwrite_full(fd, bytes, (size_t)(clusters * cluster), 0);
}
