/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * X11 programs as windows of the host: between a rootless Xwayland and the compositor, and Xwayland's
 * window manager. Xwayland makes a wl_surface for each X window and says which (a WL_SURFACE_ID
 * message to the window manager); here it gets its role: a top-level window, or a popup of one.
 */

#include "vmm/base/loop.h"

struct x11;

/* Connected, non-blocking sockets. */
struct x11_sockets {
    int xwayland; /* Xwayland is the Wayland client at its other end */
    int host;     /* a Wayland client's of the compositor */
    int wm;       /* Xwayland's option -wm has the other end */
};

/*
 * `card` is the render node that Xwayland shall draw with, as the host shows its dmabufs, or NULL; it is
 * used until the end. The sockets are taken over. `ended` is called once from the loop when either side is gone, with a
 * sentence's end or NULL; the object must be destroyed later, not in it. NULL when the kernel refuses.
 */
struct x11 *x11_create(struct loop *loop, struct x11_sockets sockets, const char *card,
                       void (*ended)(void *data, const char *why), void *data);
void x11_destroy(struct x11 *x11);
CLEANUP_DEFINE(struct x11, x11_destroy)
