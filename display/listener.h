/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One registered listener of one screen: a D-Bus link of its own, on which we call the client. Sends
 * a dmabuf where there is one and the client names Listener.Unix.ScanoutDMABUF2, until it refuses one (of a
 * graphics card: it is sent no such any more, but others still);
 * else the shared memory when it names Listener.Unix.Map, else the pixels, which are also what a client gets
 * that does not name its interfaces in time, until it does. At most two pictures or updates are unanswered;
 * what happens meanwhile is collected.
 *
 * Signal "closed" (): the link is gone; the owner lets go of the object.
 */

#include <gio/gio.h>

#include "display/screen.h"

G_BEGIN_DECLS

#define VM_TYPE_LISTENER (vm_listener_get_type())
G_DECLARE_FINAL_TYPE(VmListener, vm_listener, VM, LISTENER, GObject)

/* Starts by itself. NULL with an error when another user stands at the other end. */
VmListener *vm_listener_new(VmScreen *screen, GSocketConnection *connection, GError **error);
/* Hang up; no signal follows. */
void vm_listener_close(VmListener *self);
VmScreen *vm_listener_get_screen(VmListener *self);

G_END_DECLS
