/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * How a machine was looked at: view.json in its state folder, not in its definition. Written a
 * second after the last change.
 */

#include <gtk/gtk.h>

#include "manager/model/machine.h"
#include "ui/machine-page.h"

#define VM_TYPE_VIEW_STATE (vm_view_state_get_type())
G_DECLARE_FINAL_TYPE(VmViewState, vm_view_state, VM, VIEW_STATE, GObject)

/* Follows the page (borrowed, outlives this). */
VmViewState *vm_view_state_new(VmMachinePage *page);

/* The size of a window of its own for that display of a machine, when it was closed; in logical pixels.
 * FALSE: there was none. */
gboolean vm_view_state_load_size(const char *machine, int display, int *ret_width, int *ret_height);
void vm_view_state_save_size(const char *machine, int display, int width, int height);

/* The monitor where that machine was last in full screen, a name; NULL: none. */
const char *vm_view_state_get_monitor(VmViewState *self);
void vm_view_state_set_monitor(VmViewState *self, const char *monitor);

/* Sets the page, which has that machine, as it was left. NULL: writes what is to be written of the
 * machine before; before the page has another. */
void vm_view_state_set_machine(VmViewState *self, VmMachine *machine);
