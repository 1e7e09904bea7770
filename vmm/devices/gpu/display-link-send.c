/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the display was not told yet goes to it, in an order that it understands. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/base/fd.h"
#include "vmm/base/message.h"
#include "vmm/devices/gpu/display-link-private.h"

void
link_buffer_free(struct link_buffer *buffer)
{
    fd_closep(&buffer->dmabuf);
    free(buffer);
}

void
link_lost(struct display_link *link)
{
    loop_remove(link->source);
    link->source = NULL;
    link->connected = false;
}

/* True when the message is out. A full socket, or none, leaves the work for later. */
static bool
link_send(struct display_link *link, const void *message, size_t size, int fd)
{
    int r = message_send(link->fd, message, size, &fd, fd >= 0 ? 1 : 0);

    if (r == 0) {
        link->messages++;
        return true;
    }
    if (r == -EAGAIN || r == -ENOBUFS) {
        if (!link->writable_awaited) {
            link->writable_awaited = true;
            loop_modify(link->source, EPOLLIN | EPOLLOUT);
        }
        return false;
    }
    log_warning("The display process cannot be reached: %s", strerror(-r));
    link_lost(link);
    return false;
}

static bool
send_hello(struct display_link *link)
{
    struct gpu_hello hello = {.header = LINK_HEADER(GPU_HELLO, hello),
                              .n_scanouts = link->n_outputs};

    if (link->hello_due && link_send(link, &hello, sizeof(hello), -1)) {
        link->hello_due = false;
    }
    return !link->hello_due;
}

static bool
send_displays(struct display_link *link)
{
    for (uint32_t i = 0; i < link->n_outputs; i++) {
        struct link_output *output = &link->outputs[i];
        if (output->display_dirty &&
            !link_send(link, &output->display, sizeof(output->display), -1)) {
            return false;
        }
        output->display_dirty = false;
    }
    return true;
}

static bool
send_statistics(struct display_link *link)
{
    struct gpu_statistics statistics = {.header = LINK_HEADER(GPU_STATISTICS, statistics)};

    if (link->statistics_due) {
        link->ops->statistics(link->data, &statistics);
        link->statistics_due = !link_send(link, &statistics, sizeof(statistics), -1);
    }
    return !link->statistics_due;
}

static bool
send_restarted(struct display_link *link)
{
    if (link->restarted_due) {
        link->restarted_due = !link_send(link, &link->restarted, sizeof(link->restarted), -1);
    }
    return !link->restarted_due;
}

static bool
buffer_shown(const struct display_link *link, const struct link_buffer *buffer)
{
    for (uint32_t i = 0; i < link->n_outputs; i++) {
        if (link->outputs[i].state.buffer == buffer ||
            (link->outputs[i].pixels_due && link->outputs[i].pixels.buffer == buffer)) {
            return true;
        }
    }
    return false;
}

static bool
send_gone(struct display_link *link, struct link_buffer *buffer)
{
    struct gpu_buffer message = {
        .header = LINK_HEADER(GPU_BUFFER_GONE, message), .id = buffer->id, .size = buffer->size};

    if (buffer->announced && link_send(link, &message, sizeof(message), -1)) {
        buffer->announced = false;
        link->n_announced--;
    }
    return !buffer->announced;
}

/* The display knows only so many buffers: take one back that no scanout shows. */
static bool
link_make_room(struct display_link *link)
{
    list_for_each(pos, &link->buffers) {
        struct link_buffer *buffer = list_container(pos, struct link_buffer, link);
        if (link->n_announced < GPU_BUFFERS_MAX) {
            break;
        }
        if (buffer->announced && !buffer_shown(link, buffer) && !send_gone(link, buffer)) {
            return false;
        }
    }
    return true;
}

static bool
send_buffer(struct display_link *link, struct link_buffer *buffer)
{
    const bool is_texture = buffer->texture.header.type != 0;
    struct gpu_buffer message = {
        .header = LINK_HEADER(GPU_BUFFER, message), .id = buffer->id, .size = buffer->size};
    const void *told = is_texture ? (const void *)&buffer->texture : &message;

    if (!link_make_room(link) ||
        !link_send(link, told, is_texture ? sizeof(buffer->texture) : sizeof(message),
                   buffer->fd)) {
        return false;
    }
    buffer->announced = true;
    buffer->dmabuf_told = is_texture;
    link->n_announced++;
    return true;
}

static bool
send_dmabuf(struct display_link *link, struct link_buffer *buffer)
{
    struct gpu_buffer message = {
        .header = LINK_HEADER(GPU_BUFFER_DMABUF, message), .id = buffer->id, .size = buffer->size};

    if (buffer->dmabuf >= 0 && !buffer->dmabuf_told) {
        buffer->dmabuf_told = link_send(link, &message, sizeof(message), buffer->dmabuf);
        return buffer->dmabuf_told;
    }
    return true;
}

static bool
send_new_buffer(struct display_link *link, struct link_buffer *buffer)
{
    return (buffer->announced || send_buffer(link, buffer)) && send_dmabuf(link, buffer);
}

static struct gpu_scanout
scanout_message(uint32_t type, uint32_t index, const struct link_scanout *state)
{
    return (struct gpu_scanout){.header = {type, sizeof(struct gpu_scanout)},
                                .scanout = index,
                                .buffer = state->buffer ? state->buffer->id : 0,
                                .offset = state->offset,
                                .width = state->width,
                                .height = state->height,
                                .stride = state->stride,
                                .format = state->format,
                                .x = state->x,
                                .y = state->y};
}

static bool
send_scanout(struct display_link *link, uint32_t index)
{
    struct link_output *output = &link->outputs[index];
    struct link_buffer *buffer = output->state.buffer;

    if (!output->scanout_dirty) {
        return true;
    }
    if (buffer && !send_new_buffer(link, buffer)) {
        return false;
    }
    const struct gpu_scanout message = scanout_message(GPU_SCANOUT, index, &output->state);
    output->scanout_dirty = !link_send(link, &message, sizeof(message), -1);
    return !output->scanout_dirty;
}

static bool
send_pixels(struct display_link *link, uint32_t index)
{
    struct link_output *output = &link->outputs[index];
    struct link_buffer *buffer = output->pixels.buffer;

    if (!output->pixels_due) {
        return true;
    }
    if (buffer && !send_new_buffer(link, buffer)) {
        return false;
    }
    const struct gpu_scanout message = scanout_message(GPU_PIXELS, index, &output->pixels);
    output->pixels_due = !link_send(link, &message, sizeof(message), -1);
    return !output->pixels_due;
}

/* Forget removed buffers that the display does not know any more. */
static bool
send_removals(struct display_link *link)
{
    list_for_each_safe(pos, &link->buffers) {
        struct link_buffer *buffer = list_container(pos, struct link_buffer, link);
        if (buffer->fd >= 0) {
            continue;
        }
        if (!send_gone(link, buffer)) {
            return false;
        }
        list_remove(pos);
        link_buffer_free(buffer);
    }
    return true;
}

static bool
send_update(struct display_link *link, uint32_t index)
{
    struct link_output *output = &link->outputs[index];
    const struct rect *damage = &output->damage;

    if (rect_empty(damage)) {
        return true;
    }
    struct gpu_update message = {.header = LINK_HEADER(GPU_UPDATE, message),
                                 .scanout = index,
                                 .x = damage->x,
                                 .y = damage->y,
                                 .width = damage->width,
                                 .height = damage->height};
    if (!link_send(link, &message, sizeof(message), -1)) {
        return false;
    }
    output->damage = (struct rect){0};
    return true;
}

static bool
send_cursor(struct display_link *link, uint32_t index)
{
    struct link_output *output = &link->outputs[index];

    if (output->cursor_dirty) {
        output->cursor_dirty = !link_send(link, &output->cursor, sizeof(output->cursor), -1);
    }
    if (output->position_dirty && !output->cursor_dirty) {
        struct gpu_cursor_move message = {.header = LINK_HEADER(GPU_CURSOR_MOVE, message),
                                          .scanout = index,
                                          .x = output->cursor_x,
                                          .y = output->cursor_y};
        output->position_dirty = !link_send(link, &message, sizeof(message), -1);
    }
    return !output->cursor_dirty && !output->position_dirty;
}

/* Buffers go only after no scanout that the display knows shows them. */
void
link_pump(struct display_link *link)
{
    bool done = link->connected && !link->writable_awaited && send_hello(link) &&
                send_displays(link) && send_statistics(link) && send_restarted(link);

    for (uint32_t i = 0; done && i < link->n_outputs; i++) {
        done = send_scanout(link, i);
    }
    done = done && send_removals(link);
    for (uint32_t i = 0; done && i < link->n_outputs; i++) {
        done = send_update(link, i) && send_cursor(link, i) && send_pixels(link, i);
    }
}
