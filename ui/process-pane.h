/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One process beside the table: what holds it, in plain words. Signals: "closed" (); "show-log"
 * (string name). */

#include <gtk/gtk.h>

#include "manager/model/policy.h"
#include "vmm/client/vm-connection.h"

#define VM_TYPE_PROCESS_PANE (vm_process_pane_get_type())
G_DECLARE_FINAL_TYPE(VmProcessPane, vm_process_pane, VM, PROCESS_PANE, GtkBox)

/* policy may be NULL: not known. */
void vm_process_pane_show(VmProcessPane *self, const VmJail *jail, const char *task, guint restarts,
                          const VmPolicy *policy);

/* "Jailed", "Partly jailed", "Not jailed", with ", foreign" where somebody else started it; static. */
const char *vm_jail_words(const VmJail *jail);
gboolean vm_jail_is_foreign(const VmJail *jail);
gboolean vm_jail_is_whole(const VmJail *jail);

/* All that the pane says, for the clipboard and reports; free with g_free(). */
char *vm_jail_report(const VmJail *jail, const VmPolicy *policy);
