/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The pages of the shown machine: one object that is pointed at another machine, never rebuilt. */

#include <gtk/gtk.h>

#include "manager/model/store.h"
#include "ui/console-page.h"
#include "ui/display-page.h"
#include "ui/log-page.h"
#include "ui/settings-page.h"
#include "ui/statistics-page.h"

#define VM_TYPE_MACHINE_PAGE (vm_machine_page_get_type())
G_DECLARE_FINAL_TYPE(VmMachinePage, vm_machine_page, VM, MACHINE_PAGE, GtkStack)

/* machine may be NULL. */
void vm_machine_page_set_machine(VmMachinePage *self, VmMachine *machine);
VmDisplayPage *vm_machine_page_get_display(VmMachinePage *self);
VmConsolePage *vm_machine_page_get_console(VmMachinePage *self);
VmStatisticsPage *vm_machine_page_get_statistics(VmMachinePage *self);
VmLogPage *vm_machine_page_get_log(VmMachinePage *self);
VmSettingsPage *vm_machine_page_get_settings(VmMachinePage *self);

/* What stands beside the content of the shown page, or NULL. Not owned. */
GtkWidget *vm_machine_page_get_pane(VmMachinePage *self);
