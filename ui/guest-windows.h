/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Whether a machine's programs may open windows on this desktop, as its definition says it. */

#include "vmm/client/json.h"

gboolean vm_guest_windows_get(VmJson *definition);
/* Switched on it takes the socket of this desktop, and a graphics card where there is none. */
void vm_guest_windows_set(VmJson *definition, gboolean on);
/* The socket of this desktop's compositor; NULL where the desktop is not a Wayland one. */
char *vm_guest_windows_dup_socket(void);
