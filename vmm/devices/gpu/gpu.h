/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The virtio gpu device (virtio 1.2 section 5.7): one object per process. 2D and guest-memory blobs
 * are its own; contexts and what they draw are a renderer's (renderer.h), where there is one.
 * Requests are executed in order; those that ask for a fence are answered when it is done (fences.h).
 */

#include <stdbool.h>
#include <stdint.h>

#include "vmm/base/log.h"
#include "vmm/base/loop.h"
#include "vmm/devices/gpu/alarm.h"
#include "vmm/devices/gpu/context.h"
#include "vmm/devices/gpu/display-link.h"
#include "vmm/devices/gpu/fault.h"
#include "vmm/devices/gpu/fences.h"
#include "vmm/devices/gpu/resource.h"
#include "vmm/protocol/device.h"
#include "vmm/vhost/backend.h"

enum {
    GPU_QUEUE_CONTROL = 0,
    GPU_QUEUE_CURSOR = 1,
    GPU_QUEUES = 2,
    GPU_FLIP_BUFFERS = 3,        /* on the screen, on the way there, free */
    GPU_SHOWN_TEXTURES_MAX = 32, /* told to the display; more than there are scanouts */
    GPU_MODE_DELAY_MS = 100,     /* every change of mode costs the guest a modeset */
    GPU_EVENTS = 1,              /* VIRTIO_GPU_EVENT_DISPLAY, all that there are */
    GPU_ON_SCREEN_MAX = 8,       /* textures of a scanout that may be on the screen */
};

/* How a scanout reads the blob that it shows (SET_SCANOUT_BLOB). */
struct framebuffer {
    uint32_t width;
    uint32_t height;
    uint32_t stride;
    uint32_t format; /* enum gpu_format */
    uint64_t offset;
};

/* Host memory that shows a blob: guest memory itself is never handed out. */
struct shadow {
    uint32_t width;
    uint32_t height;
    uint32_t stride; /* bytes */
    uint64_t size;   /* 0: there is none */
    uint8_t *pixels;
    int fd;
    struct link_buffer *buffer;
    struct rect stale; /* what it lacks of the picture */
};

/* The textures that the display may still read, on-screen.h; the last one is what the guest shows. */
struct on_screen {
    struct {
        struct resource *resource;
        uint32_t buffer; /* the display's name for it */
    } texture[GPU_ON_SCREEN_MAX];
    unsigned int n;
    bool seen;            /* the first one is on the screen, the display said */
    bool silent;          /* it says nothing: nobody waits for it */
    uint64_t last_flip;   /* in gpu::flips */
    uint64_t flip_before; /* that one */
};

struct scanout {
    /* The display, as the window wants it: the guest's EDID. */
    bool enabled; /* it is plugged in */
    uint32_t width;
    uint32_t height;
    uint32_t width_mm;
    uint32_t height_mm;
    /* What the guest shows. */
    struct resource *resource; /* NULL: off */
    struct rect rect;          /* in the resource */
    struct framebuffer framebuffer;
    struct shadow shadow;
    bool flips;                                /* new pixels go into another shadow */
    struct shadow spare[GPU_FLIP_BUFFERS - 1]; /* these, the one that was shown longest ago first */
    unsigned int busy;   /* of them all, the newest: on the screen, or on the way there */
    struct rect waiting; /* what changed since no buffer was free */
    bool textures;       /* the display takes them */
    struct resource
        *shown_texture; /* what it has instead of the shadow, which is out of date; or NULL */
    struct on_screen on_screen;
};

/* The control queue, while it stops at a request that would draw into what is on a screen. */
struct stop {
    struct loop_source *timer;
    uint64_t since_ns; /* CLOCK_MONOTONIC */
    uint64_t count;    /* of times, and how long they took together */
    uint64_t took_ns;
    bool on;
};

/* When the last pictures were finished. */
struct gpu_frames {
    uint64_t last_us; /* CLOCK_MONOTONIC; 0: there was none */
    uint64_t n;       /* times that were ever noted */
    uint32_t us[GPU_FRAMES_TOLD];
};

/* For people who measure; printed at debug level when the guest resets the device. */
struct gpu_counters {
    struct gpu_command_statistics command[GPU_COMMANDS_TOLD]; /* at gpu_command_slot(); all time */
    uint64_t taken_ns; /* when the request at hand was taken from its queue, CLOCK_MONOTONIC */
    uint64_t commands;
    uint64_t failed;
    uint64_t flushes;
    uint64_t flushed_pixels; /* of scanouts, as the guest says */
    uint64_t damaged_pixels; /* as the display was told */
    uint64_t copied_bytes;   /* out of guest memory, and between it and a renderer */
    uint64_t submits;
    uint64_t command_bytes;
    uint32_t queue_peak;   /* of the control queue, since the last question */
    uint32_t blobs_mapped; /* now */
};

struct gpu {
    struct loop *loop;
    struct loop_source *mode_timer;
    struct backend_ops backend_ops; /* features as the renderers allow */
    struct backend *backend;
    uint64_t features; /* that the driver took */
    struct display_link *link;
    int display_fd;
    int record_fd;
    int udmabuf_fd; /* or -1 */
    struct alarm alarm;
    struct resource_table resources;
    uint8_t uuid_base[16]; /* chance; a resource's UUID differs from it by its own number */
    uint32_t last_uuid;
    struct renderer *renderers[RENDERERS_MAX]; /* owned */
    unsigned int n_renderers;
    struct context_table contexts;
    struct fences fences;
    struct fault fault;
    struct record *record;   /* or NULL: nothing is recorded */
    struct journal *journal; /* or NULL: nobody comes after us */
    struct loop_source *restore_timer;
    bool restore_due;  /* the journal is another process's, and nothing was served yet */
    uint8_t *commands; /* the last command stream, and the room for it */
    uint32_t commands_size;
    uint32_t n_scanouts;
    uint32_t events_read;
    bool mode_due; /* the timer runs */
    struct scanout scanouts[GPU_SCANOUTS_MAX];
    struct resource
        *shown_textures[GPU_SHOWN_TEXTURES_MAX]; /* those with a buffer, the last one last */
    unsigned int n_shown_textures;
    struct link_cursor cursor; /* cursor.c's, the image being read */
    struct gpu_counters counters;
    struct gpu_frames frames;
    struct stop stop;
    uint64_t flips; /* from one texture to another one */
    struct log_limit limit;
};

/*
 * Serve setup->device.vhost_fd and setup->display_fd in `loop`. NULL with errno set on failure. These
 * descriptors, and setup->journal_fd, belong to the device from then on.
 */
struct gpu *gpu_create(struct loop *loop, const struct gpu_setup *setup);
void gpu_destroy(struct gpu *gpu);
CLEANUP_DEFINE(struct gpu, gpu_destroy)
/* Take the renderer over and offer its capsets: before the front end has asked for features. */
void gpu_add_renderer(struct gpu *gpu, struct renderer *renderer);
/* Tell the display what is plugged in at a scanout. */
void gpu_tell_display(struct gpu *gpu, uint32_t index);
/* CLOCK_MONOTONIC. */
uint64_t gpu_now_ns(void);
/* A request of that type begins, and has ended. */
void gpu_count_begin(struct gpu *gpu);
void gpu_count_command(struct gpu *gpu, uint32_t type, bool failed);
/* A picture is finished: struct gpu_frames. */
void gpu_count_frame(struct gpu *gpu);
/* The answer to GPU_ASK_STATISTICS; `data` is the device. */
void gpu_tell_statistics(void *data, struct gpu_statistics *statistics);
/* The id of the capset at `index` of all renderers' together; 0: there is none. */
uint32_t gpu_capset_id(const struct gpu *gpu, uint32_t index);
/* How many capsets all renderers have. */
uint32_t gpu_capsets(const struct gpu *gpu);
