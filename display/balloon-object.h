/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* RFC-0210's BalloonController on /org/vitrine/Vmm1/Guest, and how a client gets a link for it. */

#include "display/objects.h"
#include "vm-dbus-vmm1.h"

G_BEGIN_DECLS

void vm_balloon_object_export(VmClient *client);

/* Handler of Guest.GetBalloonController. */
gboolean vm_balloon_object_get_controller(VmDbusGuest *guest, GDBusMethodInvocation *invocation,
                                          GUnixFDList *fds, GVariant *handle, VmClient *client);

G_END_DECLS
