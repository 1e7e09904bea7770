/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What happens outside of windows: a notification when a machine ends with a problem and no window
 * shows it, one when machines run on without a window, and a process that stays for that long.
 */

#include <gtk/gtk.h>

#include "manager/model/store.h"

#define VM_TYPE_BACKGROUND (vm_background_get_type())
G_DECLARE_FINAL_TYPE(VmBackground, vm_background, VM, BACKGROUND, GObject)

/* settings may be NULL. */
VmBackground *vm_background_new(GtkApplication *application, VmStore *store, GSettings *settings);

/* The last window was closed by a person. */
void vm_background_window_closed(VmBackground *self);

/* A window shows this machine now: what was told of it is done with. */
void vm_background_shown(VmBackground *self, VmMachine *machine);
