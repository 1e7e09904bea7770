/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/shortcuts-inhibitor.h"

#include "ui/wayland.h"

enum {
    ANSWER_S = 3,
};

struct vm_shortcuts_inhibitor {
    struct zwp_keyboard_shortcuts_inhibitor_v1 *inhibitor;
    guint timeout; /* no answer yet */
    void (*refused)(gpointer data);
    gpointer data;
};

static void
on_active(void *data, struct zwp_keyboard_shortcuts_inhibitor_v1 *inhibitor)
{
    VmShortcutsInhibitor *self = data;

    (void)inhibitor;
    g_clear_handle_id(&self->timeout, g_source_remove);
}

static void
on_inactive(void *data, struct zwp_keyboard_shortcuts_inhibitor_v1 *inhibitor)
{
    VmShortcutsInhibitor *self = data;

    (void)inhibitor;
    g_clear_handle_id(&self->timeout, g_source_remove);
    self->refused(self->data);
}

static gboolean
on_timeout(gpointer data)
{
    VmShortcutsInhibitor *self = data;

    self->timeout = 0;
    self->refused(self->data);
    return G_SOURCE_REMOVE;
}

VmShortcutsInhibitor *
vm_shortcuts_inhibitor_new(GdkWindow *toplevel, void (*refused)(gpointer data), gpointer data)
{
    static const struct zwp_keyboard_shortcuts_inhibitor_v1_listener listener = {
        .active = on_active,
        .inactive = on_inactive,
    };
    GdkDisplay *display = gdk_window_get_display(toplevel);
    const VmWayland *wayland = vm_wayland_get(display);
    struct wl_surface *surface = vm_wayland_get_surface(toplevel);
    VmShortcutsInhibitor *self;

    if (!wayland || !wayland->inhibit || !surface) {
        return NULL;
    }
    self = g_new0(VmShortcutsInhibitor, 1);
    self->refused = refused;
    self->data = data;
    self->inhibitor = zwp_keyboard_shortcuts_inhibit_manager_v1_inhibit_shortcuts(
        wayland->inhibit, surface, vm_wayland_get_seat(display));
    zwp_keyboard_shortcuts_inhibitor_v1_add_listener(self->inhibitor, &listener, self);
    self->timeout = g_timeout_add_seconds(ANSWER_S, on_timeout, self);
    return self;
}

void
vm_shortcuts_inhibitor_free(VmShortcutsInhibitor *self)
{
    if (!self) {
        return;
    }
    g_clear_handle_id(&self->timeout, g_source_remove);
    zwp_keyboard_shortcuts_inhibitor_v1_destroy(self->inhibitor);
    g_free(self);
}
