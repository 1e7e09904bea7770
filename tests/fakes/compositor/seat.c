/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/fakes/compositor/compositor.h"

#include <stdlib.h>
#include <string.h>

static void
handle_destroy(struct wl_client *client, struct wl_resource *resource)
{
    (void)client;
    wl_resource_destroy(resource);
}

static void
unlink_resource(struct wl_resource *resource)
{
    wl_list_remove(wl_resource_get_link(resource));
}

static bool
is_of(const struct wl_resource *resource, const struct surface *surface)
{
    return surface && wl_resource_get_client((struct wl_resource *)resource) ==
                          wl_resource_get_client(surface->resource);
}

/* Pointer */

static void
pointer_frame(struct wl_resource *pointer)
{
    if (wl_resource_get_version(pointer) >= WL_POINTER_FRAME_SINCE_VERSION) {
        wl_pointer_send_frame(pointer);
    }
}

static void
handle_set_cursor(struct wl_client *client, struct wl_resource *resource, uint32_t serial,
                  struct wl_resource *surface_resource, int32_t x, int32_t y)
{
    struct seat *seat = wl_resource_get_user_data(resource);
    struct surface *surface = surface_resource ? surface_from(surface_resource) : NULL;

    (void)client;
    (void)serial;
    if (!is_of(resource, seat->pointer_focus) ||
        (surface && !surface_take_role(surface, ROLE_CURSOR, resource, WL_POINTER_ERROR_ROLE))) {
        return;
    }
    seat->cursor = surface;
    seat->hot_x = x;
    seat->hot_y = y;
}

static const struct wl_pointer_interface pointer_requests = {
    .set_cursor = handle_set_cursor,
    .release = handle_destroy,
};

static void
focus_pointer(struct seat *seat, struct surface *surface, double x, double y)
{
    uint32_t serial = wl_display_next_serial(seat->compositor->display);
    struct wl_resource *pointer;

    wl_resource_for_each(pointer, &seat->pointers)
    {
        if (is_of(pointer, seat->pointer_focus)) {
            wl_pointer_send_leave(pointer, serial, seat->pointer_focus->resource);
            pointer_frame(pointer);
        }
    }
    seat->pointer_focus = surface;
    wl_resource_for_each(pointer, &seat->pointers)
    {
        if (is_of(pointer, surface)) {
            wl_pointer_send_enter(pointer, serial, surface->resource, wl_fixed_from_double(x),
                                  wl_fixed_from_double(y));
            pointer_frame(pointer);
        }
    }
}

void
seat_drag_begins(struct seat *seat)
{
    focus_pointer(seat, NULL, 0, 0);
    seat_move(seat, seat->x, seat->y);
}

/* Where a surface begins on the output: found by trying. */
static bool
place_in(const struct seat *seat, double *ret_x, double *ret_y, struct surface **ret_surface)
{
    *ret_surface = compose_find(seat->compositor, seat->x, seat->y, ret_x, ret_y);
    return *ret_surface != NULL;
}

void
seat_update_pointer(struct seat *seat)
{
    struct surface *found;
    double x;
    double y;

    if (seat->buttons > 0 || seat->x < 0) {
        return; /* a held button keeps the pointer where it was pressed */
    }
    if (!place_in(seat, &x, &y, &found)) {
        if (seat->pointer_focus) {
            focus_pointer(seat, NULL, 0, 0);
        }
    } else if (found != seat->pointer_focus) {
        focus_pointer(seat, found, x, y);
    }
}

void
seat_move(struct seat *seat, double x, double y)
{
    double dx = x - seat->x;
    double dy = y - seat->y;
    struct surface *found;
    struct wl_resource *pointer;

    seat->x = x;
    seat->y = y;
    bool inside = place_in(seat, &x, &y, &found);
    if (drag_motion(seat, found, x, y)) {
        return;
    }
    if (seat->buttons == 0) {
        seat_update_pointer(seat);
    }
    if (!seat->pointer_focus) {
        return;
    }
    if (!inside || found != seat->pointer_focus) { /* with a button held, beyond its edge */
        x = seat->x - dx;
        y = seat->y - dy;
        struct surface *before = compose_find(seat->compositor, x, y, &x, &y);
        if (before != seat->pointer_focus) {
            return;
        }
        x += dx;
        y += dy;
    }
    wl_resource_for_each(pointer, &seat->pointers)
    {
        if (is_of(pointer, seat->pointer_focus)) {
            wl_pointer_send_motion(pointer, now_ms(), wl_fixed_from_double(x),
                                   wl_fixed_from_double(y));
            pointer_frame(pointer);
        }
    }
}

static void
activate_pressed(struct seat *seat)
{
    struct surface *root = surface_root(seat->pointer_focus);

    if (!root || root->role == ROLE_TOPLEVEL) {
        popups_dismiss(seat->compositor);
    }
    if (root && root->role == ROLE_TOPLEVEL) {
        shell_activate(seat->compositor, root);
    }
}

void
seat_button(struct seat *seat, uint32_t button, bool pressed)
{
    uint32_t serial = wl_display_next_serial(seat->compositor->display);
    struct wl_resource *pointer;

    if (!pressed && drag_drop(seat)) {
        seat->buttons = 0;
        seat_update_pointer(seat);
        return;
    }
    if (pressed) {
        seat->press_serial = serial;
    }
    if (pressed && seat->buttons == 0) {
        activate_pressed(seat);
    }
    wl_resource_for_each(pointer, &seat->pointers)
    {
        if (is_of(pointer, seat->pointer_focus)) {
            wl_pointer_send_button(pointer, serial, now_ms(), button, pressed);
            pointer_frame(pointer);
        }
    }
    if (pressed) {
        seat->buttons++;
    } else if (seat->buttons > 0) {
        seat->buttons--;
        seat_update_pointer(seat);
    }
}

void
seat_scroll(struct seat *seat, double value)
{
    struct wl_resource *pointer;

    wl_resource_for_each(pointer, &seat->pointers)
    {
        if (!is_of(pointer, seat->pointer_focus)) {
            continue;
        }
        if (wl_resource_get_version(pointer) >= WL_POINTER_AXIS_SOURCE_SINCE_VERSION) {
            wl_pointer_send_axis_source(pointer, WL_POINTER_AXIS_SOURCE_WHEEL);
            wl_pointer_send_axis_discrete(pointer, WL_POINTER_AXIS_VERTICAL_SCROLL, (int)value);
        }
        wl_pointer_send_axis(pointer, now_ms(), WL_POINTER_AXIS_VERTICAL_SCROLL,
                             wl_fixed_from_double(value * 10));
        pointer_frame(pointer);
    }
}

/* Forgetting */

void
seat_forget(struct seat *seat, struct surface *surface)
{
    struct inhibitor *inhibitor;

    drag_forget(seat, surface);
    if (seat->cursor == surface) {
        seat->cursor = NULL;
    }
    if (seat->pointer_focus == surface) {
        seat->pointer_focus = NULL;
        seat->buttons = 0;
    }
    if (seat->keyboard_focus == surface) {
        seat_focus_keyboard(seat, NULL);
    }
    wl_list_for_each(inhibitor, &seat->inhibitors, link) {
        if (inhibitor->surface == surface) {
            inhibitor->surface = NULL;
        }
    }
}

/* wl_seat */

static void
handle_get_pointer(struct wl_client *client, struct wl_resource *resource, uint32_t id)
{
    struct seat *seat = wl_resource_get_user_data(resource);
    struct wl_resource *pointer =
        wl_resource_create(client, &wl_pointer_interface, wl_resource_get_version(resource), id);

    wl_resource_set_implementation(pointer, &pointer_requests, seat, unlink_resource);
    wl_list_insert(&seat->pointers, wl_resource_get_link(pointer));
}

static void
handle_get_keyboard(struct wl_client *client, struct wl_resource *resource, uint32_t id)
{
    keyboard_add(wl_resource_get_user_data(resource), client, resource, id);
}

static void
handle_get_touch(struct wl_client *client, struct wl_resource *resource, uint32_t id)
{
    (void)client;
    (void)id;
    wl_resource_post_error(resource, WL_SEAT_ERROR_MISSING_CAPABILITY, "there is no touch screen");
}

static const struct wl_seat_interface seat_requests = {
    .get_pointer = handle_get_pointer,
    .get_keyboard = handle_get_keyboard,
    .get_touch = handle_get_touch,
    .release = handle_destroy,
};

static void
bind_seat(struct wl_client *client, void *data, uint32_t version, uint32_t id)
{
    struct seat *seat = data;
    struct wl_resource *resource = wl_resource_create(client, &wl_seat_interface, (int)version, id);

    wl_resource_set_implementation(resource, &seat_requests, seat, unlink_resource);
    wl_list_insert(&seat->resources, wl_resource_get_link(resource));
    wl_seat_send_capabilities(resource, WL_SEAT_CAPABILITY_POINTER | WL_SEAT_CAPABILITY_KEYBOARD);
    if (version >= WL_SEAT_NAME_SINCE_VERSION) {
        wl_seat_send_name(resource, "seat0");
    }
}

void
seat_global(struct seat *seat)
{
    wl_global_create(seat->compositor->display, &wl_seat_interface, 7, seat, bind_seat);
}
