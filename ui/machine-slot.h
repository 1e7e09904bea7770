/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The machine that a page shows: one page is pointed at one machine after another. */

#include "manager/model/machine.h"

/*
 * Puts machine (or NULL) into the page's slot and takes every handler of the page from the one before.
 * FALSE when it is there already: nothing is to be done then.
 */
gboolean vm_machine_slot_set(VmMachine **slot, VmMachine *machine, gpointer page);
