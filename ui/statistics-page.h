/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the processes of the shown machine use. Asks only while it is shown. */

#include <gtk/gtk.h>

#include "manager/model/machine.h"
#include "ui/process-table.h"

#define VM_TYPE_STATISTICS_PAGE (vm_statistics_page_get_type())
G_DECLARE_FINAL_TYPE(VmStatisticsPage, vm_statistics_page, VM, STATISTICS_PAGE, GtkBox)

/* machine may be NULL. */
void vm_statistics_page_set_machine(VmStatisticsPage *self, VmMachine *machine);
VmProcessTable *vm_statistics_page_get_table(VmStatisticsPage *self);

/* Details of a process while they are shown, else NULL. Not owned. */
GtkWidget *vm_statistics_page_get_pane(VmStatisticsPage *self);
