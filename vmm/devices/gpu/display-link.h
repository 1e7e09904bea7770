/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The gpu process's end of vmm/protocol/gpu.h. It keeps what the display should know (buffers,
 * scanouts, cursors) and what it was told, and sends the difference: at once while the socket takes
 * it, else when there is room again, with damage merged per scanout. A new display process that says
 * hello is told everything again.
 */

#include <stdbool.h>
#include <stdint.h>

#include "vmm/base/cleanup.h"
#include "vmm/base/loop.h"
#include "vmm/devices/gpu/rect.h"
#include "vmm/protocol/device.h"
#include "vmm/protocol/gpu.h"

struct display_link;
struct link_buffer;

struct display_link_ops {
    /* The window of a scanout changed; numbers are checked, except that they may be equal to before. */
    void (*mode)(void *data, const struct gpu_mode *mode);
    /* A display comes (or has another mode) or goes: display_link_set_display() with what is true then. */
    void (*plug)(void *data, const struct gpu_mode *mode);
    /* Optional: new pixels of a scanout are to come in another buffer, or no longer. */
    void (*flips)(void *data, uint32_t scanout, bool wanted);
    /* Optional: buffers of a scanout that were shown before this one are free. */
    void (*shown)(void *data, uint32_t scanout, uint32_t buffer);
    /* Optional: fill in all but the header. */
    void (*statistics)(void *data, struct gpu_statistics *statistics);
    /* Optional: begin anew with what draws in 3D, and fill in all but the header. */
    void (*restart)(void *data, struct gpu_restarted *restarted);
    /* Optional: all who show a scanout take textures, or no longer. */
    void (*textures)(void *data, uint32_t scanout, bool wanted);
    /* Optional: display_link_tell_pixels() of a scanout. */
    void (*pixels)(void *data, uint32_t scanout);
};

/* What a scanout shows; `buffer` NULL when it is off. */
struct link_scanout {
    struct link_buffer *buffer;
    uint64_t offset;
    uint32_t width;
    uint32_t height;
    uint32_t stride;
    uint32_t format; /* enum gpu_format */
    uint32_t x;      /* in a texture */
    uint32_t y;
};

struct link_cursor {
    uint32_t visible; /* 0 or 1 */
    uint32_t hot_x;
    uint32_t hot_y;
    uint32_t pixels[GPU_CURSOR_SIZE * GPU_CURSOR_SIZE];
};

/* `fd` is non-blocking and stays the caller's, as `ops` and `data` do. Never NULL. */
struct display_link *display_link_create(struct loop *loop, int fd, uint32_t n_scanouts,
                                         const struct display_link_ops *ops, void *data);
void display_link_destroy(struct display_link *link);
CLEANUP_DEFINE(struct display_link, display_link_destroy)

/* How the display calls it. */
uint32_t display_link_buffer_id(const struct link_buffer *buffer);

/* Messages sent since the start. */
uint64_t display_link_messages(const struct display_link *link);

/* Tells what is plugged in at a scanout, also when that is as before; the header is filled in. */
void display_link_set_display(struct display_link *link, const struct gpu_mode *display);

/*
 * A buffer that scanouts may show: sealed memfd of `size` bytes, which stays the caller's and open
 * until the buffer is removed. No scanout may show it any more then. NULL when memory runs out.
 */
struct link_buffer *display_link_add_buffer(struct display_link *link, int fd, uint64_t size);
/*
 * The same pages as a dmabuf, taken over; before a scanout shows the buffer. For displays that can
 * hand it on: the memfd stays the truth.
 */
void display_link_set_dmabuf(struct link_buffer *buffer, int dmabuf);
bool display_link_has_dmabuf(const struct link_buffer *buffer);
/*
 * The same of what a graphics card has: `texture` without header and id, its memory `dmabuf`, taken over when
 * that succeeds. Scanouts show it only while the display takes textures.
 */
struct link_buffer *display_link_add_texture(struct display_link *link,
                                             const struct gpu_texture *texture, int dmabuf);
void display_link_remove_buffer(struct display_link *link, struct link_buffer *buffer);

/* The answer to display_link_ops::pixels. */
void display_link_tell_pixels(struct display_link *link, uint32_t scanout,
                              const struct link_scanout *pixels);
/* Does nothing when the scanout shows that already. */
void display_link_set_scanout(struct display_link *link, uint32_t scanout,
                              const struct link_scanout *state);
/* Say nothing of the scanout until it shows something else: the display has a picture of before us. */
void display_link_keep_picture(struct display_link *link, uint32_t scanout);
/* Begin by ourselves, without a display's hello: it knew the process before us. */
void display_link_take_over(struct display_link *link);
/* New pixels in `damage`, in scanout coordinates; what lies outside the scanout is ignored. */
void display_link_update(struct display_link *link, uint32_t scanout, const struct rect *damage);
/* Does nothing when the cursor looks like that already. */
void display_link_set_cursor(struct display_link *link, uint32_t scanout,
                             const struct link_cursor *cursor);
void display_link_move_cursor(struct display_link *link, uint32_t scanout, uint32_t x, uint32_t y);
