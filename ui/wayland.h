/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the desktop's compositor offers beyond what GTK uses, on GTK's own connection. */

#include <gtk/gtk.h>
#include <wayland-client.h>

#include "fractional-scale-v1-client-protocol.h"
#include "keyboard-shortcuts-inhibit-unstable-v1-client-protocol.h"
#include "ui/wayland-dmabuf.h"
#include "viewporter-client-protocol.h"
#include "xdg-output-unstable-v1-client-protocol.h"

G_BEGIN_DECLS

enum {
    VM_WAYLAND_SCALE_ONE = 120,
};

typedef struct {
    struct wl_compositor *compositor; /* this and the others: NULL when not offered */
    struct wl_subcompositor *subcompositor;
    struct wl_shm *shm;
    struct wp_viewporter *viewporter;
    struct wp_fractional_scale_manager_v1 *fractional;
    struct zwp_keyboard_shortcuts_inhibit_manager_v1 *inhibit;
    struct zxdg_output_manager_v1 *xdg_outputs;
    VmWaylandDmabuf *dmabuf;
    struct wl_registry *registry;
    GPtrArray *outputs;
} VmWayland;

/* The display's; NULL where it is no Wayland display. */
const VmWayland *vm_wayland_get(GdkDisplay *display);
/* Of a toplevel; NULL while it is not shown. */
struct wl_surface *vm_wayland_get_surface(GdkWindow *toplevel);
struct wl_seat *vm_wayland_get_seat(GdkDisplay *display);
/*
 * Device pixels per logical one of an output as a surface's "enter" names it, 120ths; 0: not known. NULL: the
 * only one. For compositors that have fractional scales but do not tell surfaces.
 */
guint vm_wayland_get_output_scale(const VmWayland *self, struct wl_output *output);

G_END_DECLS
