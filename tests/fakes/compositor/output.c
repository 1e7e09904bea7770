/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/fakes/compositor/compositor.h"

#include <math.h>

#include "fractional-scale-v1-server-protocol.h"

enum {
    REFRESH_MHZ = 60000,
    DPI = 96,
};

static void
handle_release(struct wl_client *client, struct wl_resource *resource)
{
    (void)client;
    wl_resource_destroy(resource);
}

static const struct wl_output_interface output_requests = {
    .release = handle_release,
};

static void
send_output(const struct compositor *compositor, struct wl_resource *resource)
{
    int width = (int)lround(compositor->width * scale_of(compositor));
    int height = (int)lround(compositor->height * scale_of(compositor));

    wl_output_send_geometry(resource, 0, 0, width * 254 / (10 * DPI), height * 254 / (10 * DPI),
                            WL_OUTPUT_SUBPIXEL_UNKNOWN, "Vitrine", "test",
                            WL_OUTPUT_TRANSFORM_NORMAL);
    wl_output_send_mode(resource, WL_OUTPUT_MODE_CURRENT, width, height, REFRESH_MHZ);
    if (wl_resource_get_version(resource) >= WL_OUTPUT_DONE_SINCE_VERSION) {
        wl_output_send_scale(resource, (int)ceil(scale_of(compositor)));
        wl_output_send_done(resource);
    }
}

static void
unlink_output(struct wl_resource *resource)
{
    wl_list_remove(wl_resource_get_link(resource));
}

static void
bind_output(struct wl_client *client, void *data, uint32_t version, uint32_t id)
{
    struct compositor *compositor = data;
    struct wl_resource *resource =
        wl_resource_create(client, &wl_output_interface, (int)version, id);

    wl_resource_set_implementation(resource, &output_requests, compositor, unlink_output);
    wl_list_insert(&compositor->outputs, wl_resource_get_link(resource));
    send_output(compositor, resource);
}

void
output_enter(struct surface *surface)
{
    struct compositor *compositor = surface->compositor;
    struct wl_resource *output;

    if (!surface->entered) {
        wl_resource_for_each(output, &compositor->outputs)
        {
            if (wl_resource_get_client(output) == wl_resource_get_client(surface->resource)) {
                wl_surface_send_enter(surface->resource, output);
                surface->entered = true;
            }
        }
    }
    if (surface->fractional && surface->told_scale != compositor->scale) {
        surface->told_scale = compositor->scale;
        wp_fractional_scale_v1_send_preferred_scale(surface->fractional, compositor->scale);
    }
}

void
output_set_scale(struct compositor *compositor, uint32_t scale)
{
    struct wl_resource *output;
    struct surface *surface;

    compositor->scale = scale;
    wl_resource_for_each(output, &compositor->outputs)
    {
        send_output(compositor, output);
    }
    wl_list_for_each(surface, &compositor->surfaces, link) {
        if (surface_is_shown(surface)) {
            output_enter(surface);
        }
    }
}

void
output_global(struct compositor *compositor)
{
    wl_global_create(compositor->display, &wl_output_interface, 3, compositor, bind_output);
}
