/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * vmm-gpu <-> vmm-display, SOCK_SEQPACKET. The gpu process serves untrusted guests: vmm-display
 * checks every number. Both sides use the socket non-blocking; when it is full the gpu process
 * keeps the damage and sends it later, merged.
 *
 * The supervisor keeps the display's end open, so the socket outlives a display process. A new one
 * sends GPU_DISPLAY_HELLO and ignores everything up to GPU_HELLO; the gpu process then sends every
 * display, buffer, scanout and visible cursor again.
 */

#include <stdint.h>

#include "vmm/protocol/start.h"

enum {
    GPU_CURSOR_SIZE = 64,   /* pixels, both ways; always this size */
    GPU_EDGE_MAX = 16384,   /* largest width or height of a scanout */
    GPU_BUFFERS_MAX = 64,   /* known to the display at a time */
    GPU_CONTEXTS_TOLD = 64, /* in struct gpu_statistics */
    GPU_CONTEXT_NAME_SIZE = 64,
    GPU_CAPSETS_TOLD = 8,
    GPU_FRAMES_TOLD = 300,
    GPU_COMMANDS_TOLD = 32,
    GPU_RESOURCES_TOLD = 32,
    GPU_TIMELINES_TOLD = 32,
};

enum gpu_type {
    /* display -> gpu */
    GPU_DISPLAY_HELLO = START_TYPE_TO_CHILD, /* struct start_header */
    GPU_MODE,                                /* struct gpu_mode */
    GPU_ASK_STATISTICS,                      /* struct start_header: answer GPU_STATISTICS */
    GPU_PLUG,       /* struct gpu_mode: a display with this mode, or none: answer GPU_DISPLAY */
    GPU_FLIPS,      /* struct gpu_flips */
    GPU_SHOWN,      /* struct gpu_shown */
    GPU_RESTART,    /* struct start_header: begin anew in 3D, answer GPU_RESTARTED */
    GPU_TEXTURES,   /* struct gpu_flips */
    GPU_ASK_PIXELS, /* struct gpu_ask_pixels: answer GPU_PIXELS */

    /* gpu -> display */
    GPU_HELLO = START_TYPE_FROM_CHILD, /* struct gpu_hello */
    GPU_BUFFER,                        /* struct gpu_buffer, + memfd sealed against shrinking */
    GPU_BUFFER_GONE,                   /* struct gpu_buffer, no descriptor */
    GPU_SCANOUT,                       /* struct gpu_scanout */
    GPU_UPDATE,                        /* struct gpu_update */
    GPU_CURSOR,                        /* struct gpu_cursor */
    GPU_CURSOR_MOVE,                   /* struct gpu_cursor_move */
    GPU_STATISTICS,                    /* struct gpu_statistics */
    GPU_BUFFER_DMABUF,                 /* struct gpu_buffer, + dmabuf of the same pages */
    GPU_DISPLAY,                       /* struct gpu_mode: what is plugged in there from now on */
    GPU_RESTARTED,                     /* struct gpu_restarted */
    GPU_TEXTURE,                       /* struct gpu_texture, + dmabuf of a graphics card */
    GPU_PIXELS,                        /* struct gpu_scanout */
};

/* DRM fourcc codes, the only ones used: memory order B G R X, B G R A, R G B X, R G B A. */
enum gpu_format {
    GPU_FORMAT_XR24 = 0x34325258,
    GPU_FORMAT_AR24 = 0x34325241,
    GPU_FORMAT_XB24 = 0x34324258,
    GPU_FORMAT_AB24 = 0x34324241,
};

/*
 * The display at a scanout; the guest sees it as a new EDID and a display change.
 *
 * GPU_MODE is what a window wants, and ignored where no display is plugged in; `enabled` is 1.
 * GPU_PLUG plugs a display in, gives it another mode, or takes it away (`enabled` 0; the rest is
 * then meaningless). GPU_DISPLAY tells each change, and after GPU_HELLO what there is at each scanout;
 * before it there is nothing. A scanout may show something in either case.
 */
struct gpu_mode {
    struct start_header header;
    uint32_t scanout;
    uint32_t enabled; /* 0 or 1 */
    uint32_t width;   /* pixels, at most GPU_EDGE_MAX */
    uint32_t height;
    uint32_t width_mm; /* 0: unknown */
    uint32_t height_mm;
};

/*
 * Whether somebody shows the scanout's buffers themselves, so that they are read at any time: from then on
 * new pixels come in another buffer, as a GPU_SCANOUT without a GPU_UPDATE, and a buffer that was shown is
 * left alone for the next flips. Not so at first, and after a GPU_DISPLAY_HELLO.
 */
struct gpu_flips {
    struct start_header header;
    uint32_t scanout;
    uint32_t wanted; /* 0 or 1 */
};

/*
 * While flips are wanted: all who show the scanout's buffers have this one on the screen, or a later one, so
 * that those shown before it are not read any more. Each GPU_SCANOUT is told of once at most, in their order. With
 * all of a scanout's buffers on the way, new pixels wait for this; of textures, which are the guest's, the guest's
 * requests that could draw into one from before. The display sees to it that they never wait for long.
 */
struct gpu_shown {
    struct start_header header;
    uint32_t scanout;
    uint32_t buffer;
};

struct gpu_hello {
    struct start_header header;
    uint32_t n_scanouts; /* most displays that there may be */
};

struct gpu_buffer {
    struct start_header header;
    uint32_t id; /* not 0; chosen by the gpu process, reusable after GPU_BUFFER_GONE */
    uint32_t reserved;
    uint64_t size;
};

/*
 * GPU_TEXTURES: whether all who show the scanout can show what a graphics card drew from the card's own
 * memory (enum GPU_TEXTURES uses struct gpu_flips). Not so at first, and after a GPU_DISPLAY_HELLO, so that a
 * display that does not know the message gets pixels. From then on GPU_SCANOUT may name a buffer that was
 * told by GPU_TEXTURE instead of GPU_BUFFER: nobody can map it, it has its own layout, and it goes with
 * GPU_BUFFER_GONE as others do. What is told to be new in it has been drawn. When it is no longer wished, a
 * GPU_SCANOUT with pixels and a GPU_UPDATE of all of them follow.
 *
 * GPU_ASK_PIXELS: what such a scanout shows, in memory that can be mapped; it goes on showing the texture.
 * GPU_PIXELS tells where it is now and holds until the next message; `buffer` 0: look at what is shown.
 */
enum {
    GPU_TEXTURE_Y_0_TOP = 1 << 0, /* the first row is the top one */
};

struct gpu_texture {
    struct start_header header;
    uint32_t id;     /* as struct gpu_buffer has it */
    uint32_t format; /* enum gpu_format */
    uint32_t width;  /* of the texture, at most GPU_EDGE_MAX */
    uint32_t height;
    uint32_t stride; /* bytes; what only the driver understands where `modifier` says so */
    uint32_t offset;
    uint32_t flags;
    uint32_t reserved;
    uint64_t modifier; /* drm_fourcc.h */
};

struct gpu_ask_pixels {
    struct start_header header;
    uint32_t scanout;
    uint32_t reserved;
};

/* Show part of a buffer. `buffer` 0 switches the scanout off. */
struct gpu_scanout {
    struct start_header header;
    uint32_t scanout;
    uint32_t buffer;
    uint64_t offset; /* bytes to the first pixel */
    uint32_t width;
    uint32_t height;
    uint32_t stride; /* bytes */
    uint32_t format; /* enum gpu_format */
    uint32_t x;      /* in a texture, of which offset, stride and format are its own; else 0 */
    uint32_t y;
};

/* New content in this rectangle, in scanout coordinates; the pixels are already in the buffer. */
struct gpu_update {
    struct start_header header;
    uint32_t scanout;
    uint32_t x;
    uint32_t y;
    uint32_t width;
    uint32_t height;
};

struct gpu_cursor {
    struct start_header header;
    uint32_t scanout;
    uint32_t visible; /* 0: hide; the pixels are then meaningless */
    uint32_t hot_x;
    uint32_t hot_y;
    uint32_t pixels[GPU_CURSOR_SIZE * GPU_CURSOR_SIZE]; /* ARGB8888, premultiplied */
};

struct gpu_cursor_move {
    struct start_header header;
    uint32_t scanout;
    uint32_t x;
    uint32_t y;
};

struct gpu_context_statistics {
    uint32_t id;
    uint32_t capset;
    uint64_t resources; /* attached now */
    uint64_t memory;    /* bytes of these */
    uint64_t submits;   /* command streams */
    uint64_t command_bytes;
    uint64_t fences;
    uint64_t failed; /* command streams */
    char name[GPU_CONTEXT_NAME_SIZE];
};

/* Requests of one type. */
struct gpu_command_statistics {
    uint32_t type; /* virtio-gpu's; 0: all that are of no type that it knows */
    uint32_t reserved;
    uint64_t count;
    uint64_t failed;
    uint64_t total_ns; /* that they took, without their fences */
    uint64_t longest_ns;
};

enum gpu_resource_kind {
    GPU_RESOURCE_2D,
    GPU_RESOURCE_GUEST_BLOB,
    GPU_RESOURCE_TEXTURE,
    GPU_RESOURCE_HOST_BLOB,
    GPU_RESOURCE_KINDS
};

struct gpu_resource_statistics {
    uint32_t id;             /* 0: several others together, of which only the last three are told */
    uint32_t kind;           /* enum gpu_resource_kind */
    uint32_t width;          /* pixels, 0: it has none, as a blob */
    uint32_t height;         /* likewise */
    uint32_t format;         /* DRM fourcc, 0: no scanout could show it */
    uint32_t texture_format; /* virgl's number, 0: it is no texture */
    uint64_t memory;
    uint64_t transfers; /* requests, without those in command streams */
    uint64_t flushes;
};

/* Fences on one timeline. */
struct gpu_timeline_statistics {
    uint32_t
        context; /* 0: the global timeline, or with `others` all that are not told by themselves */
    uint32_t ring;
    uint32_t on_ring; /* 0: the global timeline */
    uint32_t others;  /* 1: see `context` */
    uint64_t created;
    uint64_t completed;
    uint64_t
        total_ns; /* from when the card took the request until the guest was told; completed ones */
    uint64_t longest_ns;
};

/* Counters since the start of the process; bytes and numbers of now where that is said. */
struct gpu_statistics {
    struct start_header header;
    uint32_t n_contexts;  /* now, of which the first GPU_CONTEXTS_TOLD follow */
    uint32_t n_resources; /* now */
    uint64_t memory;      /* now, of all resources */
    uint64_t memory_limit;
    uint64_t commands;
    uint64_t failed;
    uint64_t flushes;
    uint64_t flushed_pixels; /* as the guest said */
    uint64_t damaged_pixels; /* as the display was told */
    uint64_t copied_bytes;
    uint64_t submits;
    uint64_t command_bytes;
    uint64_t fences;
    uint64_t fences_waiting; /* now */
    uint64_t screen_waits;   /* times that a request waited for a texture to be off the screen */
    uint64_t screen_wait_ns; /* all of these, without one that is on */
    uint32_t queue_size;     /* of the control queue; 0: the guest has not set it up */
    uint32_t queue_peak;     /* most requests in it at once since the last question */
    uint32_t blobs_mapped;   /* now */
    uint32_t blobs_limit;
    uint32_t n_capsets;
    uint32_t n_frames; /* told here */
    uint32_t capset[GPU_CAPSETS_TOLD];
    uint32_t frame_us[GPU_FRAMES_TOLD]; /* between two flushes, the oldest first */
    uint32_t n_commands;                /* told here, as are the other two */
    uint32_t n_largest;
    uint32_t n_timelines;
    uint32_t n_other_resources;                                 /* summed up in `other_resources` */
    struct gpu_command_statistics command[GPU_COMMANDS_TOLD];   /* types that there were */
    struct gpu_resource_statistics largest[GPU_RESOURCES_TOLD]; /* of now, the largest first */
    struct gpu_resource_statistics other_resources;
    struct gpu_timeline_statistics timeline[GPU_TIMELINES_TOLD];
    struct gpu_context_statistics context[GPU_CONTEXTS_TOLD];
};

/* What became of GPU_RESTART. */
struct gpu_restarted {
    struct start_header header;
    int32_t error;      /* 0; -EOPNOTSUPP: nothing draws in 3D; -EIO: it does not draw any more */
    uint32_t contexts;  /* of the guest's that were lost */
    uint32_t resources; /* likewise */
};
