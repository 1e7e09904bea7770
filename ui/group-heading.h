/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The heading of a group in the sidebar; a click folds the group. */

#include <gtk/gtk.h>

#define VM_TYPE_GROUP_HEADING (vm_group_heading_get_type())
G_DECLARE_FINAL_TYPE(VmGroupHeading, vm_group_heading, VM, GROUP_HEADING, GtkBox)

/* Signal "toggled". */
/* What a row that is dragged offers: the name of its machine. */
#define VM_DRAG_MACHINE "application/x-vitrine-machine"

/* Signals: "toggled" (); "dropped" (string): the name of a machine was dropped on it. */
GtkWidget *vm_group_heading_new(const char *group, gboolean folded);
const char *vm_group_heading_get_group(VmGroupHeading *self);
void vm_group_heading_set_folded(VmGroupHeading *self, gboolean folded);
