/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/fakes/compositor/compositor.h"

#include <stdlib.h>

#include "xdg-shell-server-protocol.h"

struct positioner {
    int width;
    int height;
    pixman_box32_t anchor_rect;
    uint32_t anchor;
    uint32_t gravity;
    int x;
    int y;
};

static void
handle_destroy(struct wl_client *client, struct wl_resource *resource)
{
    (void)client;
    wl_resource_destroy(resource);
}

static void
handle_set_size(struct wl_client *client, struct wl_resource *resource, int32_t width,
                int32_t height)
{
    struct positioner *positioner = wl_resource_get_user_data(resource);

    (void)client;
    if (width < 1 || height < 1) {
        wl_resource_post_error(resource, XDG_POSITIONER_ERROR_INVALID_INPUT, "an empty size");
        return;
    }
    positioner->width = width;
    positioner->height = height;
}

static void
handle_set_anchor_rect(struct wl_client *client, struct wl_resource *resource, int32_t x, int32_t y,
                       int32_t width, int32_t height)
{
    struct positioner *positioner = wl_resource_get_user_data(resource);

    (void)client;
    positioner->anchor_rect = (pixman_box32_t){x, y, x + width, y + height};
}

static void
handle_set_anchor(struct wl_client *client, struct wl_resource *resource, uint32_t anchor)
{
    struct positioner *positioner = wl_resource_get_user_data(resource);

    (void)client;
    positioner->anchor = anchor;
}

static void
handle_set_gravity(struct wl_client *client, struct wl_resource *resource, uint32_t gravity)
{
    struct positioner *positioner = wl_resource_get_user_data(resource);

    (void)client;
    positioner->gravity = gravity;
}

/* Popups stand where they were asked for, over the edge of the output too. */
static void
handle_set_constraint(struct wl_client *client, struct wl_resource *resource, uint32_t adjustment)
{
    (void)client;
    (void)resource;
    (void)adjustment;
}

static void
handle_set_offset(struct wl_client *client, struct wl_resource *resource, int32_t x, int32_t y)
{
    struct positioner *positioner = wl_resource_get_user_data(resource);

    (void)client;
    positioner->x = x;
    positioner->y = y;
}

static const struct xdg_positioner_interface positioner_requests = {
    .destroy = handle_destroy,
    .set_size = handle_set_size,
    .set_anchor_rect = handle_set_anchor_rect,
    .set_anchor = handle_set_anchor,
    .set_gravity = handle_set_gravity,
    .set_constraint_adjustment = handle_set_constraint,
    .set_offset = handle_set_offset,
};

static void
positioner_destroyed(struct wl_resource *resource)
{
    free(wl_resource_get_user_data(resource));
}

void
positioner_create(struct wl_client *client, struct wl_resource *resource, uint32_t id)
{
    struct wl_resource *made = wl_resource_create(client, &xdg_positioner_interface,
                                                  wl_resource_get_version(resource), id);

    wl_resource_set_implementation(made, &positioner_requests, calloc(1, sizeof(struct positioner)),
                                   positioner_destroyed);
}

/* -1 for the left or upper edge, 1 for the other, 0 for the middle. */
static int
side(uint32_t value, bool vertical)
{
    bool first =
        vertical ? value == XDG_POSITIONER_ANCHOR_TOP || value == XDG_POSITIONER_ANCHOR_TOP_LEFT ||
                       value == XDG_POSITIONER_ANCHOR_TOP_RIGHT
                 : value == XDG_POSITIONER_ANCHOR_LEFT || value == XDG_POSITIONER_ANCHOR_TOP_LEFT ||
                       value == XDG_POSITIONER_ANCHOR_BOTTOM_LEFT;
    bool last = vertical ? value == XDG_POSITIONER_ANCHOR_BOTTOM ||
                               value == XDG_POSITIONER_ANCHOR_BOTTOM_LEFT ||
                               value == XDG_POSITIONER_ANCHOR_BOTTOM_RIGHT
                         : value == XDG_POSITIONER_ANCHOR_RIGHT ||
                               value == XDG_POSITIONER_ANCHOR_TOP_RIGHT ||
                               value == XDG_POSITIONER_ANCHOR_BOTTOM_RIGHT;

    return (int)last - (int)first;
}

static int
place(int low, int high, int anchor, int gravity, int size)
{
    int point = low + (high - low) * (anchor + 1) / 2;

    return point - size * (1 - gravity) / 2;
}

/* xdg_popup */

static void
handle_grab(struct wl_client *client, struct wl_resource *resource, struct wl_resource *seat,
            uint32_t serial)
{
    struct xdg_surface *xdg = wl_resource_get_user_data(resource);

    (void)client;
    (void)seat;
    (void)serial;
    if (xdg) {
        seat_focus_keyboard(&xdg->surface->compositor->seat, xdg->surface);
    }
}

static const struct xdg_popup_interface popup_requests = {
    .destroy = handle_destroy,
    .grab = handle_grab,
};

void
popup_create(struct xdg_surface *xdg, struct wl_resource *resource, uint32_t id,
             struct surface *parent, struct wl_resource *positioner)
{
    const struct positioner *at = wl_resource_get_user_data(positioner);
    const pixman_box32_t *box = &at->anchor_rect;
    struct surface *surface = xdg->surface;

    surface->parent = parent;
    surface->x = at->x + place(box->x1, box->x2, side(at->anchor, false), side(at->gravity, false),
                               at->width);
    surface->y = at->y + place(box->y1, box->y2, side(at->anchor, true), side(at->gravity, true),
                               at->height);
    xdg->width = at->width;
    xdg->height = at->height;
    xdg->role = wl_resource_create(wl_resource_get_client(resource), &xdg_popup_interface,
                                   wl_resource_get_version(resource), id);
    wl_resource_set_implementation(xdg->role, &popup_requests, xdg, NULL);
    xdg_popup_send_configure(xdg->role, surface->x, surface->y, at->width, at->height);
}

void
popups_dismiss(struct compositor *compositor)
{
    struct xdg_surface *xdg;
    struct xdg_surface *next;

    wl_list_for_each_reverse_safe(xdg, next, &compositor->toplevels, link)
    {
        if (xdg->surface->role == ROLE_POPUP && xdg->role) {
            xdg_popup_send_popup_done(xdg->role);
        }
    }
}
