/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What happens outside of windows: a notification when a machine ends with a problem, or finds no room for
 * its disk, and no window shows it; one when a copy or a guest is ready, or could not be made, and no window
 * has the focus; one when machines run on without a window, a process that stays for that long, and a word
 * to the session manager when the session would end while machines run and the person wants to be asked.
 */

#include <gtk/gtk.h>

#include "manager/model/store.h"

#define VM_TYPE_BACKGROUND (vm_background_get_type())
G_DECLARE_FINAL_TYPE(VmBackground, vm_background, VM, BACKGROUND, GObject)

/* settings may be NULL. */
VmBackground *vm_background_new(GtkApplication *application, VmStore *store, GSettings *settings);

/* The last window was closed by a person. */
void vm_background_window_closed(VmBackground *self);

/* The process stays for machines that run without a window. */
gboolean vm_background_is_held(VmBackground *self);

/* A window shows this machine now: what was told of it is done with. */
void vm_background_shown(VmBackground *self, VmMachine *machine);
