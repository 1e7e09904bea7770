/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * RFC-0210's GuestLifecycle: one client, and the machines that it makes one after the other. The
 * ordering rules are kept here; the supervisor makes and ends the machine (vmm/protocol/display.h).
 * Between Create and Stop there is a VmModel, and a VmServer for the sockets that were bound.
 *
 * Signal "closed" (): the client is gone; the process must end.
 */

#include <gio/gio.h>

#include "display/supervisor-link.h"

G_BEGIN_DECLS

#define VM_TYPE_LIFECYCLE (vm_lifecycle_get_type())
G_DECLARE_FINAL_TYPE(VmLifecycle, vm_lifecycle, VM, LIFECYCLE, GObject)

/* Takes `connection_fd`, a connected Unix stream socket. NULL with `error` set. Starts by itself. */
VmLifecycle *vm_lifecycle_new(VmSupervisorLink *supervisor, int connection_fd, GError **error);

G_END_DECLS
