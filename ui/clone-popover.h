/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Asks how a machine shall be cloned: the copy's name, in full or linked, and what that takes. */

#include <gtk/gtk.h>

#include "manager/model/store.h"
#include "vmm/client/vm-machines.h"

/* Called when Enter or the button confirms; not while there is no name. */
typedef void (*VmCloneFunc)(VmMachine *machine, const char *title, VmCloneFlags flags,
                            gpointer data);

void vm_clone_popover_show(GtkWidget *relative_to, VmStore *store, VmMachine *machine,
                           VmCloneFunc done, gpointer data);
