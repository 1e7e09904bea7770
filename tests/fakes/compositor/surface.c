/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/fakes/compositor/compositor.h"

#include <math.h>
#include <stdlib.h>
#include <time.h>

uint32_t
now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint32_t)(now.tv_sec * 1000 + now.tv_nsec / 1000000);
}

struct surface *
surface_from(struct wl_resource *resource)
{
    return wl_resource_get_user_data(resource);
}

bool
surface_take_role(struct surface *surface, enum role role, struct wl_resource *by, uint32_t error)
{
    if (surface->role != ROLE_NONE && surface->role != role) {
        wl_resource_post_error(by, error, "the surface has another role");
        return false;
    }
    surface->role = role;
    return true;
}

int
surface_width(const struct surface *surface)
{
    const struct viewport_state *view = &surface->current.viewport;

    if (!surface->image.pixels) {
        return 0;
    }
    if (view->to_width >= 0) {
        return view->to_width;
    }
    return view->width >= 0 ? (int)view->width : surface->image.width / surface->current.scale;
}

int
surface_height(const struct surface *surface)
{
    const struct viewport_state *view = &surface->current.viewport;

    if (!surface->image.pixels) {
        return 0;
    }
    if (view->to_width >= 0) {
        return view->to_height;
    }
    return view->width >= 0 ? (int)view->height : surface->image.height / surface->current.scale;
}

struct surface *
surface_root(struct surface *surface)
{
    while (surface && surface->role == ROLE_SUBSURFACE) {
        surface = surface->parent;
    }
    return surface && surface->xdg ? surface : NULL;
}

bool
surface_is_shown(const struct surface *surface)
{
    while (surface && surface->image.pixels && surface->role == ROLE_SUBSURFACE) {
        surface = surface->parent;
    }
    return surface && surface->image.pixels && surface->xdg && surface->xdg->mapped;
}

bool
surface_is_synchronised(const struct surface *surface)
{
    for (; surface && surface->role == ROLE_SUBSURFACE; surface = surface->parent) {
        if (surface->synchronised) {
            return true;
        }
    }
    return false;
}

struct surface *
surface_by_id(struct compositor *compositor, uint32_t id)
{
    struct surface *surface;

    wl_list_for_each(surface, &compositor->surfaces, link) {
        if (surface->id == id) {
            return surface;
        }
    }
    return NULL;
}

static void
send_frames(struct surface *surface, uint32_t time)
{
    struct wl_resource *callback;
    struct wl_resource *next;

    wl_resource_for_each_safe(callback, next, &surface->current.frames)
    {
        wl_callback_send_done(callback, time);
        wl_resource_destroy(callback);
    }
}

void
surface_send_frames(struct compositor *compositor)
{
    struct surface *surface;
    uint32_t time = now_ms();

    wl_list_for_each(surface, &compositor->surfaces, link) {
        send_frames(surface, time);
    }
}

/* The source must lie inside the buffer, and without a destination be of whole pixels. */
static bool
viewport_is_right(const struct surface *surface, const struct surface_state *state)
{
    const struct viewport_state *view = &state->viewport;

    if (!surface->viewport || !surface->image.pixels || view->width < 0) {
        return true;
    }
    if (view->to_width < 0 && (view->width != floor(view->width) || //
                               view->height != floor(view->height))) {
        wl_resource_post_error(surface->viewport, 1, "the source is not of whole pixels");
        return false;
    }
    if (view->x + view->width > (double)surface->image.width / state->scale ||
        view->y + view->height > (double)surface->image.height / state->scale) {
        wl_resource_post_error(surface->viewport, 2, "the source lies outside of the buffer");
        return false;
    }
    return true;
}

struct kept {
    struct wl_list link;
    struct wl_resource *buffer;
    struct wl_listener gone;
};

static void
kept_free(struct kept *kept)
{
    wl_list_remove(&kept->link);
    wl_list_remove(&kept->gone.link);
    free(kept);
}

static void
on_kept_gone(struct wl_listener *listener, void *data)
{
    struct kept *kept = wl_container_of(listener, kept, gone);

    (void)data;
    kept_free(kept);
}

void
surface_release_kept(struct compositor *compositor)
{
    struct kept *kept;
    struct kept *next;

    wl_list_for_each_safe(kept, next, &compositor->kept, link) {
        wl_buffer_send_release(kept->buffer);
        kept_free(kept);
    }
}

static void
keep_buffer(struct compositor *compositor, struct surface_state *state)
{
    struct kept *kept = calloc(1, sizeof(*kept));

    if (kept) {
        kept->buffer = state->buffer;
        kept->gone.notify = on_kept_gone;
        wl_resource_add_destroy_listener(kept->buffer, &kept->gone);
        wl_list_insert(&compositor->kept, &kept->link);
        state_attach(state, NULL); /* nobody else lets go of it */
    }
}

static void
surface_apply(struct surface *surface, struct surface_state *from)
{
    struct surface_state *current = &surface->current;
    bool new_buffer = from->attached;

    if (new_buffer && surface->compositor->keep && current->buffer != from->buffer &&
        dmabuf_is_one(current->buffer)) {
        keep_buffer(surface->compositor, current);
    }
    if (new_buffer) {
        state_let_go(surface, current, from->buffer);
    }
    state_move(current, from);
    surface->n_commits++;
    if (new_buffer) {
        state_take_pixels(surface, current);
        if (current->buffer && !surface->compositor->hold) {
            wl_buffer_send_release(current->buffer);
            state_attach(current, NULL);
        }
        current->attached = false;
    }
    pixman_region32_clear(&current->damage);
    pixman_region32_clear(&current->buffer_damage);
    if (!viewport_is_right(surface, current)) {
        return;
    }
    subsurfaces_apply(surface);
    if (surface->xdg) {
        shell_committed(surface);
    }
    if (surface_is_shown(surface)) {
        output_enter(surface);
        seat_update_pointer(&surface->compositor->seat);
        if (!surface_is_synchronised(surface)) {
            record_frame(surface); /* a synchronised one is part of its parent's */
        }
    }
}

void
surface_flush(struct surface *surface)
{
    if (surface->has_cached) {
        surface->has_cached = false;
        surface_apply(surface, &surface->cached);
    }
}

/* Requests */

static void
handle_destroy(struct wl_client *client, struct wl_resource *resource)
{
    (void)client;
    wl_resource_destroy(resource);
}

static void
handle_attach(struct wl_client *client, struct wl_resource *resource, struct wl_resource *buffer,
              int32_t x, int32_t y)
{
    struct surface *surface = surface_from(resource);

    (void)client;
    state_attach(&surface->pending, buffer);
    surface->pending.offset_x += x;
    surface->pending.offset_y += y;
}

static void
add_rectangle(pixman_region32_t *region, const int32_t box[4])
{
    if (box[2] > 0 && box[3] > 0) {
        int width = box[2] < EDGE_MAX ? box[2] : EDGE_MAX;
        int height = box[3] < EDGE_MAX ? box[3] : EDGE_MAX;
        pixman_region32_union_rect(region, region, box[0], box[1], (unsigned)width,
                                   (unsigned)height);
    }
}

static void
handle_damage(struct wl_client *client, struct wl_resource *resource, int32_t x, int32_t y,
              int32_t width, int32_t height)
{
    (void)client;
    add_rectangle(&surface_from(resource)->pending.damage, (int32_t[]){x, y, width, height});
}

static void
handle_damage_buffer(struct wl_client *client, struct wl_resource *resource, int32_t x, int32_t y,
                     int32_t width, int32_t height)
{
    (void)client;
    add_rectangle(&surface_from(resource)->pending.buffer_damage, (int32_t[]){x, y, width, height});
}

static void
unlink_resource(struct wl_resource *resource)
{
    wl_list_remove(wl_resource_get_link(resource));
}

static void
handle_frame(struct wl_client *client, struct wl_resource *resource, uint32_t id)
{
    struct surface *surface = surface_from(resource);
    struct wl_resource *callback = wl_resource_create(client, &wl_callback_interface, 1, id);

    wl_resource_set_implementation(callback, NULL, NULL, unlink_resource);
    wl_list_insert(surface->pending.frames.prev, wl_resource_get_link(callback));
}

static void
handle_set_opaque(struct wl_client *client, struct wl_resource *resource,
                  struct wl_resource *region)
{
    struct surface *surface = surface_from(resource);

    (void)client;
    pixman_region32_clear(&surface->pending.opaque);
    if (region) {
        pixman_region32_copy(&surface->pending.opaque, wl_resource_get_user_data(region));
    }
}

static void
handle_set_input(struct wl_client *client, struct wl_resource *resource, struct wl_resource *region)
{
    struct surface *surface = surface_from(resource);

    (void)client;
    if (region) {
        pixman_region32_copy(&surface->pending.input, wl_resource_get_user_data(region));
    } else {
        pixman_region32_fini(&surface->pending.input);
        pixman_region32_init_rect(&surface->pending.input, -EDGE_MAX, -EDGE_MAX, 2 * EDGE_MAX,
                                  2 * EDGE_MAX);
    }
}

static void
handle_commit(struct wl_client *client, struct wl_resource *resource)
{
    struct surface *surface = surface_from(resource);

    (void)client;
    if (surface_is_synchronised(surface)) {
        state_move(&surface->cached, &surface->pending);
        surface->has_cached = true;
        return;
    }
    if (surface->has_cached) { /* from before it became free */
        state_move(&surface->cached, &surface->pending);
        surface_flush(surface);
        return;
    }
    surface_apply(surface, &surface->pending);
}

static void
handle_transform(struct wl_client *client, struct wl_resource *resource, int32_t transform)
{
    (void)client;
    if (transform != WL_OUTPUT_TRANSFORM_NORMAL) {
        wl_resource_post_error(resource, WL_SURFACE_ERROR_INVALID_TRANSFORM,
                               "this compositor turns nothing");
    }
}

static void
handle_scale(struct wl_client *client, struct wl_resource *resource, int32_t scale)
{
    (void)client;
    if (scale < 1) {
        wl_resource_post_error(resource, WL_SURFACE_ERROR_INVALID_SCALE, "a scale of %d", scale);
        return;
    }
    surface_from(resource)->pending.scale = scale;
}

static const struct wl_surface_interface surface_requests = {
    .destroy = handle_destroy,
    .attach = handle_attach,
    .damage = handle_damage,
    .frame = handle_frame,
    .set_opaque_region = handle_set_opaque,
    .set_input_region = handle_set_input,
    .commit = handle_commit,
    .set_buffer_transform = handle_transform,
    .set_buffer_scale = handle_scale,
    .damage_buffer = handle_damage_buffer,
};

static void
surface_destroyed(struct wl_resource *resource)
{
    struct surface *surface = surface_from(resource);
    struct surface *other;

    shell_surface_gone(surface);
    seat_forget(&surface->compositor->seat, surface);
    subsurface_leave(surface);
    wl_list_for_each(other, &surface->compositor->surfaces, link) {
        if (other->parent == surface) {
            subsurface_leave(other);
        }
    }
    if (surface->subsurface) {
        wl_resource_set_user_data(surface->subsurface, NULL);
    }
    if (surface->viewport) {
        wl_resource_set_user_data(surface->viewport, NULL);
    }
    if (surface->fractional) {
        wl_resource_set_user_data(surface->fractional, NULL);
    }
    state_finish(&surface->pending);
    state_finish(&surface->cached);
    state_finish(&surface->current);
    free(surface->image.pixels);
    wl_list_remove(&surface->link);
    free(surface);
}

static void
handle_create_surface(struct wl_client *client, struct wl_resource *resource, uint32_t id)
{
    struct compositor *compositor = wl_resource_get_user_data(resource);
    struct surface *surface = calloc(1, sizeof(*surface));

    surface->compositor = compositor;
    surface->id = ++compositor->last_id;
    surface->resource =
        wl_resource_create(client, &wl_surface_interface, wl_resource_get_version(resource), id);
    wl_resource_set_implementation(surface->resource, &surface_requests, surface,
                                   surface_destroyed);
    state_init(&surface->pending);
    state_init(&surface->cached);
    state_init(&surface->current);
    surface->self.surface = surface;
    wl_list_init(&surface->stack);
    wl_list_init(&surface->pending_stack);
    wl_list_insert(&surface->stack, &surface->self.link);
    wl_list_insert(&surface->pending_stack, &surface->self.pending_link);
    surface->entry.surface = surface;
    wl_list_init(&surface->entry.link);
    wl_list_init(&surface->entry.pending_link);
    wl_list_insert(compositor->surfaces.prev, &surface->link);
}

/* Regions */

static void
handle_region_add(struct wl_client *client, struct wl_resource *resource, int32_t x, int32_t y,
                  int32_t width, int32_t height)
{
    (void)client;
    add_rectangle(wl_resource_get_user_data(resource), (int32_t[]){x, y, width, height});
}

static void
handle_region_subtract(struct wl_client *client, struct wl_resource *resource, int32_t x, int32_t y,
                       int32_t width, int32_t height)
{
    pixman_region32_t *region = wl_resource_get_user_data(resource);
    pixman_region32_t less;

    (void)client;
    pixman_region32_init(&less);
    add_rectangle(&less, (int32_t[]){x, y, width, height});
    pixman_region32_subtract(region, region, &less);
    pixman_region32_fini(&less);
}

static const struct wl_region_interface region_requests = {
    .destroy = handle_destroy,
    .add = handle_region_add,
    .subtract = handle_region_subtract,
};

static void
region_destroyed(struct wl_resource *resource)
{
    pixman_region32_t *region = wl_resource_get_user_data(resource);

    pixman_region32_fini(region);
    free(region);
}

static void
handle_create_region(struct wl_client *client, struct wl_resource *resource, uint32_t id)
{
    pixman_region32_t *region = malloc(sizeof(*region));
    struct wl_resource *made = wl_resource_create(client, &wl_region_interface, 1, id);

    (void)resource;
    pixman_region32_init(region);
    wl_resource_set_implementation(made, &region_requests, region, region_destroyed);
}

static const struct wl_compositor_interface compositor_requests = {
    .create_surface = handle_create_surface,
    .create_region = handle_create_region,
};

static void
bind_compositor(struct wl_client *client, void *data, uint32_t version, uint32_t id)
{
    struct wl_resource *resource =
        wl_resource_create(client, &wl_compositor_interface, (int)version, id);

    wl_resource_set_implementation(resource, &compositor_requests, data, NULL);
}

void
compositor_globals(struct compositor *compositor)
{
    wl_global_create(compositor->display, &wl_compositor_interface, 4, compositor, bind_compositor);
    wl_display_init_shm(compositor->display);
    wl_display_add_shm_format(compositor->display, WL_SHM_FORMAT_XBGR8888);
    wl_display_add_shm_format(compositor->display, WL_SHM_FORMAT_ABGR8888);
}
