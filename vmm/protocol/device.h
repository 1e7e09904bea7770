/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * supervisor <-> vmm-<device>. After START_READY a device says nothing more on its control socket
 * unless it fails (START_FAILED); it serves vhost-user on `vhost_fd` until either socket ends.
 */

#include <errno.h>
#include <stdint.h>

#include "vmm/protocol/start.h"

struct device_setup {
    struct start_setup start;
    int32_t vhost_fd; /* connected vhost-user stream socket, this process is the back end */
};

enum {
    BLOB_WINDOW_PIECES_MAX = 512 /* that a device's shared memory region holds at once */
};

/* vmm-rng needs nothing more: struct device_setup. Randomness is getrandom(2). */

enum balloon_flags {
    BALLOON_PAGE_REPORTING = 1 << 0
};

struct balloon_setup {
    struct device_setup device;
    uint32_t flags; /* enum balloon_flags */
};

/* supervisor <-> vmm-balloon while it runs: vmm/protocol/balloon.h. */
enum balloon_type {
    BALLOON_ASK = START_TYPE_TO_CHILD,      /* struct balloon_question: answer BALLOON_ANSWER */
    BALLOON_ANSWER = START_TYPE_FROM_CHILD, /* struct balloon_answer */
};

struct console_setup {
    struct device_setup device;
    int32_t stream_fd; /* stream socket to vmm-display: guest bytes out, typed bytes in */
};

enum block_flags {
    BLOCK_READ_ONLY = 1 << 0,
    BLOCK_SPARSE = 1 << 1, /* discard and write-zeroes may punch holes */
    /* A request for which the host has no room waits for BLOCK_RETRY; else the guest sees an error. */
    BLOCK_WAITS_FOR_ROOM = 1 << 2,
};

/* Written by vmm-block, read by the supervisor: a page of its own. */
struct block_counters {
    uint64_t read; /* bytes that the guest asked for */
    uint64_t written;
};

enum block_format {
    BLOCK_RAW = 0,
    BLOCK_QCOW2,
    BLOCK_COMPOSITE, /* `more` in a row, without a file of its own */
};

enum {
    BLOCK_FILES_MAX = 24
};

/* Another file of a disk: what lies behind a qcow2 image, nearest first, or a part of a composite. */
struct block_file {
    int32_t fd;
    uint32_t format;    /* enum block_format */
    uint32_t read_only; /* else the disk's own flag says */
    uint32_t reserved;
    uint64_t size;   /* bytes of the file; of the part in a composite disk */
    uint64_t offset; /* where the part begins in its file */
};

struct block_setup {
    struct device_setup device;
    int32_t disk_fd; /* image or block device, opened as `flags` say; -1 for a composite */
    uint32_t flags;  /* enum block_flags */
    uint32_t format; /* enum block_format */
    uint32_t n_more;
    struct block_file more[BLOCK_FILES_MAX];
    uint64_t size;       /* bytes of the disk; a rest below 512 is not shown to the guest */
    uint32_t block_size; /* logical block size, 512 or 4096 */
    char serial[20];     /* GET_ID answer, NUL padded, not necessarily NUL terminated */
    int32_t counters_fd; /* memfd of struct block_counters; 0 or -1: nobody counts */
};

/* supervisor <-> vmm-block while it runs. */
enum block_type {
    BLOCK_RESIZE = START_TYPE_TO_CHILD, /* struct block_resize: answer BLOCK_RESIZED */
    /*
     * struct start_header: do the request that waits for room, then all behind it; answer
     * BLOCK_RETRIED, also when none waits (any more).
     */
    BLOCK_RETRY,

    BLOCK_RESIZED = START_TYPE_FROM_CHILD, /* struct block_resized */
    BLOCK_FULL, /* struct block_room: a request waits; sent once, no other is begun before BLOCK_RETRY */
    BLOCK_RETRIED, /* struct block_room; with an error it still waits, and BLOCK_FULL is not sent again */
};

/* Errno: the host had taken bytes and found no room for them later, so that no second try mends it. */
enum {
    BLOCK_LOST = EREMOTEIO
};

struct block_room {
    struct start_header header;
    int32_t error; /* 0, -ENOSPC, -EDQUOT; -BLOCK_LOST: it has failed, those behind it wait */
    uint32_t reserved;
};

struct block_resize {
    struct start_header header;
    uint32_t serial; /* comes back in the answer */
    uint32_t reserved;
    uint64_t size; /* bytes */
};

struct block_resized {
    struct start_header header;
    uint32_t serial;
    /* 0; -EROFS; -EINVAL: smaller than now, or not whole blocks; -EMEDIUMTYPE: not a file; -errno */
    int32_t error;
};

enum input_kind {
    INPUT_KEYBOARD = 1,
    INPUT_POINTER = 2, /* absolute X and Y, wheel, five buttons */
};

struct input_setup {
    struct device_setup device;
    int32_t display_fd; /* vmm/protocol/input.h */
    uint32_t kind;      /* enum input_kind */
};

enum {
    GPU_SCANOUTS_MAX = 16
};

enum gpu_fault_at {
    GPU_FAULT_AT_NONE = 0,
    GPU_FAULT_AT_START,
    GPU_FAULT_AT_SUBMIT,
    /* Each gpu_setup.fault_every-th ... */
    GPU_FAULT_LATE_FENCE,   /* fence is told up to 100 ms late */
    GPU_FAULT_NO_MEMORY,    /* new resource finds no memory */
    GPU_FAULT_LOST_COMMAND, /* command stream, transfer or flush is answered and not done */
    GPU_FAULT_CRASH,        /* of them makes the process crash */
    GPU_FAULT_HANG,         /* of them is never done */
};

/* What the graphics card draws with; also how its jail looks. */
enum gpu_level {
    GPU_LEVEL_2D = 0, /* nothing: 2D and guest blobs */
    GPU_LEVEL_SOFT,   /* virgl on Mesa's software renderer */
    GPU_LEVEL_DRM,    /* virgl on a render node */
    GPU_LEVEL_VENUS,  /* Vulkan in a render server too; virgl on render_fd, or by software */
};

/* Numbers of capsets: virtio 1.2 section 5.7.6.10. */
enum gpu_capset {
    GPU_CAPSET_VIRGL = 1,
    GPU_CAPSET_VIRGL2 = 2,
    GPU_CAPSET_VENUS = 4,
};

struct gpu_screen {
    uint32_t width; /* first mode, pixels; 0: no display is plugged in */
    uint32_t height;
    uint32_t width_mm; /* 0: unknown */
    uint32_t height_mm;
};

enum {
    GPU_ALARM_MS = 10 * 1000
};

struct gpu_setup {
    struct device_setup device;
    int32_t display_fd;  /* vmm/protocol/gpu.h */
    int32_t wayland_fd;  /* vmm/protocol/wayland.h, or -1: no cross-domain contexts */
    uint32_t n_scanouts; /* most displays that there may be */
    struct gpu_screen screen[GPU_SCANOUTS_MAX];
    uint64_t memory_limit;    /* bytes that all resources together may take on the host */
    uint32_t vulkan_contexts; /* most at once */
    uint32_t level;           /* enum gpu_level */
    uint32_t fault;           /* enum gpu_fault_at: for tests */
    uint32_t fault_every;     /* not 0 */
    int32_t render_fd;  /* with GPU_LEVEL_DRM, or GPU_LEVEL_VENUS where there is one; else -1 */
    int32_t venus_fd;   /* with GPU_LEVEL_VENUS: socket of virglrenderer's render server; else -1 */
    int32_t record_fd;  /* a file for vmm/devices/gpu/record-format.h, or -1 */
    int32_t udmabuf_fd; /* /dev/udmabuf, or -1: pictures are memory files only */
    int32_t journal_fd; /* struct gpu_journal, or 0 or -1: nobody takes over */
    uint32_t takes_over; /* 0 or 1: a process that crashed wrote the journal, the guest goes on */
    uint32_t lost_3d;    /* 0 or 1: a guest was offered 3D that this level does not have */
    int32_t alarm_fd; /* a timerfd, to be set to GPU_ALARM_MS when the guest or the display asks for
                          * something; when it goes off, START_PING comes. 0 or -1: there is none */
    uint32_t capsets; /* of the renderer, those that the guest may have: 1 << number; 0: all */
    uint32_t suspects; /* 0 or 1: it may have crashed of the request that it was executing */
};

/*
 * supervisor <-> vmm-render, which becomes virglrenderer's render server: it says START_READY before,
 * and nothing after it.
 */
struct render_setup {
    struct start_setup start;
    int32_t venus_fd; /* SOCK_SEQPACKET, virglrenderer in vmm-gpu at the other end */
};
