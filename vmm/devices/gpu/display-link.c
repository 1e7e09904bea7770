/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the device tells of its picture, and what the display asks for. */

#include "vmm/devices/gpu/display-link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/base/assert.h"
#include "vmm/base/fd.h"
#include "vmm/base/memory.h"
#include "vmm/base/message.h"
#include "vmm/devices/gpu/display-link-private.h"

static void
link_flips(struct display_link *link, const struct gpu_flips *flips)
{
    if (flips->scanout >= link->n_outputs || flips->wanted > 1) {
        log_limited(&link->limit, LOG_LEVEL_WARNING, "The display asked for impossible flips");
    } else if (link->ops->flips) {
        link->ops->flips(link->data, flips->scanout, flips->wanted != 0);
    }
}

static void
link_textures(struct display_link *link, const struct gpu_flips *textures)
{
    if (textures->scanout >= link->n_outputs || textures->wanted > 1) {
        log_limited(&link->limit, LOG_LEVEL_WARNING, "The display asked for impossible textures");
    } else if (link->ops->textures) {
        link->ops->textures(link->data, textures->scanout, textures->wanted != 0);
    }
}

static void
link_ask_pixels(struct display_link *link, const struct gpu_ask_pixels *ask)
{
    if (ask->scanout >= link->n_outputs) {
        log_limited(&link->limit, LOG_LEVEL_WARNING, "The display asked for impossible pixels");
    } else if (link->ops->pixels) {
        link->ops->pixels(link->data, ask->scanout);
    } else {
        display_link_tell_pixels(link, ask->scanout, &(struct link_scanout){0});
    }
}

static void
link_shown(struct display_link *link, const struct gpu_shown *shown)
{
    if (shown->scanout >= link->n_outputs) {
        log_limited(&link->limit, LOG_LEVEL_WARNING, "The display showed an impossible scanout");
    } else if (link->ops->shown) {
        link->ops->shown(link->data, shown->scanout, shown->buffer);
    }
}

/* A display process has started: it knows nothing. */
static void
link_restart(struct display_link *link)
{
    for (uint32_t i = 0; i < link->n_outputs; i++) {
        link_textures(link, &(struct gpu_flips){.scanout = i, .wanted = 0});
        link_flips(link, &(struct gpu_flips){.scanout = i, .wanted = 0});
    }
    link->connected = true;
    link->hello_due = true;
    link->statistics_due = false;
    link->restarted_due = false;
    link->n_announced = 0;
    list_for_each(pos, &link->buffers) {
        list_container(pos, struct link_buffer, link)->announced = false;
    }
    for (uint32_t i = 0; i < link->n_outputs; i++) {
        struct link_output *output = &link->outputs[i];
        output->display_dirty = output->display.header.type != 0;
        output->scanout_dirty = !output->kept;
        output->cursor_dirty = output->cursor.visible;
        output->position_dirty = true;
        output->pixels_due = false;
        output->damage = (struct rect){0, 0, output->state.width, output->state.height};
    }
    link_pump(link);
}

static bool
mode_fits(const struct gpu_mode *mode)
{
    return mode->width > 0 && mode->height > 0 && mode->width <= GPU_EDGE_MAX &&
           mode->height <= GPU_EDGE_MAX;
}

static void
link_mode(struct display_link *link, const struct gpu_mode *mode)
{
    const bool plug = mode->header.type == GPU_PLUG;

    if (mode->scanout >= link->n_outputs || mode->enabled > 1 ||
        !(mode_fits(mode) || (plug && !mode->enabled)) || !(plug || mode->enabled)) {
        log_limited(&link->limit, LOG_LEVEL_WARNING, "The display asked for an impossible mode");
        return;
    }
    if (plug) {
        link->ops->plug(link->data, mode);
    } else {
        link->ops->mode(link->data, mode);
    }
}

static void
link_receive(struct display_link *link)
{
    union {
        struct start_header header;
        struct gpu_mode mode;
        struct gpu_flips flips;
        struct gpu_shown shown;
        struct gpu_ask_pixels ask_pixels;
    } message;
    ssize_t n = message_receive(link->fd, &message, sizeof(message), NULL);

    if (n == 0 || (n < 0 && n != -EAGAIN && n != -EMSGSIZE && n != -EINTR)) {
        link_lost(link);
    } else if (n == sizeof(struct start_header) && message.header.type == GPU_DISPLAY_HELLO) {
        link_restart(link);
    } else if (n == sizeof(struct start_header) && message.header.type == GPU_ASK_STATISTICS &&
               link->ops->statistics) {
        link->statistics_due = true;
        link_pump(link);
    } else if (n == sizeof(struct start_header) && message.header.type == GPU_RESTART &&
               link->ops->restart) {
        link->restarted =
            (struct gpu_restarted){.header = LINK_HEADER(GPU_RESTARTED, link->restarted)};
        link->ops->restart(link->data, &link->restarted);
        link->restarted_due = true;
        link_pump(link);
    } else if (n == sizeof(struct gpu_mode) &&
               (message.header.type == GPU_MODE || message.header.type == GPU_PLUG)) {
        link_mode(link, &message.mode);
    } else if (n == sizeof(struct gpu_flips) && message.header.type == GPU_FLIPS) {
        link_flips(link, &message.flips);
    } else if (n == sizeof(struct gpu_flips) && message.header.type == GPU_TEXTURES) {
        link_textures(link, &message.flips);
    } else if (n == sizeof(struct gpu_ask_pixels) && message.header.type == GPU_ASK_PIXELS) {
        link_ask_pixels(link, &message.ask_pixels);
    } else if (n == sizeof(struct gpu_shown) && message.header.type == GPU_SHOWN) {
        link_shown(link, &message.shown);
    } else if (n != -EAGAIN && n != -EINTR) {
        log_limited(&link->limit, LOG_LEVEL_WARNING, "The display sent a message that is none");
    }
}

static void
link_ready(void *data, uint32_t events)
{
    struct display_link *link = data;

    if (events & EPOLLIN) {
        link_receive(link);
    } else if (events & (EPOLLHUP | EPOLLERR)) {
        link_lost(link);
    }
    if (link->source && (events & EPOLLOUT)) {
        link->writable_awaited = false;
        loop_modify(link->source, EPOLLIN);
        link_pump(link);
    }
}

struct display_link *
display_link_create(struct loop *loop, int fd, uint32_t n_scanouts,
                    const struct display_link_ops *ops, void *data)
{
    struct display_link *link = xalloc(sizeof(*link));

    assert(ops->mode && ops->plug && n_scanouts > 0 && n_scanouts <= GPU_SCANOUTS_MAX);
    link->loop = loop;
    link->fd = fd;
    link->ops = ops;
    link->data = data;
    link->n_outputs = n_scanouts;
    link->outputs = xalloc_array(n_scanouts, sizeof(*link->outputs));
    for (uint32_t i = 0; i < n_scanouts; i++) {
        struct gpu_cursor *cursor = &link->outputs[i].cursor;
        cursor->header = (struct start_header){GPU_CURSOR, sizeof(*cursor)};
        cursor->scanout = i;
    }
    list_init(&link->buffers);
    link->source = loop_add(loop, fd, EPOLLIN, link_ready, link);
    return link;
}

void
display_link_destroy(struct display_link *link)
{
    if (!link) {
        return;
    }
    loop_remove(link->source);
    list_for_each_safe(pos, &link->buffers) {
        link_buffer_free(list_container(pos, struct link_buffer, link));
    }
    free(link->outputs);
    free(link);
}

uint32_t
display_link_buffer_id(const struct link_buffer *buffer)
{
    return buffer->id;
}

uint64_t
display_link_messages(const struct display_link *link)
{
    return link->messages;
}

void
display_link_set_display(struct display_link *link, const struct gpu_mode *display)
{
    struct link_output *output = &link->outputs[display->scanout];

    assert(display->scanout < link->n_outputs);
    output->display = *display;
    output->display.header = (struct start_header){GPU_DISPLAY, sizeof(*display)};
    output->display_dirty = true;
    link_pump(link);
}

struct link_buffer *
display_link_add_buffer(struct display_link *link, int fd, uint64_t size)
{
    struct link_buffer *buffer = calloc(1, sizeof(*buffer));

    if (!buffer) {
        return NULL;
    }
    if (++link->next_id == 0) {
        link->next_id = 1;
    }
    *buffer = (struct link_buffer){.fd = fd, .dmabuf = -1, .size = size, .id = link->next_id};
    list_append(&link->buffers, &buffer->link);
    return buffer;
}

struct link_buffer *
display_link_add_texture(struct display_link *link, const struct gpu_texture *texture, int dmabuf)
{
    struct link_buffer *buffer = display_link_add_buffer(link, dmabuf, 0);

    if (buffer) {
        buffer->dmabuf = dmabuf;
        buffer->texture = *texture;
        buffer->texture.header = (struct start_header){GPU_TEXTURE, sizeof(*texture)};
        buffer->texture.id = buffer->id;
    }
    return buffer;
}

void
display_link_set_dmabuf(struct link_buffer *buffer, int dmabuf)
{
    fd_closep(&buffer->dmabuf);
    buffer->dmabuf = dmabuf;
}

bool
display_link_has_dmabuf(const struct link_buffer *buffer)
{
    return buffer->dmabuf >= 0;
}

void
display_link_remove_buffer(struct display_link *link, struct link_buffer *buffer)
{
    for (uint32_t i = 0; i < link->n_outputs; i++) {
        if (link->outputs[i].pixels.buffer == buffer) {
            link->outputs[i].pixels = (struct link_scanout){0};
        }
    }
    if (link->connected) {
        buffer->fd = -1;
        link_pump(link);
    } else {
        list_remove(&buffer->link);
        link_buffer_free(buffer);
    }
}

void
display_link_set_scanout(struct display_link *link, uint32_t scanout,
                         const struct link_scanout *state)
{
    struct link_output *output = &link->outputs[scanout];

    assert(scanout < link->n_outputs);
    if (!output->kept && memcmp(&output->state, state, sizeof(*state)) == 0) {
        return;
    }
    output->kept = false;
    struct rect area = {0, 0, state->width, state->height};
    output->state = *state;
    output->damage = rect_intersect(&output->damage, &area);
    output->scanout_dirty = true;
    link_pump(link);
}

void
display_link_keep_picture(struct display_link *link, uint32_t scanout)
{
    link->outputs[scanout].kept = true;
}

void
display_link_take_over(struct display_link *link)
{
    if (!link->connected && link->source) {
        link_restart(link);
    }
}

void
display_link_tell_pixels(struct display_link *link, uint32_t scanout,
                         const struct link_scanout *pixels)
{
    assert(scanout < link->n_outputs);
    link->outputs[scanout].pixels = *pixels;
    link->outputs[scanout].pixels_due = true;
    link_pump(link);
}

void
display_link_update(struct display_link *link, uint32_t scanout, const struct rect *damage)
{
    struct link_output *output = &link->outputs[scanout];
    struct rect area = {0, 0, output->state.width, output->state.height};
    struct rect inside = rect_intersect(damage, &area);

    assert(scanout < link->n_outputs);
    if (rect_empty(&inside)) {
        return;
    }
    output->damage = rect_union(&output->damage, &inside);
    link_pump(link);
}

void
display_link_set_cursor(struct display_link *link, uint32_t scanout,
                        const struct link_cursor *cursor)
{
    struct link_output *output = &link->outputs[scanout];

    assert(scanout < link->n_outputs);
    if (output->cursor.visible == cursor->visible && output->cursor.hot_x == cursor->hot_x &&
        output->cursor.hot_y == cursor->hot_y &&
        memcmp(output->cursor.pixels, cursor->pixels, sizeof(cursor->pixels)) == 0) {
        return;
    }
    output->cursor.visible = cursor->visible;
    output->cursor.hot_x = cursor->hot_x;
    output->cursor.hot_y = cursor->hot_y;
    memcpy(output->cursor.pixels, cursor->pixels, sizeof(cursor->pixels));
    output->cursor_dirty = true;
    link_pump(link);
}

void
display_link_move_cursor(struct display_link *link, uint32_t scanout, uint32_t x, uint32_t y)
{
    struct link_output *output = &link->outputs[scanout];

    assert(scanout < link->n_outputs);
    if (output->cursor_x == x && output->cursor_y == y) {
        return;
    }
    output->cursor_x = x;
    output->cursor_y = y;
    output->position_dirty = true;
    link_pump(link);
}
