/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The guest's picture on a dark stage: drawn straight from the memory that the machine shares, damage
 * only, in device pixels. It draws and measures; input is ui/display-input.h's.
 */

#include <gtk/gtk.h>

#include "ui/display-page.h"
#include "vmm/client/vm-console.h"

G_BEGIN_DECLS

/*
 * Property "has-picture" boolean (read only, notifies).
 * Holds the console while it is mapped, so that a hidden view costs the machine nothing.
 */
#define VM_TYPE_DISPLAY_VIEW (vm_display_view_get_type())
G_DECLARE_FINAL_TYPE(VmDisplayView, vm_display_view, VM, DISPLAY_VIEW, GtkDrawingArea)

GtkWidget *vm_display_view_new(void);

/* NULL for none. */
void vm_display_view_set_console(VmDisplayView *self, VmConsole *console);
/* vm_connection_get_render_device() of the console's machine; before the console. */
void vm_display_view_set_card(VmDisplayView *self, guint64 card);
VmConsole *vm_display_view_get_console(VmDisplayView *self);
gboolean vm_display_view_get_has_picture(VmDisplayView *self);

/* Guest pixels copied for the desktop's compositor; 0 where cairo draws. */
guint64 vm_display_view_get_n_copied(VmDisplayView *self);

void vm_display_view_set_scaling(VmDisplayView *self, VmScaling scaling);
/* Ask the guest for the view's size in device pixels, 150 ms after the last change. */
void vm_display_view_set_resize_guest(VmDisplayView *self, gboolean resize_guest);
/* Drawn without colour while the machine is paused. */
void vm_display_view_set_faded(VmDisplayView *self, gboolean faded);
/* Drawn at 35 % where there is no live picture; NULL for none. */
void vm_display_view_set_last_picture(VmDisplayView *self, cairo_surface_t *picture);

/*
 * The guest pixel under a point of the widget, clamped to the picture. FALSE when the point lies
 * outside of the picture or there is none.
 */
gboolean vm_display_view_to_guest(VmDisplayView *self, double x, double y, guint *ret_x,
                                  guint *ret_y);

G_END_DECLS
