/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The terminal of one port: history first, then live. What the guest writes is data: no titles, no
 * clipboard; addresses as ui/console-links.h says.
 */

#include <gtk/gtk.h>

#include "vmm/client/vm-chardev.h"

#define VM_TYPE_CONSOLE_TAB (vm_console_tab_get_type())
G_DECLARE_FINAL_TYPE(VmConsoleTab, vm_console_tab, VM, CONSOLE_TAB, GtkBox)

#define VM_CONSOLE_ZOOM_MIN 0.5
#define VM_CONSOLE_ZOOM_MAX 3.0

/*
 * Properties "palette" string (of vm_terminal_colours_apply()), "lines" int to scroll back (0: no limit),
 * "zoom" double (of the text, beside the desktop's), "new-lines" uint (read only, notifies).
 *
 * label is of the port, machine the machine's title: for people.
 */
GtkWidget *vm_console_tab_new(VmChardev *chardev, const char *label, const char *machine);
/* Where all that it says goes while there is no limit, and when the run began (us since 1970). */
void vm_console_tab_set_file(VmConsoleTab *self, const char *path, gint64 started);
/* Of a port that said what is in the file at path, in the last run. */
GtkWidget *vm_console_tab_new_past(const char *name, const char *label, const char *machine,
                                   const char *path);
const char *vm_console_tab_get_name(VmConsoleTab *self);

/* Another run of the same machine: the text stays, a rule separates; NULL: the machine is off. */
void vm_console_tab_set_chardev(VmConsoleTab *self, VmChardev *chardev);
/* What it shows is of a run that has ended: words for the strip above, NULL takes it away. */
void vm_console_tab_set_past(VmConsoleTab *self, const char *words);
void vm_console_tab_focus(VmConsoleTab *self);

/* The last line with text, NULL when there is none; g_free(). */
char *vm_console_tab_dup_last_line(VmConsoleTab *self);

/* The actions console.copy, paste, find, clear, save and zoom-in, zoom-out, zoom-reset. */
void vm_console_tab_copy(VmConsoleTab *self);
void vm_console_tab_paste(VmConsoleTab *self);
void vm_console_tab_find(VmConsoleTab *self);
void vm_console_tab_clear(VmConsoleTab *self);
void vm_console_tab_save(VmConsoleTab *self);
/* -1, 0 (back to normal), 1 */
void vm_console_tab_zoom(VmConsoleTab *self, int step);
