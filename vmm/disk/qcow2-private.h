/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files of a qcow2 image share; private to vmm/disk. Offsets are of the host's file. */

#include "vmm/base/bytes.h"
#include "vmm/disk/qcow2.h"

#define QCOW2_OFFSET_MASK UINT64_C(0x00fffffffffffe00)
#define QCOW2_COPIED      (UINT64_C(1) << 63)
#define QCOW2_COMPRESSED  (UINT64_C(1) << 62)
#define QCOW2_ZERO        UINT64_C(1)
/* Bits of entries that must be 0. */
#define QCOW2_L1_RESERVED UINT64_C(0x7f000000000001ff)
#define QCOW2_L2_RESERVED UINT64_C(0x3f000000000001fe)

enum {
    QCOW2_L2_TABLES_MIN = 4,
    QCOW2_L2_TABLES_MAX = 256,
    QCOW2_REFCOUNT_BLOCKS = 8,
    QCOW2_FREED_MAX = 2048,
    QCOW2_CACHE_BYTES = 8 << 20,
    QCOW2_RUN_MAX = 4 << 20, /* bytes that are looked up at once */
};

enum qcow2_kind {
    QCOW2_KIND_NONE, /* the backing file's, or zeros */
    QCOW2_KIND_ZERO,
    QCOW2_KIND_DATA,
    QCOW2_KIND_COMPRESSED,
};

/* Clusters after each other that are kept in the same way, from a place in the disk on. */
struct qcow2_run {
    enum qcow2_kind kind;
    uint64_t offset; /* in the disk */
    uint64_t size;   /* bytes, up to the end of the last cluster or of what was asked for */
    uint64_t host;   /* with QCOW2_KIND_DATA: of the first byte */
    uint64_t entry;  /* of the first cluster */
};

/* One cluster of metadata in memory. */
struct qcow2_table {
    uint64_t offset; /* 0: unused */
    uint64_t used;   /* when, for choosing the one to give up */
    uint8_t *bytes;
    uint32_t dirty_from; /* bytes; from == to: as in the file */
    uint32_t dirty_to;
};

struct qcow2_cache {
    struct qcow2_table *table;
    size_t n;
    uint64_t clock;
};

struct qcow2 {
    struct disk disk;
    int fd;
    bool read_only;
    bool sparse;
    bool damaged;  /* found so: nothing is written any more */
    bool no_holes; /* the file system refused */
    uint32_t version;
    uint32_t cluster_bits;
    uint64_t cluster_size;
    uint32_t l2_bits; /* log2 of the entries of an L2 table */
    enum qcow2_compression compression;
    uint32_t refcount_order;
    uint64_t file_end; /* bytes behind it were never written: they read as zeros */
    struct disk *backing;

    uint8_t *l1; /* as in the file: big endian */
    uint32_t l1_size;
    uint64_t l1_offset;
    uint32_t l1_dirty_from; /* entries */
    uint32_t l1_dirty_to;
    uint8_t *refcount_table;
    uint64_t refcount_entries;
    uint64_t refcount_table_offset;
    uint64_t free_hint; /* index: no free cluster lies before */

    struct qcow2_cache l2;
    struct qcow2_cache refcounts;
    uint64_t *freed; /* offsets of clusters to count down once no table in the file names them */
    size_t n_freed;

    uint8_t *copy;           /* a cluster, for copy on write */
    uint8_t *unpacked;       /* a cluster that was compressed */
    uint64_t unpacked_entry; /* its L2 entry; 0: none */
    uint8_t *packed;         /* bytes of a compressed cluster */
    struct qcow2_unpacker *unpacker;
};

static inline uint32_t
qcow2_l1_index(const struct qcow2 *image, uint64_t offset)
{
    return (uint32_t)(offset >> (image->cluster_bits + image->l2_bits));
}

static inline uint32_t
qcow2_l2_index(const struct qcow2 *image, uint64_t offset)
{
    return (uint32_t)(offset >> image->cluster_bits) & ((1U << image->l2_bits) - 1);
}

/* qcow2-read.c */
/* The run that begins at `offset` of the disk, at most `size` bytes of it. 0 or -errno. */
int qcow2_find_run(struct qcow2 *image, uint64_t offset, uint64_t size, struct qcow2_run *ret_run);
/* Bytes of it that were read, at least one and perhaps fewer than asked, or -errno. */
ssize_t qcow2_read_run(struct qcow2 *image, const struct qcow2_run *run, const struct iovec *iov,
                       size_t n);
ssize_t qcow2_read(struct disk *disk, const struct iovec *iov, size_t n, uint64_t offset);

/* qcow2-write.c */
ssize_t qcow2_write(struct disk *disk, const struct iovec *iov, size_t n, uint64_t offset);
int qcow2_discard(struct disk *disk, uint64_t offset, uint64_t length);
int qcow2_write_zeroes(struct disk *disk, uint64_t offset, uint64_t length, bool unmap);

/* qcow2-io.c: all of `size` bytes; -EIO where the file ends before (or zeros with `may_end`). */
int qcow2_read_bytes(struct qcow2 *image, void *data, size_t size, uint64_t offset, bool may_end);
int qcow2_write_bytes(struct qcow2 *image, const void *data, size_t size, uint64_t offset);
int qcow2_sync(struct qcow2 *image);
/* Mark the image as damaged; -EIO. */
int qcow2_found_damage(struct qcow2 *image);
/* 0 when a table or data may be at `offset`: aligned, inside of the file, and not the header. */
int qcow2_check_offset(const struct qcow2 *image, uint64_t offset);

int qcow2_cache_init(struct qcow2_cache *cache, size_t n);
void qcow2_cache_release(struct qcow2_cache *cache);
struct qcow2_table *qcow2_cache_find(struct qcow2_cache *cache, uint64_t offset);
/* The one that was not used for longest; what it held is the caller's to write. */
struct qcow2_table *qcow2_cache_oldest(struct qcow2_cache *cache);
/* Give a clean one another place, with room for a cluster: 0 or -ENOMEM. */
int qcow2_table_reuse(struct qcow2 *image, struct qcow2_table *table);

/* qcow2-refcount.c */
/*
 * Find free clusters and count them: up to `want` in a row (exactly so many with `exact`).
 * 0 with the first one's offset and their number, or -errno; none is counted then.
 */
int qcow2_allocate(struct qcow2 *image, uint64_t want, bool exact, uint64_t *ret_offset,
                   uint64_t *ret_n);
/* Count a cluster down that no table of the file names (any more). */
int qcow2_release(struct qcow2 *image, uint64_t offset);

/* qcow2-map.c */
/*
 * The L2 table of a place in the L1 table. For reading *ret_table is NULL where there is none; for
 * writing it is made, and is the image's own. Valid until the next call.
 */
int qcow2_l2_get(struct qcow2 *image, uint32_t l1_index, bool writable,
                 struct qcow2_table **ret_table);
void qcow2_l2_set(struct qcow2 *image, struct qcow2_table *table, uint32_t index, uint64_t entry);
/* Give up what an L2 entry refers to, once that is on stable storage. */
int qcow2_give_up(struct qcow2 *image, uint64_t entry);
/* Write what waits, in order. */
int qcow2_commit(struct qcow2 *image);
int qcow2_grow(struct qcow2 *image, uint64_t size);
/* True when a cluster of the header, the L1 table, the counters or an L2 table lies at `offset`. */
bool qcow2_is_metadata(const struct qcow2 *image, uint64_t offset);
/* The same without looking at single L2 tables and blocks of counters. */
bool qcow2_is_root_metadata(const struct qcow2 *image, uint64_t offset);

/* qcow2-unpack.c */
struct qcow2_unpacker;
int qcow2_unpacker_create(enum qcow2_compression compression, struct qcow2_unpacker **ret_unpacker);
void qcow2_unpacker_destroy(struct qcow2_unpacker *unpacker);
/* Exactly `size` bytes from packed ones, perhaps with others behind: 0 or -EIO. */
int qcow2_unpack(struct qcow2_unpacker *unpacker, const uint8_t *packed, size_t packed_size,
                 uint8_t *data, size_t size);
/* Where the packed bytes of an L2 entry lie. */
void qcow2_packed_place(const struct qcow2 *image, uint64_t entry, uint64_t *ret_offset,
                        uint64_t *ret_size);
