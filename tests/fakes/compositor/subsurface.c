/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/fakes/compositor/compositor.h"

#include <stdlib.h>

void
subsurfaces_apply(struct surface *parent)
{
    struct stack_entry *entry;
    struct stack_entry *next;

    wl_list_for_each(entry, &parent->pending_stack, pending_link) {
        wl_list_remove(&entry->link);
        wl_list_insert(parent->stack.prev, &entry->link);
    }
    wl_list_for_each_safe(entry, next, &parent->stack, link) {
        struct surface *child = entry->surface;
        if (child == parent) {
            continue;
        }
        child->x = child->pending_x;
        child->y = child->pending_y;
        if (surface_is_synchronised(child)) {
            surface_flush(child);
        }
        if (surface_is_shown(child)) {
            output_enter(child);
        }
    }
}

void
subsurface_leave(struct surface *surface)
{
    wl_list_remove(&surface->entry.link);
    wl_list_remove(&surface->entry.pending_link);
    wl_list_init(&surface->entry.link);
    wl_list_init(&surface->entry.pending_link);
    surface->parent = NULL;
}

static void
handle_destroy(struct wl_client *client, struct wl_resource *resource)
{
    (void)client;
    wl_resource_destroy(resource);
}

static void
handle_set_position(struct wl_client *client, struct wl_resource *resource, int32_t x, int32_t y)
{
    struct surface *surface = surface_from(resource);

    (void)client;
    if (surface) {
        surface->pending_x = x;
        surface->pending_y = y;
    }
}

/* The entry of a sibling or of the parent itself. */
static struct stack_entry *
find_sibling(struct surface *surface, struct wl_resource *resource)
{
    struct surface *sibling = surface_from(resource);

    if (sibling == surface->parent) {
        return &surface->parent->self;
    }
    if (sibling != surface && sibling->parent == surface->parent &&
        sibling->role == ROLE_SUBSURFACE) {
        return &sibling->entry;
    }
    wl_resource_post_error(surface->subsurface, WL_SUBSURFACE_ERROR_BAD_SURFACE, "not a sibling");
    return NULL;
}

static void
handle_place_above(struct wl_client *client, struct wl_resource *resource,
                   struct wl_resource *sibling)
{
    struct surface *surface = surface_from(resource);
    struct stack_entry *entry = surface && surface->parent ? find_sibling(surface, sibling) : NULL;

    (void)client;
    if (entry) {
        wl_list_remove(&surface->entry.pending_link);
        wl_list_insert(&entry->pending_link, &surface->entry.pending_link);
    }
}

static void
handle_place_below(struct wl_client *client, struct wl_resource *resource,
                   struct wl_resource *sibling)
{
    struct surface *surface = surface_from(resource);
    struct stack_entry *entry = surface && surface->parent ? find_sibling(surface, sibling) : NULL;

    (void)client;
    if (entry) {
        wl_list_remove(&surface->entry.pending_link);
        wl_list_insert(entry->pending_link.prev, &surface->entry.pending_link);
    }
}

static void
handle_set_sync(struct wl_client *client, struct wl_resource *resource)
{
    struct surface *surface = surface_from(resource);

    (void)client;
    if (surface) {
        surface->synchronised = true;
    }
}

static void
handle_set_desync(struct wl_client *client, struct wl_resource *resource)
{
    struct surface *surface = surface_from(resource);

    (void)client;
    if (surface && surface->synchronised) {
        surface->synchronised = false;
        if (!surface_is_synchronised(surface)) {
            surface_flush(surface);
        }
    }
}

static const struct wl_subsurface_interface subsurface_requests = {
    .destroy = handle_destroy,
    .set_position = handle_set_position,
    .place_above = handle_place_above,
    .place_below = handle_place_below,
    .set_sync = handle_set_sync,
    .set_desync = handle_set_desync,
};

static void
subsurface_destroyed(struct wl_resource *resource)
{
    struct surface *surface = surface_from(resource);

    if (surface) {
        subsurface_leave(surface);
        surface->subsurface = NULL;
    }
}

static void
handle_get_subsurface(struct wl_client *client, struct wl_resource *resource, uint32_t id,
                      struct wl_resource *surface_resource, struct wl_resource *parent)
{
    struct surface *surface = surface_from(surface_resource);

    if (surface->subsurface || surface == surface_from(parent)) {
        wl_resource_post_error(resource, WL_SUBCOMPOSITOR_ERROR_BAD_SURFACE,
                               "not a surface for this");
        return;
    }
    if (!surface_take_role(surface, ROLE_SUBSURFACE, resource,
                           WL_SUBCOMPOSITOR_ERROR_BAD_SURFACE)) {
        return;
    }
    surface->parent = surface_from(parent);
    surface->synchronised = true;
    surface->x = 0;
    surface->y = 0;
    surface->pending_x = 0;
    surface->pending_y = 0;
    surface->subsurface = wl_resource_create(client, &wl_subsurface_interface, 1, id);
    wl_resource_set_implementation(surface->subsurface, &subsurface_requests, surface,
                                   subsurface_destroyed);
    wl_list_insert(surface->parent->pending_stack.prev, &surface->entry.pending_link);
}

static const struct wl_subcompositor_interface subcompositor_requests = {
    .destroy = handle_destroy,
    .get_subsurface = handle_get_subsurface,
};

static void
bind_subcompositor(struct wl_client *client, void *data, uint32_t version, uint32_t id)
{
    struct wl_resource *resource =
        wl_resource_create(client, &wl_subcompositor_interface, (int)version, id);

    wl_resource_set_implementation(resource, &subcompositor_requests, data, NULL);
}

void
subcompositor_global(struct compositor *compositor)
{
    wl_global_create(compositor->display, &wl_subcompositor_interface, 1, compositor,
                     bind_subcompositor);
}
