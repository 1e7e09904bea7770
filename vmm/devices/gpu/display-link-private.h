/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files of display-link.h share: what the display should know, and what it was told of that. */

#include "vmm/base/list.h"
#include "vmm/base/log.h"
#include "vmm/devices/gpu/display-link.h"

struct link_buffer {
    struct list link;
    uint64_t size;
    uint32_t id;
    int fd;         /* -1: removed, GPU_BUFFER_GONE is still to be sent */
    int dmabuf;     /* of the same pages, or -1 */
    bool announced; /* the display knows it */
    bool dmabuf_told;
    struct gpu_texture texture; /* header.type 0: it is none; else `fd` is `dmabuf` */
};

/* One scanout: what it is, and which parts of that the display was not told yet. */
struct link_output {
    struct link_scanout state;
    struct rect damage;
    struct gpu_cursor cursor;   /* ready to be sent */
    struct gpu_mode display;    /* the same */
    struct link_scanout pixels; /* to be told */
    uint32_t cursor_x;
    uint32_t cursor_y;
    bool display_dirty;
    bool scanout_dirty;
    bool kept; /* see display_link_keep_picture() */
    bool cursor_dirty;
    bool position_dirty;
    bool pixels_due;
};

struct display_link {
    struct loop *loop;
    struct loop_source *source;
    const struct display_link_ops *ops;
    void *data;
    int fd;
    uint32_t n_outputs;
    uint32_t next_id;
    uint32_t n_announced;
    bool connected; /* a display said hello */
    bool hello_due;
    bool statistics_due;
    bool restarted_due;
    struct gpu_restarted restarted; /* what is to be told then */
    bool writable_awaited;
    struct list buffers;
    struct log_limit limit;
    uint64_t messages;
    struct link_output *outputs;
};

#define LINK_HEADER(type_, struct_)              \
    {                                            \
        .type = (type_), .size = sizeof(struct_) \
    }

/* display-link-send.c */
/* Send what is due, as far as the socket takes it. */
void link_pump(struct display_link *link);
/* There is no display any more. */
void link_lost(struct display_link *link);
void link_buffer_free(struct link_buffer *buffer);
