/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A guest that is being made: how far it is, and a way to stop. */

#include <gtk/gtk.h>

#include "manager/model/machine.h"

#define VM_TYPE_BUILDING_PAGE (vm_building_page_get_type())
G_DECLARE_FINAL_TYPE(VmBuildingPage, vm_building_page, VM, BUILDING_PAGE, GtkBox)

/* machine may be NULL. */
void vm_building_page_set_machine(VmBuildingPage *self, VmMachine *machine);
