/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * RFC-0210's GuestError as GError: the codes are enum guest_error of vmm/protocol/display.h, and on
 * D-Bus each is org.vitrine.Vmm1.Error.NAME.
 */

#include <gio/gio.h>

#include "vmm/protocol/display.h"

G_BEGIN_DECLS

#define VM_GUEST_ERROR (vm_guest_error_quark())
GQuark vm_guest_error_quark(void);

G_END_DECLS
