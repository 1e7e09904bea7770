/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* vitrine: one process for each person's session, with the actions that D-Bus and tests use. */

#include <gtk/gtk.h>

#define VM_TYPE_APPLICATION (vm_application_get_type())
G_DECLARE_FINAL_TYPE(VmApplication, vm_application, VM, APPLICATION, GtkApplication)

VmApplication *vm_application_new(void);
