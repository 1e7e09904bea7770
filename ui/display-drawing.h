/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the display view draws with cairo. */

#include <gtk/gtk.h>

#include "ui/display-placement.h"
#include "vmm/client/vm-console.h"

G_BEGIN_DECLS

/* Red and blue the other way round: cairo has no such format, so these pictures are copied. */
void vm_drawing_swap_colours(cairo_surface_t *target, const VmPicture *picture,
                             const GdkRectangle *area);
/* `picture`: of the size of `surface`. `faded`: without colour. */
void vm_drawing_paint_picture(cairo_t *cr, cairo_surface_t *surface, const VmPicture *picture,
                              const VmPlacement *at, gboolean faded);
/* Over the hole that shows a picture which nobody can draw without its colours: weakly grey. */
void vm_drawing_veil(cairo_t *cr, const GdkRectangle *hole, const GdkRectangle *parent);
/* In the middle of an area of this size, weakly. */
void vm_drawing_paint_last_picture(cairo_t *cr, cairo_surface_t *picture, double across,
                                   double down);

G_END_DECLS
