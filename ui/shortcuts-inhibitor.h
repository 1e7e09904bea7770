/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * While it lives, the desktop's own shortcuts (Super, Alt+Tab) go to the window, where the compositor
 * allows it: keyboard-shortcuts-inhibit-unstable-v1. GTK's keyboard grab would do the same, but never
 * says when the compositor refuses.
 */

#include <gtk/gtk.h>

G_BEGIN_DECLS

typedef struct vm_shortcuts_inhibitor VmShortcutsInhibitor;

/*
 * NULL when the compositor does not offer it or the toplevel is not shown. At most one per toplevel.
 * `refused` is called from the main loop when the compositor does not allow it within some seconds (it
 * may ask the user), and when it takes its shortcuts back.
 */
VmShortcutsInhibitor *vm_shortcuts_inhibitor_new(GdkWindow *toplevel,
                                                 void (*refused)(gpointer data), gpointer data);
/* NULL is fine. */
void vm_shortcuts_inhibitor_free(VmShortcutsInhibitor *self);

G_END_DECLS
