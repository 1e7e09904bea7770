/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/fakes/compositor/compositor.h"

#include <stdlib.h>

#include "fractional-scale-v1-server-protocol.h"
#include "keyboard-shortcuts-inhibit-unstable-v1-server-protocol.h"
#include "viewporter-server-protocol.h"

static void
handle_destroy(struct wl_client *client, struct wl_resource *resource)
{
    (void)client;
    wl_resource_destroy(resource);
}

/* wp_viewporter */

static void
handle_set_source(struct wl_client *client, struct wl_resource *resource, wl_fixed_t x,
                  wl_fixed_t y, wl_fixed_t width, wl_fixed_t height)
{
    struct surface *surface = surface_from(resource);
    const wl_fixed_t none = wl_fixed_from_int(-1);
    bool unset = x == none && y == none && width == none && height == none;

    (void)client;
    if (!surface) {
        wl_resource_post_error(resource, WP_VIEWPORT_ERROR_NO_SURFACE, "the surface is gone");
        return;
    }
    if (!unset && (x < 0 || y < 0 || width <= 0 || height <= 0)) {
        wl_resource_post_error(resource, WP_VIEWPORT_ERROR_BAD_VALUE, "a bad source");
        return;
    }
    struct viewport_state *view = &surface->pending.viewport;
    view->x = wl_fixed_to_double(x);
    view->y = wl_fixed_to_double(y);
    view->width = wl_fixed_to_double(width);
    view->height = wl_fixed_to_double(height);
}

static void
handle_set_destination(struct wl_client *client, struct wl_resource *resource, int32_t width,
                       int32_t height)
{
    struct surface *surface = surface_from(resource);

    (void)client;
    if (!surface) {
        wl_resource_post_error(resource, WP_VIEWPORT_ERROR_NO_SURFACE, "the surface is gone");
        return;
    }
    if (!(width == -1 && height == -1) && (width <= 0 || height <= 0)) {
        wl_resource_post_error(resource, WP_VIEWPORT_ERROR_BAD_VALUE, "a bad destination");
        return;
    }
    surface->pending.viewport.to_width = width;
    surface->pending.viewport.to_height = height;
}

static const struct wp_viewport_interface viewport_requests = {
    .destroy = handle_destroy,
    .set_source = handle_set_source,
    .set_destination = handle_set_destination,
};

static void
viewport_destroyed(struct wl_resource *resource)
{
    struct surface *surface = surface_from(resource);

    if (surface) {
        surface->viewport = NULL;
        surface->pending.viewport = (struct viewport_state){.width = -1, .to_width = -1};
    }
}

static void
handle_get_viewport(struct wl_client *client, struct wl_resource *resource, uint32_t id,
                    struct wl_resource *surface_resource)
{
    struct surface *surface = surface_from(surface_resource);

    if (surface->viewport) {
        wl_resource_post_error(resource, WP_VIEWPORTER_ERROR_VIEWPORT_EXISTS, "it has one");
        return;
    }
    surface->viewport = wl_resource_create(client, &wp_viewport_interface, 1, id);
    wl_resource_set_implementation(surface->viewport, &viewport_requests, surface,
                                   viewport_destroyed);
}

static const struct wp_viewporter_interface viewporter_requests = {
    .destroy = handle_destroy,
    .get_viewport = handle_get_viewport,
};

/* wp_fractional_scale_manager_v1 */

static const struct wp_fractional_scale_v1_interface fractional_requests = {
    .destroy = handle_destroy,
};

static void
fractional_destroyed(struct wl_resource *resource)
{
    struct surface *surface = surface_from(resource);

    if (surface) {
        surface->fractional = NULL;
    }
}

static void
handle_get_fractional(struct wl_client *client, struct wl_resource *resource, uint32_t id,
                      struct wl_resource *surface_resource)
{
    struct surface *surface = surface_from(surface_resource);

    if (surface->fractional) {
        wl_resource_post_error(
            resource, WP_FRACTIONAL_SCALE_MANAGER_V1_ERROR_FRACTIONAL_SCALE_EXISTS, "it has one");
        return;
    }
    surface->fractional = wl_resource_create(client, &wp_fractional_scale_v1_interface, 1, id);
    surface->told_scale = 0;
    wl_resource_set_implementation(surface->fractional, &fractional_requests, surface,
                                   fractional_destroyed);
    if (surface_is_shown(surface)) {
        output_enter(surface);
    }
}

static const struct wp_fractional_scale_manager_v1_interface fractional_manager_requests = {
    .destroy = handle_destroy,
    .get_fractional_scale = handle_get_fractional,
};

/* zwp_keyboard_shortcuts_inhibit_manager_v1 */

static const struct zwp_keyboard_shortcuts_inhibitor_v1_interface inhibitor_requests = {
    .destroy = handle_destroy,
};

static void
inhibitor_destroyed(struct wl_resource *resource)
{
    struct inhibitor *inhibitor = wl_resource_get_user_data(resource);

    wl_list_remove(&inhibitor->link);
    free(inhibitor);
}

static void
handle_inhibit(struct wl_client *client, struct wl_resource *resource, uint32_t id,
               struct wl_resource *surface_resource, struct wl_resource *seat_resource)
{
    struct seat *seat = wl_resource_get_user_data(seat_resource);
    struct surface *surface = surface_from(surface_resource);
    struct inhibitor *inhibitor;

    wl_list_for_each(inhibitor, &seat->inhibitors, link) {
        if (inhibitor->surface == surface) {
            wl_resource_post_error(
                resource, ZWP_KEYBOARD_SHORTCUTS_INHIBIT_MANAGER_V1_ERROR_ALREADY_INHIBITED,
                "it has one");
            return;
        }
    }
    inhibitor = calloc(1, sizeof(*inhibitor));
    inhibitor->surface = surface;
    inhibitor->resource =
        wl_resource_create(client, &zwp_keyboard_shortcuts_inhibitor_v1_interface, 1, id);
    wl_resource_set_implementation(inhibitor->resource, &inhibitor_requests, inhibitor,
                                   inhibitor_destroyed);
    wl_list_insert(&seat->inhibitors, &inhibitor->link);
    if (!seat->refuse_inhibitors) {
        zwp_keyboard_shortcuts_inhibitor_v1_send_active(inhibitor->resource);
    }
}

void
inhibitors_set_active(struct seat *seat, bool active)
{
    struct inhibitor *inhibitor;

    seat->refuse_inhibitors = !active;
    wl_list_for_each(inhibitor, &seat->inhibitors, link) {
        if (active) {
            zwp_keyboard_shortcuts_inhibitor_v1_send_active(inhibitor->resource);
        } else {
            zwp_keyboard_shortcuts_inhibitor_v1_send_inactive(inhibitor->resource);
        }
    }
}

static const struct zwp_keyboard_shortcuts_inhibit_manager_v1_interface inhibit_requests = {
    .destroy = handle_destroy,
    .inhibit_shortcuts = handle_inhibit,
};

/* Globals */

static void
bind_viewporter(struct wl_client *client, void *data, uint32_t version, uint32_t id)
{
    struct wl_resource *resource =
        wl_resource_create(client, &wp_viewporter_interface, (int)version, id);

    wl_resource_set_implementation(resource, &viewporter_requests, data, NULL);
}

static void
bind_fractional(struct wl_client *client, void *data, uint32_t version, uint32_t id)
{
    struct wl_resource *resource =
        wl_resource_create(client, &wp_fractional_scale_manager_v1_interface, (int)version, id);

    wl_resource_set_implementation(resource, &fractional_manager_requests, data, NULL);
}

static void
bind_inhibit(struct wl_client *client, void *data, uint32_t version, uint32_t id)
{
    struct wl_resource *resource = wl_resource_create(
        client, &zwp_keyboard_shortcuts_inhibit_manager_v1_interface, (int)version, id);

    wl_resource_set_implementation(resource, &inhibit_requests, data, NULL);
}

void
extensions_globals(struct compositor *compositor)
{
    wl_global_create(compositor->display, &wp_viewporter_interface, 1, compositor, bind_viewporter);
    wl_global_create(compositor->display, &wp_fractional_scale_manager_v1_interface, 1, compositor,
                     bind_fractional);
    wl_global_create(compositor->display, &zwp_keyboard_shortcuts_inhibit_manager_v1_interface, 1,
                     compositor, bind_inhibit);
}
