/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Whether this computer runs on its battery, as UPower says; FALSE where there is no UPower. */

#include <gio/gio.h>

#define VM_TYPE_BATTERY (vm_battery_get_type())
G_DECLARE_FINAL_TYPE(VmBattery, vm_battery, VM, BATTERY, GObject)

VmBattery *vm_battery_new(void);
gboolean vm_battery_is_used(VmBattery *self);
