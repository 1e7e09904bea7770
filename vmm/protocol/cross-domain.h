/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a guest and the device say to each other in a cross-domain context (capset 5): commands in
 * SUBMIT_3D, answers in two pages of guest memory. Little endian. Only the core that all known
 * guests share: commands 1 to 7, identifier types 1 to 4.
 *
 * Ours alone, where capset.extensions says so: an image with CROSS_IMAGE_DMABUF among its flags is a
 * dmabuf for the host's programs; any other is shared memory, for wl_shm, as foreign guests expect where
 * capset.supports_dmabuf is 0. DESCRIBE_RESOURCE asks for what a compositor has to know of a resource
 * that another context of the guest drew into, and that SEND can name then.
 *
 * The query page takes the answer to GET_IMAGE_REQUIREMENTS. The channel page takes one RECEIVE or
 * READ for each POLL, whose fence (ring 1) then completes.
 */

#include <stdint.h>

enum {
    CROSS_CAPSET = 5,
    CROSS_PAGE_SIZE = 4096,
    CROSS_IDS_MAX = 28, /* what libwayland sends at a time */
    CROSS_RING_CHANNEL = 1,
};

#define CROSS_READ_PIPE_BASE UINT32_C(0x80000000) /* the guest counts from here + 1, as we do */
#define CROSS_ITEM_BASE      UINT32_C(1)          /* our descriptors count from here + 1 */
/*
 * The blob_id of an image is this, with that bit for a dmabuf, and its size in pages. Nothing has to
 * be remembered: sommelier asks once for each size and format and uses the answer for ever.
 */
#define CROSS_IMAGE_BASE      (UINT32_C(1) << 30)
#define CROSS_IMAGE_IS_DMABUF (UINT32_C(1) << 29)

enum cross_command {
    CROSS_INIT = 1,
    CROSS_GET_IMAGE_REQUIREMENTS = 2,
    CROSS_POLL = 3,
    CROSS_SEND = 4,
    CROSS_RECEIVE = 5, /* to the guest */
    CROSS_READ = 6,    /* to the guest */
    CROSS_WRITE = 7,
    CROSS_DESCRIBE_RESOURCE = 0xd0, /* answer: struct cross_image, size 0: it cannot be sent */
};

enum cross_extension {
    CROSS_EXTENSION_DESCRIBE = 1,
    CROSS_EXTENSION_IMAGES = 2, /* CROSS_IMAGE_DMABUF */
};

/* Of cross_get_image::flags, whose other bits are GBM's: not looked at. */
#define CROSS_IMAGE_DMABUF (UINT32_C(1) << 31)

enum cross_channel {
    CROSS_CHANNEL_NONE = 0,
    CROSS_CHANNEL_WAYLAND = 1,
};

enum cross_identifier {
    CROSS_ID_BLOB = 1,
    CROSS_ID_SYNC = 2, /* nobody has it */
    CROSS_ID_READ_PIPE = 3,
    CROSS_ID_WRITE_PIPE = 4,
};

struct cross_capset {
    uint32_t version;
    uint32_t supported_channels; /* bit 1 << enum cross_channel */
    uint32_t supports_dmabuf;
    uint32_t supports_external_gpu_memory;
    /* What nobody else has; guests that do not know it ask for 16 bytes. */
    uint32_t extensions; /* bits of enum cross_extension */
    uint32_t reserved;
};

struct cross_header {
    uint8_t command;
    uint8_t ring;
    uint16_t size; /* of the whole command; 0 in what goes to the guest */
    uint32_t pad;
};

struct cross_init {
    struct cross_header header;
    uint32_t query_ring; /* resource ids of guest blobs */
    uint32_t channel_ring;
    uint32_t channel_type;
};

/* The form of 2022: one page for both. */
struct cross_init_old {
    struct cross_header header;
    uint32_t ring;
    uint32_t channel_type;
};

struct cross_get_image {
    struct cross_header header;
    uint32_t width;
    uint32_t height;
    uint32_t fourcc;
    uint32_t flags;
};

struct cross_describe {
    struct cross_header header;
    uint32_t resource;
    uint32_t pad;
};

/* Of a resource: stride 0 where only who made it knows the planes; blob_id is how many there are. */
struct cross_image {
    uint32_t strides[4];
    uint32_t offsets[4];
    uint64_t modifier;
    uint64_t size;
    uint32_t blob_id;
    uint32_t map_info; /* of a resource: its pixels' format (drm_fourcc.h), 0: the guest knows it */
    int32_t memory_index; /* -1 */
    int32_t device_index; /* -1 */
};

/* SEND and RECEIVE; data_size bytes follow. */
struct cross_message {
    struct cross_header header;
    uint32_t n_ids;
    uint32_t data_size;
    uint32_t ids[CROSS_IDS_MAX];
    uint32_t types[CROSS_IDS_MAX]; /* enum cross_identifier */
    uint32_t sizes[CROSS_IDS_MAX]; /* bytes of a blob */
};

/* READ and WRITE; data_size bytes follow. */
struct cross_pipe_data {
    struct cross_header header;
    uint32_t id;
    uint32_t hang_up;
    uint32_t data_size;
    uint32_t pad;
};

enum {
    CROSS_RECEIVE_MAX = CROSS_PAGE_SIZE - (int)sizeof(struct cross_message),
    CROSS_READ_MAX = CROSS_PAGE_SIZE - (int)sizeof(struct cross_pipe_data),
    /*
     * Bytes of a pipe that one READ brings, at most. sommelier writes them, waiting for room, into a
     * pipe of its own, out of which the same thread takes 4096 bytes at every other turn: with more
     * it comes to wait for itself; with less, only where the program behind it is slow.
     */
    CROSS_READ_PART = 2048,
};

_Static_assert(sizeof(struct cross_header) == 8, "wire size");
_Static_assert(sizeof(struct cross_init) == 20, "wire size");
_Static_assert(sizeof(struct cross_init_old) == 16, "wire size");
_Static_assert(sizeof(struct cross_get_image) == 24, "wire size");
_Static_assert(sizeof(struct cross_describe) == 16, "wire size");
_Static_assert(sizeof(struct cross_image) == 64, "wire size");
_Static_assert(sizeof(struct cross_message) == 352, "wire size");
_Static_assert(sizeof(struct cross_pipe_data) == 24, "wire size");
