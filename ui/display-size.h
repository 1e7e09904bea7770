/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The guest's display follows the size of a view: it is asked for, in device pixels, 150 ms after the last change. */

#include <gtk/gtk.h>

#include "ui/display-placement.h"
#include "vmm/client/vm-console.h"

G_BEGIN_DECLS

typedef struct vm_display_size VmDisplaySize;

/* How the view lies now. Called only while it is mapped in a window. */
typedef void (*VmDisplaySizeFunc)(GtkWidget *view, VmPlacementRequest *ret);

/* The view has to live longer. Nothing is asked for until it is wanted. */
VmDisplaySize *vm_display_size_new(GtkWidget *view, VmDisplaySizeFunc find);
void vm_display_size_free(VmDisplaySize *self);

/* Who is asked; it stays the caller's. NULL: nobody. Called with the same one, that one has its own size again. */
void vm_display_size_set_console(VmDisplaySize *self, VmConsole *console);
void vm_display_size_set_wanted(VmDisplaySize *self, gboolean wanted);
/* The view may have another size, or its pixels. */
void vm_display_size_changed(VmDisplaySize *self);

G_END_DECLS
