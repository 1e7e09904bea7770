/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The wire of the vhost-user protocol, as published in QEMU's docs/interop/vhost-user.rst: requests,
 * feature bits, payloads. Host byte order on a stream socket; a message is the 12-byte header and
 * `size` bytes of payload; descriptors come with the header's first byte (SCM_RIGHTS). Both ends and
 * the tests include this file.
 */

#include <stdint.h>

enum {
    VHOST_MEMORY_REGIONS_MAX = 8,
    VHOST_CONFIG_MAX = 256,
    VHOST_SHMEM_REGIONS_MAX = 256,
    VHOST_FDS_MAX = 8,          /* descriptors with one message */
    VHOST_PAYLOAD_MAX = 0x1000, /* the largest payload that either end accepts */
};

enum vhost_flags {
    VHOST_VERSION = 0x1, /* in the lowest two bits of `flags` */
    VHOST_VERSION_MASK = 0x3,
    VHOST_FLAG_REPLY = 1 << 2,
    VHOST_FLAG_NEED_REPLY = 1 << 3, /* with VHOST_PROTOCOL_REPLY_ACK: answer with a u64, 0 = done */
};

/* Requests of the front end. A comment names the payload and the reply, if there is one. */
enum vhost_request {
    VHOST_GET_FEATURES = 1,           /* - -> u64 */
    VHOST_SET_FEATURES = 2,           /* u64 */
    VHOST_SET_OWNER = 3,              /* - */
    VHOST_RESET_OWNER = 4,            /* -; deprecated */
    VHOST_SET_MEM_TABLE = 5,          /* struct vhost_memory, + one fd per region */
    VHOST_SET_LOG_BASE = 6,           /* struct vhost_log, + fd */
    VHOST_SET_LOG_FD = 7,             /* -, + fd */
    VHOST_SET_VRING_NUM = 8,          /* struct vhost_vring_state: ring size */
    VHOST_SET_VRING_ADDR = 9,         /* struct vhost_vring_addr */
    VHOST_SET_VRING_BASE = 10,        /* struct vhost_vring_state: next available index */
    VHOST_GET_VRING_BASE = 11,        /* struct vhost_vring_state -> the same; stops the ring */
    VHOST_SET_VRING_KICK = 12,        /* u64: index and VHOST_VRING_NO_FD, + fd */
    VHOST_SET_VRING_CALL = 13,        /* as SET_VRING_KICK */
    VHOST_SET_VRING_ERR = 14,         /* as SET_VRING_KICK */
    VHOST_GET_PROTOCOL_FEATURES = 15, /* - -> u64 */
    VHOST_SET_PROTOCOL_FEATURES = 16, /* u64 */
    VHOST_GET_QUEUE_NUM = 17,         /* - -> u64 */
    VHOST_SET_VRING_ENABLE = 18,      /* struct vhost_vring_state: 1 or 0 */
    VHOST_SET_BACKEND_REQ_FD = 21,    /* -, + fd of a stream socket */
    VHOST_GET_CONFIG = 24,            /* struct vhost_config -> the same; size 0 is an error */
    VHOST_SET_CONFIG = 25,            /* struct vhost_config */
    VHOST_GET_INFLIGHT_FD = 31,       /* struct vhost_inflight -> the same, + fd */
    VHOST_SET_INFLIGHT_FD = 32,       /* struct vhost_inflight, + fd */
    VHOST_GPU_SET_SOCKET = 33,
    VHOST_RESET_DEVICE = 34,      /* - */
    VHOST_VRING_KICK = 35,        /* struct vhost_vring_state; in-band notifications */
    VHOST_GET_MAX_MEM_SLOTS = 36, /* - -> u64 */
    VHOST_ADD_MEM_REG = 37,       /* struct vhost_memory_single, + fd */
    VHOST_REM_MEM_REG = 38,       /* struct vhost_memory_single */
    VHOST_SET_STATUS = 39,        /* u64: the virtio status byte */
    VHOST_GET_STATUS = 40,        /* - -> u64 */
    VHOST_GET_SHMEM_CONFIG = 44,  /* - -> struct vhost_shmem_config */
};

/* Requests of the back end, on the socket that came with VHOST_SET_BACKEND_REQ_FD. */
enum vhost_backend_request {
    VHOST_BACKEND_CONFIG_CHANGE = 2, /* - */
    VHOST_BACKEND_SHMEM_MAP = 9,     /* struct vhost_mmap, + fd */
    VHOST_BACKEND_SHMEM_UNMAP = 10,  /* struct vhost_mmap */
};

/* Bit of GET_FEATURES that announces GET_PROTOCOL_FEATURES; never shown to the guest. */
enum {
    VHOST_FEATURE_PROTOCOL_FEATURES = 30
};

/* Bit numbers of GET_PROTOCOL_FEATURES. */
enum vhost_protocol_feature {
    VHOST_PROTOCOL_MQ = 0,
    VHOST_PROTOCOL_LOG_SHMFD = 1,
    VHOST_PROTOCOL_REPLY_ACK = 3,
    VHOST_PROTOCOL_BACKEND_REQ = 5,
    VHOST_PROTOCOL_CONFIG = 9,
    VHOST_PROTOCOL_BACKEND_SEND_FD = 10,
    VHOST_PROTOCOL_INFLIGHT_SHMFD = 12,
    VHOST_PROTOCOL_RESET_DEVICE = 13,
    VHOST_PROTOCOL_INBAND_NOTIFICATIONS = 14,
    VHOST_PROTOCOL_CONFIGURE_MEM_SLOTS = 15,
    VHOST_PROTOCOL_STATUS = 16,
    VHOST_PROTOCOL_SHMEM = 22,
};

/* Payload of SET_VRING_KICK, _CALL and _ERR. */
enum vhost_vring_fd {
    VHOST_VRING_INDEX_MASK = 0xff,
    VHOST_VRING_NO_FD = 1 << 8, /* no descriptor: poll (kick) or never signal (call) */
};

struct vhost_header {
    uint32_t request;
    uint32_t flags; /* enum vhost_flags */
    uint32_t size;  /* bytes of payload */
};

struct vhost_vring_state {
    uint32_t index;
    uint32_t num;
};

/* Ring addresses are addresses of the front end's address space, see struct vhost_memory_region. */
struct vhost_vring_addr {
    uint32_t index;
    uint32_t flags; /* bit 0: log writes */
    uint64_t descriptor;
    uint64_t used;
    uint64_t available;
    uint64_t log;
};

struct vhost_memory_region {
    uint64_t guest_address; /* guest physical */
    uint64_t size;
    uint64_t user_address; /* of the front end's address space */
    uint64_t mmap_offset;  /* into the descriptor */
};

/* Sent with n_regions regions only. */
struct vhost_memory {
    uint32_t n_regions;
    uint32_t padding;
    struct vhost_memory_region region[VHOST_MEMORY_REGIONS_MAX];
};

struct vhost_memory_single {
    uint64_t padding;
    struct vhost_memory_region region;
};

enum vhost_config_flags {
    VHOST_CONFIG_WRITABLE = 0, /* SET_CONFIG on behalf of the driver */
    VHOST_CONFIG_MIGRATION = 1,
};

/* Sent with `size` bytes of data only. */
struct vhost_config {
    uint32_t offset;
    uint32_t size;
    uint32_t flags;
    uint8_t data[VHOST_CONFIG_MAX];
};

/* Memory for vmm/virtio/inflight.h. Some front ends leave out the padding at its end. */
struct vhost_inflight {
    uint64_t size;
    uint64_t offset;
    uint16_t n_queues;
    uint16_t queue_size;
    uint32_t padding;
};

enum {
    VHOST_INFLIGHT_SIZE_MIN = 20
};

struct vhost_shmem_config {
    uint32_t n_regions; /* entries of `size` that are not 0 */
    uint32_t padding;
    uint64_t size[VHOST_SHMEM_REGIONS_MAX]; /* by shared memory id */
};

enum vhost_mmap_flags {
    VHOST_MMAP_WRITABLE = 1 << 0,
};

struct vhost_mmap {
    uint8_t shmem_id;
    uint8_t padding[7];
    uint64_t fd_offset;
    uint64_t shmem_offset;
    uint64_t size;
    uint64_t flags; /* enum vhost_mmap_flags */
};

_Static_assert(sizeof(struct vhost_header) == 12, "the header has no padding");
_Static_assert(sizeof(struct vhost_vring_addr) == 40, "wire size");
_Static_assert(sizeof(struct vhost_memory_region) == 32, "wire size");
_Static_assert(sizeof(struct vhost_memory_single) == 40, "wire size");
_Static_assert(sizeof(struct vhost_config) == 12 + VHOST_CONFIG_MAX, "wire size");
_Static_assert(sizeof(struct vhost_mmap) == 40, "wire size");
_Static_assert(sizeof(struct vhost_inflight) == 24, "wire size");
