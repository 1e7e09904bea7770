/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The settings of the shown machine. They apply at once; what needs a restart says so. */

#include <gtk/gtk.h>

#include "manager/model/machine.h"

#define VM_TYPE_SETTINGS_PAGE (vm_settings_page_get_type())
G_DECLARE_FINAL_TYPE(VmSettingsPage, vm_settings_page, VM, SETTINGS_PAGE, GtkBox)

/* machine may be NULL. */
void vm_settings_page_set_machine(VmSettingsPage *self, VmMachine *machine);

/* Back to what the running machine was started with; nothing while it is off. */
void vm_settings_page_undo_changes(VmSettingsPage *self);

/* "general", "system", "start", "disks", "display", "input", "consoles", "sandbox" or "file". */
void vm_settings_page_show_section(VmSettingsPage *self, const char *name);
