/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/fakes/compositor/compositor.h"

#include <stdlib.h>
#include <string.h>

#include "xdg-shell-server-protocol.h"

enum {
    PLACE_STEP = 24, /* logical: the first window's place, and from one to the next */
};

static void
handle_destroy(struct wl_client *client, struct wl_resource *resource)
{
    (void)client;
    wl_resource_destroy(resource);
}

static struct xdg_surface *
xdg_from(struct wl_resource *resource)
{
    return wl_resource_get_user_data(resource);
}

pixman_box32_t
shell_geometry(const struct xdg_surface *xdg)
{
    if (xdg->geometry.x2 > xdg->geometry.x1 && xdg->geometry.y2 > xdg->geometry.y1) {
        return xdg->geometry;
    }
    return (pixman_box32_t){0, 0, surface_width(xdg->surface), surface_height(xdg->surface)};
}

/* Configuring */

static void
add_state(struct wl_array *states, uint32_t state)
{
    uint32_t *place = wl_array_add(states, sizeof(*place));

    *place = state;
}

void
shell_configure(struct xdg_surface *xdg)
{
    struct wl_array states;

    if (!xdg->role || xdg->surface->role != ROLE_TOPLEVEL) {
        return;
    }
    xdg->n_configures++;
    wl_array_init(&states);
    if (xdg->active) {
        add_state(&states, XDG_TOPLEVEL_STATE_ACTIVATED);
    }
    if (xdg->fullscreen) {
        add_state(&states, XDG_TOPLEVEL_STATE_FULLSCREEN);
    }
    if (xdg->maximized) {
        add_state(&states, XDG_TOPLEVEL_STATE_MAXIMIZED);
    }
    xdg_toplevel_send_configure(xdg->role, xdg->width, xdg->height, &states);
    xdg_surface_send_configure(xdg->resource,
                               wl_display_next_serial(xdg->surface->compositor->display));
    wl_array_release(&states);
}

void
shell_resize(struct xdg_surface *xdg, int width, int height)
{
    xdg->width = width;
    xdg->height = height;
    shell_configure(xdg);
}

static void
fill_output(struct xdg_surface *xdg, bool fill)
{
    struct compositor *compositor = xdg->surface->compositor;

    xdg->surface->x = fill ? 0 : PLACE_STEP;
    xdg->surface->y = fill ? 0 : PLACE_STEP;
    shell_resize(xdg, fill ? compositor->width : 0, fill ? compositor->height : 0);
}

void
shell_set_fullscreen(struct xdg_surface *xdg, bool fullscreen)
{
    xdg->fullscreen = fullscreen;
    fill_output(xdg, fullscreen);
}

void
shell_close(struct xdg_surface *xdg)
{
    if (xdg->surface->role == ROLE_TOPLEVEL && xdg->role) {
        xdg_toplevel_send_close(xdg->role);
    }
}

void
shell_activate(struct compositor *compositor, struct surface *surface)
{
    struct xdg_surface *xdg;
    struct surface *root = surface_root(surface);

    wl_list_for_each(xdg, &compositor->toplevels, link) {
        bool active = xdg->surface == root;
        if (xdg->active != active && xdg->surface->role == ROLE_TOPLEVEL) {
            xdg->active = active;
            shell_configure(xdg);
        }
    }
    if (root) {
        wl_list_remove(&root->xdg->link);
        wl_list_insert(compositor->toplevels.prev, &root->xdg->link);
    }
    seat_focus_keyboard(&compositor->seat, root);
}

static struct xdg_surface *
topmost(struct compositor *compositor)
{
    struct xdg_surface *xdg;

    wl_list_for_each_reverse(xdg, &compositor->toplevels, link)
    {
        if (xdg->surface->role == ROLE_TOPLEVEL) {
            return xdg;
        }
    }
    return NULL;
}

void
shell_map(struct xdg_surface *xdg, bool mapped)
{
    struct compositor *compositor = xdg->surface->compositor;

    if (xdg->mapped == mapped) {
        return;
    }
    xdg->mapped = mapped;
    wl_list_remove(&xdg->link);
    wl_list_init(&xdg->link);
    if (mapped) {
        wl_list_insert(compositor->toplevels.prev, &xdg->link);
        if (xdg->surface->role == ROLE_TOPLEVEL) {
            shell_activate(compositor, xdg->surface);
        }
        return;
    }
    xdg->configured = false;
    seat_forget(&compositor->seat, xdg->surface);
    struct xdg_surface *next = topmost(compositor);
    if (xdg->surface->role == ROLE_TOPLEVEL && next) {
        shell_activate(compositor, next->surface);
    }
}

void
shell_committed(struct surface *surface)
{
    struct xdg_surface *xdg = surface->xdg;

    if (!xdg->role) {
        return;
    }
    if (xdg->has_pending_geometry) {
        xdg->geometry = xdg->pending_geometry;
        xdg->has_pending_geometry = false;
    }
    if (!surface->image.pixels) {
        shell_map(xdg, false);
        if (!xdg->configured && surface->role == ROLE_TOPLEVEL) {
            shell_configure(xdg);
        } else if (!xdg->configured) {
            xdg_surface_send_configure(xdg->resource,
                                       wl_display_next_serial(surface->compositor->display));
        }
        return;
    }
    if (!xdg->configured && !surface->compositor->patient) {
        wl_resource_post_error(xdg->resource, XDG_SURFACE_ERROR_UNCONFIGURED_BUFFER,
                               "a buffer before the configure was acknowledged");
        return;
    }
    shell_map(xdg, true);
}

/* xdg_toplevel */

static void
handle_set_parent(struct wl_client *client, struct wl_resource *resource,
                  struct wl_resource *parent)
{
    (void)client;
    (void)resource;
    (void)parent;
}

static void
handle_set_title(struct wl_client *client, struct wl_resource *resource, const char *title)
{
    struct xdg_surface *xdg = xdg_from(resource);

    (void)client;
    if (xdg) {
        free(xdg->title);
        xdg->title = strdup(title);
    }
}

static void
handle_set_app_id(struct wl_client *client, struct wl_resource *resource, const char *app_id)
{
    struct xdg_surface *xdg = xdg_from(resource);

    (void)client;
    if (xdg) {
        free(xdg->app_id);
        xdg->app_id = strdup(app_id);
    }
}

static void
handle_window_menu(struct wl_client *client, struct wl_resource *resource, struct wl_resource *seat,
                   uint32_t serial, int32_t x, int32_t y)
{
    (void)client;
    (void)resource;
    (void)seat;
    (void)serial;
    (void)x;
    (void)y;
}

static void
handle_move(struct wl_client *client, struct wl_resource *resource, struct wl_resource *seat,
            uint32_t serial)
{
    (void)client;
    (void)resource;
    (void)seat;
    (void)serial;
}

static void
handle_resize(struct wl_client *client, struct wl_resource *resource, struct wl_resource *seat,
              uint32_t serial, uint32_t edges)
{
    (void)edges;
    handle_move(client, resource, seat, serial);
}

static void
handle_limit(struct wl_client *client, struct wl_resource *resource, int32_t width, int32_t height)
{
    (void)client;
    (void)resource;
    (void)width;
    (void)height;
}

static void
handle_set_maximized(struct wl_client *client, struct wl_resource *resource)
{
    struct xdg_surface *xdg = xdg_from(resource);

    (void)client;
    if (xdg) {
        xdg->maximized = true;
        fill_output(xdg, true);
    }
}

static void
handle_unset_maximized(struct wl_client *client, struct wl_resource *resource)
{
    struct xdg_surface *xdg = xdg_from(resource);

    (void)client;
    if (xdg) {
        xdg->maximized = false;
        fill_output(xdg, xdg->fullscreen);
    }
}

static void
handle_set_fullscreen(struct wl_client *client, struct wl_resource *resource,
                      struct wl_resource *output)
{
    (void)client;
    (void)output;
    if (xdg_from(resource)) {
        shell_set_fullscreen(xdg_from(resource), true);
    }
}

static void
handle_unset_fullscreen(struct wl_client *client, struct wl_resource *resource)
{
    (void)client;
    if (xdg_from(resource)) {
        shell_set_fullscreen(xdg_from(resource), false);
    }
}

static void
handle_set_minimized(struct wl_client *client, struct wl_resource *resource)
{
    (void)client;
    (void)resource;
}

static const struct xdg_toplevel_interface toplevel_requests = {
    .destroy = handle_destroy,
    .set_parent = handle_set_parent,
    .set_title = handle_set_title,
    .set_app_id = handle_set_app_id,
    .show_window_menu = handle_window_menu,
    .move = handle_move,
    .resize = handle_resize,
    .set_max_size = handle_limit,
    .set_min_size = handle_limit,
    .set_maximized = handle_set_maximized,
    .unset_maximized = handle_unset_maximized,
    .set_fullscreen = handle_set_fullscreen,
    .unset_fullscreen = handle_unset_fullscreen,
    .set_minimized = handle_set_minimized,
};

static void
role_destroyed(struct wl_resource *resource)
{
    struct xdg_surface *xdg = xdg_from(resource);

    if (xdg) {
        shell_map(xdg, false);
        xdg->role = NULL;
    }
}

/* xdg_surface */

static void
handle_get_toplevel(struct wl_client *client, struct wl_resource *resource, uint32_t id)
{
    struct xdg_surface *xdg = xdg_from(resource);
    struct compositor *compositor;
    int step;

    if (!xdg || !surface_take_role(xdg->surface, ROLE_TOPLEVEL, resource,
                                   XDG_SURFACE_ERROR_NOT_CONSTRUCTED)) {
        return;
    }
    compositor = xdg->surface->compositor;
    step = 1 + wl_list_length(&compositor->toplevels) % 8;
    xdg->surface->x = PLACE_STEP * step;
    xdg->surface->y = PLACE_STEP * step;
    xdg->role =
        wl_resource_create(client, &xdg_toplevel_interface, wl_resource_get_version(resource), id);
    wl_resource_set_implementation(xdg->role, &toplevel_requests, xdg, role_destroyed);
}

static void
handle_get_popup(struct wl_client *client, struct wl_resource *resource, uint32_t id,
                 struct wl_resource *parent, struct wl_resource *positioner)
{
    struct xdg_surface *xdg = xdg_from(resource);

    (void)client;
    if (xdg && parent && xdg_from(parent) &&
        surface_take_role(xdg->surface, ROLE_POPUP, resource, XDG_SURFACE_ERROR_NOT_CONSTRUCTED)) {
        popup_create(xdg, resource, id, xdg_from(parent)->surface, positioner);
        if (xdg->role) {
            wl_resource_set_destructor(xdg->role, role_destroyed);
        }
    }
}

static void
handle_set_geometry(struct wl_client *client, struct wl_resource *resource, int32_t x, int32_t y,
                    int32_t width, int32_t height)
{
    struct xdg_surface *xdg = xdg_from(resource);

    (void)client;
    if (xdg && width > 0 && height > 0 && width < EDGE_MAX && height < EDGE_MAX) {
        xdg->pending_geometry = (pixman_box32_t){x, y, x + width, y + height};
        xdg->has_pending_geometry = true;
    }
}

static void
handle_ack(struct wl_client *client, struct wl_resource *resource, uint32_t serial)
{
    (void)client;
    (void)serial;
    if (xdg_from(resource)) {
        xdg_from(resource)->configured = true;
    }
}

static const struct xdg_surface_interface xdg_surface_requests = {
    .destroy = handle_destroy,
    .get_toplevel = handle_get_toplevel,
    .get_popup = handle_get_popup,
    .set_window_geometry = handle_set_geometry,
    .ack_configure = handle_ack,
};

static void
xdg_surface_destroyed(struct wl_resource *resource)
{
    struct xdg_surface *xdg = xdg_from(resource);

    if (xdg) {
        shell_surface_gone(xdg->surface);
    }
}

void
shell_surface_gone(struct surface *surface)
{
    struct xdg_surface *xdg = surface->xdg;

    if (!xdg) {
        return;
    }
    shell_map(xdg, false);
    wl_resource_set_user_data(xdg->resource, NULL);
    if (xdg->role) {
        wl_resource_set_user_data(xdg->role, NULL);
    }
    if (xdg->decoration) {
        wl_resource_set_user_data(xdg->decoration, NULL);
    }
    surface->xdg = NULL;
    wl_list_remove(&xdg->link);
    free(xdg->title);
    free(xdg->app_id);
    free(xdg);
}

/* xdg_wm_base */

static void
handle_create_positioner(struct wl_client *client, struct wl_resource *resource, uint32_t id)
{
    positioner_create(client, resource, id);
}

static void
handle_get_xdg_surface(struct wl_client *client, struct wl_resource *resource, uint32_t id,
                       struct wl_resource *surface_resource)
{
    struct surface *surface = surface_from(surface_resource);
    struct xdg_surface *xdg;

    if (surface->xdg) {
        wl_resource_post_error(resource, XDG_WM_BASE_ERROR_ROLE, "it has an xdg_surface");
        return;
    }
    xdg = calloc(1, sizeof(*xdg));
    xdg->surface = surface;
    wl_list_init(&xdg->link);
    surface->xdg = xdg;
    xdg->resource =
        wl_resource_create(client, &xdg_surface_interface, wl_resource_get_version(resource), id);
    wl_resource_set_implementation(xdg->resource, &xdg_surface_requests, xdg,
                                   xdg_surface_destroyed);
}

static void
handle_pong(struct wl_client *client, struct wl_resource *resource, uint32_t serial)
{
    (void)client;
    (void)resource;
    (void)serial;
}

static const struct xdg_wm_base_interface base_requests = {
    .destroy = handle_destroy,
    .create_positioner = handle_create_positioner,
    .get_xdg_surface = handle_get_xdg_surface,
    .pong = handle_pong,
};

static void
bind_shell(struct wl_client *client, void *data, uint32_t version, uint32_t id)
{
    struct wl_resource *resource =
        wl_resource_create(client, &xdg_wm_base_interface, (int)version, id);

    wl_resource_set_implementation(resource, &base_requests, data, NULL);
}

void
shell_global(struct compositor *compositor)
{
    wl_global_create(compositor->display, &xdg_wm_base_interface, 2, compositor, bind_shell);
}
