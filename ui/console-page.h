/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The consoles of the shown machine, one tab each. Terminals of other machines are kept. */

#include <gtk/gtk.h>

#include "manager/model/machine.h"
#include "ui/console-tab.h"

#define VM_TYPE_CONSOLE_PAGE (vm_console_page_get_type())
G_DECLARE_FINAL_TYPE(VmConsolePage, vm_console_page, VM, CONSOLE_PAGE, GtkStack)

/*
 * Properties, of the shown machine: "tab" string, the name of the port whose tab a person chose, NULL when
 * nobody did; a port that comes later is shown when it comes. "zoom" double, of the text, 0: as the settings
 * say. Both notify what a person does, and are unset by another machine.
 */

/* machine may be NULL. */
void vm_console_page_set_machine(VmConsolePage *self, VmMachine *machine);

/* NULL when the machine has no console. */
VmConsoleTab *vm_console_page_get_tab(VmConsolePage *self);
void vm_console_page_move(VmConsolePage *self, int step);

/* Before the first machine: colours and length of the consoles. */
void vm_console_page_set_settings(VmConsolePage *self, GSettings *settings);
