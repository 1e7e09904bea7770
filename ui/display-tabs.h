/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One button for each display of a machine; hidden while there is only one. Each button chooses with the
 * action machine.display, whose state is the number of the display that is shown.
 */

#include <gtk/gtk.h>

G_BEGIN_DECLS

#define VM_TYPE_DISPLAY_TABS (vm_display_tabs_get_type())
G_DECLARE_FINAL_TYPE(VmDisplayTabs, vm_display_tabs, VM, DISPLAY_TABS, GtkBox)

GtkWidget *vm_display_tabs_new(void);

/* Of VmConsole, or NULL; not followed. Returns how many. */
guint vm_display_tabs_set_consoles(VmDisplayTabs *self, GListModel *consoles);

G_END_DECLS
