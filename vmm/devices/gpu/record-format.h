/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A recording of what a guest asked its graphics card for: this header, then entries, each followed
 * by `size` bytes, up to the end of the file. Numbers are little endian. Addresses of guest memory are
 * not in it: resources have one piece of memory each, and what the guest wrote there stands in entries
 * of its own, before the request that reads it.
 */

#include <stdint.h>

#define RECORD_MAGIC "VITGPU\n\x1a"

enum {
    RECORD_VERSION = 1,
    RECORD_SIZE_MAX = (4 << 20) + 4096, /* bytes of one entry: the longest command stream */
};

struct record_header {
    char magic[8];
    uint32_t version;
    uint32_t level; /* enum gpu_level, of the card that was recorded */
    uint32_t n_scanouts;
    uint32_t width; /* first mode */
    uint32_t height;
    uint32_t reserved;
};

enum record_kind {
    /* What the driver sent; ATTACH_BACKING and CREATE_BLOB with one entry: address 0, whole length. */
    RECORD_CONTROL = 1,
    RECORD_CURSOR,
    RECORD_MEMORY, /* struct record_memory, then the bytes */
    RECORD_RESET,  /* nothing: the driver started anew */
};

struct record_entry {
    uint32_t kind;
    uint32_t size;
    uint64_t time_ns; /* since the recording began */
};

/* The memory of a resource, from its first byte on; zeros before anything was said. */
struct record_memory {
    uint32_t resource;
    uint32_t reserved;
    uint64_t offset;
};
