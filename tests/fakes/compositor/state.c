/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/fakes/compositor/compositor.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void
on_buffer_gone(struct wl_listener *listener, void *data)
{
    struct surface_state *state = wl_container_of(listener, state, buffer_gone);

    (void)data;
    state->buffer = NULL;
    wl_list_remove(&state->buffer_gone.link);
    wl_list_init(&state->buffer_gone.link);
}

static void
state_set_buffer(struct surface_state *state, struct wl_resource *buffer)
{
    wl_list_remove(&state->buffer_gone.link);
    wl_list_init(&state->buffer_gone.link);
    state->buffer = buffer;
    if (buffer) {
        wl_resource_add_destroy_listener(buffer, &state->buffer_gone);
    }
}

void
state_init(struct surface_state *state)
{
    *state = (struct surface_state){.scale = 1};
    state->viewport.width = -1;
    state->viewport.to_width = -1;
    state->buffer_gone.notify = on_buffer_gone;
    wl_list_init(&state->buffer_gone.link);
    wl_list_init(&state->frames);
    pixman_region32_init(&state->damage);
    pixman_region32_init(&state->buffer_damage);
    pixman_region32_init(&state->opaque);
    pixman_region32_init_rect(&state->input, -EDGE_MAX, -EDGE_MAX, 2 * EDGE_MAX, 2 * EDGE_MAX);
}

void
state_finish(struct surface_state *state)
{
    struct wl_resource *callback;
    struct wl_resource *next;

    wl_resource_for_each_safe(callback, next, &state->frames)
    {
        wl_resource_destroy(callback);
    }
    state_set_buffer(state, NULL);
    pixman_region32_fini(&state->damage);
    pixman_region32_fini(&state->buffer_damage);
    pixman_region32_fini(&state->opaque);
    pixman_region32_fini(&state->input);
}

void
state_attach(struct surface_state *state, struct wl_resource *buffer)
{
    state->attached = true;
    state_set_buffer(state, buffer);
}

void
state_move(struct surface_state *to, struct surface_state *from)
{
    if (from->attached) {
        if (to->buffer && to->buffer != from->buffer) {
            wl_buffer_send_release(to->buffer);
        }
        state_attach(to, from->buffer);
        state_set_buffer(from, NULL);
        from->attached = false;
    }
    to->offset_x += from->offset_x;
    to->offset_y += from->offset_y;
    from->offset_x = 0;
    from->offset_y = 0;
    pixman_region32_union(&to->damage, &to->damage, &from->damage);
    pixman_region32_clear(&from->damage);
    pixman_region32_union(&to->buffer_damage, &to->buffer_damage, &from->buffer_damage);
    pixman_region32_clear(&from->buffer_damage);
    pixman_region32_copy(&to->opaque, &from->opaque);
    pixman_region32_copy(&to->input, &from->input);
    to->scale = from->scale;
    to->viewport = from->viewport;
    wl_list_insert_list(to->frames.prev, &from->frames);
    wl_list_init(&from->frames);
}

/* Logical damage in buffer pixels, one more on each side where the viewport scales. */
static void
add_logical_damage(struct surface *surface, const struct surface_state *state,
                   pixman_region32_t *damage)
{
    const struct viewport_state *view = &state->viewport;
    double scale = state->scale;
    double x = 0;
    double y = 0;
    double across = 1;
    double down = 1;
    int n;
    const pixman_box32_t *boxes = pixman_region32_rectangles(&state->damage, &n);
    int grow = view->width >= 0 || view->to_width >= 0 ? 1 : 0;

    if (view->width >= 0) {
        x = view->x;
        y = view->y;
        across = view->to_width >= 0 ? view->width / view->to_width : 1;
        down = view->to_height >= 0 ? view->height / view->to_height : 1;
    } else if (view->to_width >= 0) {
        across = surface->image.width / scale / view->to_width;
        down = surface->image.height / scale / view->to_height;
    }
    for (int i = 0; i < n; i++) {
        double left = floor((x + fmax(boxes[i].x1, -EDGE_MAX) * across) * scale) - grow;
        double top = floor((y + fmax(boxes[i].y1, -EDGE_MAX) * down) * scale) - grow;
        double right = ceil((x + fmin(boxes[i].x2, EDGE_MAX) * across) * scale) + grow;
        double bottom = ceil((y + fmin(boxes[i].y2, EDGE_MAX) * down) * scale) + grow;
        pixman_region32_union_rect(damage, damage, (int)left, (int)top, (unsigned)(right - left),
                                   (unsigned)(bottom - top));
    }
}

static void
copy_box(struct surface *surface, const struct pixels *pixels, const pixman_box32_t *box)
{
    struct image *image = &surface->image;

    for (int y = box->y1; y < box->y2; y++) {
        uint32_t *to = image->pixels + (size_t)y * (size_t)image->width;
        for (int x = box->x1; x < box->x2; x++) {
            to[x] = pixels_argb(pixels, x, y);
        }
    }
    surface->n_pixels_taken += (uint64_t)(box->x2 - box->x1) * (uint64_t)(box->y2 - box->y1);
}

/* A new size is a new texture, filled as a whole. True when that is so. */
static bool
resize_image(struct image *image, int width, int height)
{
    if (image->pixels && image->width == width && image->height == height) {
        return false;
    }
    free(image->pixels);
    image->pixels = calloc((size_t)width * (size_t)height, 4);
    image->width = width;
    image->height = height;
    return true;
}

/* Whether the buffer still has the pixels that were taken from it. */
static bool
is_unchanged(const struct image *image, const struct pixels *pixels)
{
    bool same = true;

    for (int y = 0; same && y < image->height; y++) {
        for (int x = 0; same && x < image->width; x++) {
            same = pixels_argb(pixels, x, y) ==
                   image->pixels[(size_t)y * (size_t)image->width + (size_t)x];
        }
    }
    return same;
}

void
state_let_go(struct surface *surface, struct surface_state *state, struct wl_resource *next)
{
    struct pixels pixels;

    if (surface->image.pixels && pixels_begin(state->buffer, &pixels)) {
        surface->n_overwritten += !is_unchanged(&surface->image, &pixels);
        pixels_end(&pixels);
    }
    if (state->buffer && state->buffer != next) {
        wl_buffer_send_release(state->buffer);
        state_attach(state, NULL);
        state->attached = false;
    }
}

void
state_take_pixels(struct surface *surface, struct surface_state *state)
{
    struct pixels pixels;
    pixman_region32_t damage;
    int n;

    if (!pixels_begin(state->buffer, &pixels)) {
        free(surface->image.pixels);
        surface->image = (struct image){.width = 0};
        return;
    }
    pixman_region32_init(&damage);
    if (resize_image(&surface->image, pixels.width, pixels.height)) {
        pixman_region32_union_rect(&damage, &damage, 0, 0, (unsigned)pixels.width,
                                   (unsigned)pixels.height);
    } else {
        pixman_region32_copy(&damage, &state->buffer_damage);
        add_logical_damage(surface, state, &damage);
        pixman_region32_intersect_rect(&damage, &damage, 0, 0, (unsigned)pixels.width,
                                       (unsigned)pixels.height);
    }
    const pixman_box32_t *boxes = pixman_region32_rectangles(&damage, &n);
    for (int i = 0; i < n; i++) {
        copy_box(surface, &pixels, &boxes[i]);
    }
    pixels_end(&pixels);
    pixman_region32_fini(&damage);
}
