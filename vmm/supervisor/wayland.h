/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * --wayland-sock: the host's compositor, and the guard that stands before it. The guard can connect
 * to nothing, so its connections are made here, by path and never by what a guest says.
 */

#include <stdbool.h>

#include "vmm/protocol/wayland.h"
#include "vmm/supervisor/vm.h"

void wayland_init(struct wayland_edge *edge);
void wayland_close(struct wayland_edge *edge);
/* Connect to vm->config's compositor and make the edge. 0, or -1 with *failure set. */
int wayland_open(struct vm *vm, struct failure *failure);

/* What the guard says; false when it may not say that. */
bool wayland_on_message(struct child *guard, const struct guard_connect *connect, size_t size);
/*
 * Another gpu process is about to be started: a new edge to the guard, which begins anew too. The
 * connections of the one before ended with it.
 */
void wayland_renew(struct vm *vm);
/* The guard has ended: start it again, a few times. Without it the guest gets no new connections. */
void wayland_guard_ended(struct child *guard, const struct failure *how);
