/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/wayland.h"

#include <gdk/gdkwayland.h>
#include <string.h>

#define DATA_KEY "vitrine-wayland"

static void
on_format(void *data, struct wl_shm *shm, uint32_t format)
{
    VmWayland *self = data;

    (void)shm;
    if (format == WL_SHM_FORMAT_XBGR8888) {
        self->has_xbgr = TRUE;
    }
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
    };
    static const struct wl_shm_listener shm_listener = {.format = on_format};

    for (guint i = 0; i < G_N_ELEMENTS(wanted); i++) {
        if (strcmp(wanted[i].interface->name, interface) == 0 && !*wanted[i].place &&
            version >= wanted[i].version) {
            *wanted[i].place =
                wl_registry_bind(registry, name, wanted[i].interface, wanted[i].version);
            if (*wanted[i].place == self->shm) {
                wl_shm_add_listener(self->shm, &shm_listener, self);
            }
            return;
        }
    }
}

static void
on_global_remove(void *data, struct wl_registry *registry, uint32_t name)
{
    (void)data;
    (void)registry;
    (void)name;
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
    struct wl_registry *registry = wl_display_get_registry(wrapper);
    wl_proxy_wrapper_destroy(wrapper);
    wl_registry_add_listener(registry, &listener, self);
    wl_display_roundtrip_queue(display, queue);
    wl_display_roundtrip_queue(display, queue); /* the formats */
    struct wl_proxy *bound[] = {
        (struct wl_proxy *)self->compositor, (struct wl_proxy *)self->subcompositor,
        (struct wl_proxy *)self->shm,        (struct wl_proxy *)self->viewporter,
        (struct wl_proxy *)self->fractional, (struct wl_proxy *)self->inhibit,
    };
    for (guint i = 0; i < G_N_ELEMENTS(bound); i++) {
        if (bound[i]) {
            wl_proxy_set_queue(bound[i], NULL);
        }
    }
    wl_registry_destroy(registry);
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
        /* Lives as long as the connection, which takes the objects with it. */
        g_object_set_data_full(G_OBJECT(display), DATA_KEY, self, g_free);
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
