/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* zxdg_decoration_manager_v1: who draws a window's frame. Each request is answered, as the protocol has it. */
#include "tests/fakes/compositor/compositor.h"

#include "xdg-decoration-unstable-v1-server-protocol.h"

static void
handle_destroy(struct wl_client *client, struct wl_resource *resource)
{
    (void)client;
    wl_resource_destroy(resource);
}

static void
answer(struct wl_resource *resource, uint32_t mode)
{
    struct xdg_surface *xdg = wl_resource_get_user_data(resource);

    if (xdg) {
        zxdg_toplevel_decoration_v1_send_configure(resource, mode);
        shell_configure(xdg);
    }
}

static void
handle_set_mode(struct wl_client *client, struct wl_resource *resource, uint32_t mode)
{
    (void)client;
    answer(resource, mode);
}

static void
handle_unset_mode(struct wl_client *client, struct wl_resource *resource)
{
    (void)client;
    answer(resource, ZXDG_TOPLEVEL_DECORATION_V1_MODE_CLIENT_SIDE);
}

static const struct zxdg_toplevel_decoration_v1_interface decoration_requests = {
    .destroy = handle_destroy,
    .set_mode = handle_set_mode,
    .unset_mode = handle_unset_mode,
};

static void
decoration_destroyed(struct wl_resource *resource)
{
    struct xdg_surface *xdg = wl_resource_get_user_data(resource);

    if (xdg) {
        xdg->decoration = NULL;
    }
}

static void
handle_get(struct wl_client *client, struct wl_resource *resource, uint32_t id,
           struct wl_resource *toplevel)
{
    struct xdg_surface *xdg = wl_resource_get_user_data(toplevel);
    struct wl_resource *decoration =
        wl_resource_create(client, &zxdg_toplevel_decoration_v1_interface, 1, id);

    if (xdg && xdg->decoration) {
        wl_resource_post_error(resource, ZXDG_TOPLEVEL_DECORATION_V1_ERROR_ALREADY_CONSTRUCTED,
                               "it has a decoration");
    }
    wl_resource_set_implementation(decoration, &decoration_requests, xdg, decoration_destroyed);
    if (xdg) {
        xdg->decoration = decoration;
    }
}

static const struct zxdg_decoration_manager_v1_interface manager_requests = {
    .destroy = handle_destroy,
    .get_toplevel_decoration = handle_get,
};

static void
bind_manager(struct wl_client *client, void *data, uint32_t version, uint32_t id)
{
    struct wl_resource *resource =
        wl_resource_create(client, &zxdg_decoration_manager_v1_interface, (int)version, id);

    wl_resource_set_implementation(resource, &manager_requests, data, NULL);
}

void
decoration_global(struct compositor *compositor)
{
    wl_global_create(compositor->display, &zxdg_decoration_manager_v1_interface, 1, compositor,
                     bind_manager);
}
