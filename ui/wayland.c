/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/wayland.h"

#include <gdk/gdkwayland.h>
#include <string.h>

#define DATA_KEY "vitrine-wayland"

typedef struct {
    guint32 name; /* in the registry */
    struct wl_output *output;
    struct zxdg_output_v1 *xdg; /* NULL: sizes are not told */
    int pixels;                 /* the longer edge */
    int logical;
} Output;

static void
output_free(gpointer data)
{
    Output *self = data;

    if (self->xdg) {
        zxdg_output_v1_destroy(self->xdg);
    }
    wl_output_destroy(self->output);
    g_free(self);
}

static void
on_geometry(void *data, struct wl_output *output, int32_t x, int32_t y, int32_t width,
            int32_t height, int32_t subpixel, const char *make, const char *model,
            int32_t transform)
{
}

static void
on_mode(void *data, struct wl_output *output, uint32_t flags, int32_t width, int32_t height,
        int32_t refresh)
{
    Output *self = data;

    (void)output;
    if (flags & WL_OUTPUT_MODE_CURRENT) {
        self->pixels = MAX(width, height); /* whichever way it is turned */
    }
}

static void
on_done(void *data, struct wl_output *output)
{
}

static void
on_scale(void *data, struct wl_output *output, int32_t factor)
{
}

static void
on_logical_position(void *data, struct zxdg_output_v1 *xdg, int32_t x, int32_t y)
{
}

static void
on_logical_size(void *data, struct zxdg_output_v1 *xdg, int32_t width, int32_t height)
{
    Output *self = data;

    (void)xdg;
    self->logical = MAX(width, height);
}

static void
on_logical_done(void *data, struct zxdg_output_v1 *xdg)
{
}

static void
ask_sizes(VmWayland *self, Output *output)
{
    static const struct zxdg_output_v1_listener listener = {
        .logical_position = on_logical_position,
        .logical_size = on_logical_size,
        .done = on_logical_done,
    };

    if (self->xdg_outputs && !output->xdg) {
        output->xdg = zxdg_output_manager_v1_get_xdg_output(self->xdg_outputs, output->output);
        zxdg_output_v1_add_listener(output->xdg, &listener, output);
    }
}

static void
add_output(VmWayland *self, uint32_t name)
{
    static const struct wl_output_listener listener = {
        .geometry = on_geometry,
        .mode = on_mode,
        .done = on_done,
        .scale = on_scale,
    };
    Output *output = g_new0(Output, 1);

    output->name = name;
    output->output = wl_registry_bind(self->registry, name, &wl_output_interface, 2);
    wl_output_add_listener(output->output, &listener, output);
    ask_sizes(self, output);
    g_ptr_array_add(self->outputs, output);
}

guint
vm_wayland_get_output_scale(const VmWayland *self, struct wl_output *output)
{
    for (guint i = 0; i < self->outputs->len; i++) {
        const Output *at = g_ptr_array_index(self->outputs, i);
        gboolean meant = output ? at->output == output : self->outputs->len == 1;
        if (meant && at->pixels > 0 && at->logical > 0) {
            return (guint)((VM_WAYLAND_SCALE_ONE * (gint64)at->pixels + at->logical / 2) /
                           at->logical);
        }
    }
    return 0;
}

static void
on_global(void *data, struct wl_registry *registry, uint32_t name, const char *interface,
          uint32_t version)
{
    VmWayland *self = data;
    const struct {
        const struct wl_interface *interface;
        void **place;
        uint32_t version;
    } wanted[] = {
        {&wl_compositor_interface, (void **)&self->compositor, 4},
        {&wl_subcompositor_interface, (void **)&self->subcompositor, 1},
        {&wl_shm_interface, (void **)&self->shm, 1},
        {&wp_viewporter_interface, (void **)&self->viewporter, 1},
        {&wp_fractional_scale_manager_v1_interface, (void **)&self->fractional, 1},
        {&zwp_keyboard_shortcuts_inhibit_manager_v1_interface, (void **)&self->inhibit, 1},
        {&zxdg_output_manager_v1_interface, (void **)&self->xdg_outputs, 1},
    };

    if (strcmp(interface, wl_output_interface.name) == 0 && version >= 2) {
        add_output(self, name);
        return;
    }
    if (strcmp(interface, zwp_linux_dmabuf_v1_interface.name) == 0 && !self->dmabuf) {
        self->dmabuf = vm_wayland_dmabuf_new(registry, name, version);
        return;
    }
    for (guint i = 0; i < G_N_ELEMENTS(wanted); i++) {
        if (strcmp(wanted[i].interface->name, interface) == 0 && !*wanted[i].place &&
            version >= wanted[i].version) {
            *wanted[i].place =
                wl_registry_bind(registry, name, wanted[i].interface, wanted[i].version);
            return;
        }
    }
}

static void
on_global_remove(void *data, struct wl_registry *registry, uint32_t name)
{
    VmWayland *self = data;

    (void)registry;
    for (guint i = 0; i < self->outputs->len; i++) {
        const Output *output = g_ptr_array_index(self->outputs, i);
        if (output->name == name) {
            g_ptr_array_remove_index_fast(self->outputs, i);
            return;
        }
    }
}

/* What came before the manager of its sizes. */
static void
ask_all_sizes(VmWayland *self)
{
    for (guint i = 0; i < self->outputs->len; i++) {
        ask_sizes(self, g_ptr_array_index(self->outputs, i));
    }
}

static void
go_to_default_queue(VmWayland *self)
{
    struct wl_proxy *const bound[] = {
        (struct wl_proxy *)self->compositor,  (struct wl_proxy *)self->subcompositor,
        (struct wl_proxy *)self->shm,         (struct wl_proxy *)self->viewporter,
        (struct wl_proxy *)self->fractional,  (struct wl_proxy *)self->inhibit,
        (struct wl_proxy *)self->xdg_outputs, (struct wl_proxy *)self->registry,
    };

    for (guint i = 0; i < G_N_ELEMENTS(bound); i++) {
        if (bound[i]) {
            wl_proxy_set_queue(bound[i], NULL);
        }
    }
    if (self->dmabuf) {
        vm_wayland_dmabuf_go_to_default_queue(self->dmabuf);
    }
    for (guint i = 0; i < self->outputs->len; i++) {
        const Output *output = g_ptr_array_index(self->outputs, i);
        wl_proxy_set_queue((struct wl_proxy *)output->output, NULL);
        if (output->xdg) {
            wl_proxy_set_queue((struct wl_proxy *)output->xdg, NULL);
        }
    }
}

/* On a queue of its own, so that GTK's events wait until all is known. */
static VmWayland *
ask(struct wl_display *display)
{
    static const struct wl_registry_listener listener = {
        .global = on_global,
        .global_remove = on_global_remove,
    };
    VmWayland *self = g_new0(VmWayland, 1);
    struct wl_event_queue *queue = wl_display_create_queue(display);
    struct wl_display *wrapper = wl_proxy_create_wrapper(display);

    wl_proxy_set_queue((struct wl_proxy *)wrapper, queue);
    self->registry = wl_display_get_registry(wrapper);
    self->outputs = g_ptr_array_new_with_free_func(output_free);
    wl_proxy_wrapper_destroy(wrapper);
    wl_registry_add_listener(self->registry, &listener, self);
    wl_display_roundtrip_queue(display, queue);
    ask_all_sizes(self);
    wl_display_roundtrip_queue(display, queue); /* the sizes, and what dmabufs it takes */
    go_to_default_queue(self);
    wl_event_queue_destroy(queue);
    return self;
}

const VmWayland *
vm_wayland_get(GdkDisplay *display)
{
    VmWayland *self = g_object_get_data(G_OBJECT(display), DATA_KEY);

    if (!GDK_IS_WAYLAND_DISPLAY(display)) {
        return NULL;
    }
    if (!self) {
        self = ask(gdk_wayland_display_get_wl_display(display));
        /* Lives as long as the connection, of which the objects are; GDK ends it with the process. */
        g_object_set_data(G_OBJECT(display), DATA_KEY, self);
    }
    return self;
}

struct wl_surface *
vm_wayland_get_surface(GdkWindow *toplevel)
{
    return GDK_IS_WAYLAND_WINDOW(toplevel) ? gdk_wayland_window_get_wl_surface(toplevel) : NULL;
}

struct wl_seat *
vm_wayland_get_seat(GdkDisplay *display)
{
    return gdk_wayland_seat_get_wl_seat(gdk_display_get_default_seat(display));
}
