/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which dmabufs the desktop's compositor takes (zwp_linux_dmabuf_v1, versions 3 and 4). */

#include <glib.h>
#include <wayland-client.h>

#include "linux-dmabuf-unstable-v1-client-protocol.h"

G_BEGIN_DECLS

typedef struct vm_wayland_dmabuf VmWaylandDmabuf;

/* Lives as long as the connection. NULL for a version that is too old. */
VmWaylandDmabuf *vm_wayland_dmabuf_new(struct wl_registry *registry, guint32 name, guint32 version);
void vm_wayland_dmabuf_go_to_default_queue(VmWaylandDmabuf *self);
/* Linear ones of this format of DRM's, XRGB8888 or XBGR8888. NULL is fine: none. */
gboolean vm_wayland_dmabuf_takes(const VmWaylandDmabuf *self, guint32 fourcc);
/* The same of those whose layout only the graphics card's driver knows. */
gboolean vm_wayland_dmabuf_takes_implicit(const VmWaylandDmabuf *self, guint32 fourcc);
/*
 * The number of the card that the compositor reads all of them with, which may show some on another one's screen
 * besides (the tranches' devices); 0: it tells none.
 */
guint64 vm_wayland_dmabuf_get_device(const VmWaylandDmabuf *self);
struct zwp_linux_buffer_params_v1 *vm_wayland_dmabuf_create_params(VmWaylandDmabuf *self);

G_END_DECLS
