/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Where a view lies in its window, and the hole there: a surface below the window's shows through it. The hole is cut
 * each time after the view's parent was drawn, which may draw its content from a store of its own, over any hole.
 */

#include <gtk/gtk.h>

#include "ui/display-placement.h"

G_BEGIN_DECLS

typedef struct vm_display_hole VmDisplayHole;

/*
 * What to cut, from the toplevel's surface, as the view lies now. FALSE: its picture cannot be drawn without its
 * colours, and a veil has to lie over it instead.
 */
typedef gboolean (*VmDisplayHoleFunc)(GtkWidget *view, GdkRectangle *ret_hole);

/* The view has to live longer. The hole is closed. */
VmDisplayHole *vm_display_hole_new(GtkWidget *view, VmDisplayHoleFunc find);
void vm_display_hole_free(VmDisplayHole *self);

/* To be called when the view has other ancestors than before. */
void vm_display_hole_follow(VmDisplayHole *self);
void vm_display_hole_set_open(VmDisplayHole *self, gboolean open);

/* Fill in the view, all of it visible. */
void vm_display_hole_get_view(VmDisplayHole *self, VmPlacementRequest *ret);
/* Then what of it is visible and what a surface of its own needs to know; nothing while it is in no window. */
void vm_display_hole_get_window(VmDisplayHole *self, VmPlacementRequest *ret);

G_END_DECLS
