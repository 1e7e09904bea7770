/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What vmm-gpu notes of its own state for the process after it, when it crashes: a memfd that the
 * supervisor makes (sealed against shrinking and growing) and each vmm-gpu of the machine gets. One
 * writer at a time, host byte order; holes cost nothing. Whoever reads it copies and checks: the
 * process that wrote it may have been in a guest's hands.
 *
 * An entry is written first and made valid then, so that a crash in between loses that entry alone.
 */

#include <stdint.h>

#include "vmm/protocol/device.h"

enum {
    GPU_JOURNAL_VALID = 0x4a475631, /* in gpu_journal_resource::valid */
    GPU_JOURNAL_RESOURCES = 32768,
    GPU_JOURNAL_BLOCKS = 65536,
    GPU_JOURNAL_BLOCK_PIECES = 63,
    GPU_JOURNAL_TRIES = 2, /* of one request that the process did not survive */
};

enum gpu_journal_kind {
    GPU_JOURNAL_2D = 0,
    GPU_JOURNAL_BLOB, /* guest memory */
    GPU_JOURNAL_LOST, /* was a renderer's: only its number */
};

struct gpu_journal_resource {
    uint32_t valid;
    uint32_t id;
    uint32_t kind;   /* enum gpu_journal_kind */
    uint32_t format; /* enum virtio_gpu_formats, 2D only */
    uint32_t width;
    uint32_t height;
    uint32_t n_pieces;
    uint32_t block; /* the first one's index + 1; 0: it has no pages */
    uint64_t size;  /* of a blob */
};

/* Guest pages in a row. */
struct gpu_journal_piece {
    uint64_t address;
    uint64_t length;
};

struct gpu_journal_block {
    uint32_t next; /* index + 1, 0 at the end */
    uint32_t reserved[3];
    struct gpu_journal_piece piece[GPU_JOURNAL_BLOCK_PIECES];
};

struct gpu_journal_scanout {
    uint32_t serial; /* odd while the rest is being written */
    uint32_t enabled;
    uint32_t width;
    uint32_t height;
    uint32_t width_mm;
    uint32_t height_mm;
    uint32_t resource;     /* 0: off */
    uint32_t rect[4];      /* x, y, width, height in the resource */
    uint32_t layout_width; /* of a blob, as SET_SCANOUT_BLOB says it */
    uint32_t layout_height;
    uint32_t layout_stride;
    uint32_t layout_format; /* enum gpu_format */
    uint32_t cursor;        /* resource; 0: hidden */
    uint32_t cursor_hot[2];
    uint32_t cursor_position[2];
    uint64_t layout_offset;
};

struct gpu_journal {
    uint32_t events;    /* of the device's configuration, that the guest has not cleared */
    uint32_t executing; /* the request: its queue + 1 << 16, and its head; 0: none */
    uint32_t tries;     /* how often that was begun */
    uint32_t reserved[13];
    struct gpu_journal_scanout scanout[GPU_SCANOUTS_MAX];
    struct gpu_journal_resource resource[GPU_JOURNAL_RESOURCES];
    struct gpu_journal_block block[GPU_JOURNAL_BLOCKS];
};

_Static_assert(sizeof(struct gpu_journal_block) == 1024, "so many bytes for each");
