/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What `vmm` and its parts said about this machine, a row for each line, followed while it runs. */

#include <gtk/gtk.h>

#include "manager/model/machine.h"

#define VM_TYPE_LOG_PAGE (vm_log_page_get_type())
G_DECLARE_FINAL_TYPE(VmLogPage, vm_log_page, VM, LOG_PAGE, GtkBox)

/* machine may be NULL. */
void vm_log_page_set_machine(VmLogPage *self, VmMachine *machine);
void vm_log_page_focus_find(VmLogPage *self);
/* Asks where to, and copies the whole file there. There must be a machine. */
void vm_log_page_save(VmLogPage *self);
/* Only the entries of this process. */
void vm_log_page_show_process(VmLogPage *self, const char *process);
