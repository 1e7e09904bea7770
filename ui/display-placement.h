/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Where the guest's picture stands. "Logical" pixels are GTK's; device pixels are the screen's. A
 * picture that is not scaled, or by a whole number, begins and ends at device pixels: a surface can only
 * be placed at logical ones, so at places that are both (every fourth at 125 %).
 */

#include <gdk/gdk.h>

#include "ui/display-page.h"

G_BEGIN_DECLS

enum {
    VM_SCALE_ONE = 120, /* scales are in 120ths */
};

typedef struct {
    VmScaling scaling;
    guint width; /* of the picture, not 0 */
    guint height;
    GdkRectangle view;    /* logical, from the toplevel's surface */
    GdkRectangle visible; /* the part of it that is not scrolled away */
    guint scale;          /* device pixels per logical one, 120ths */
} VmPlacementRequest;

typedef struct {
    double x; /* of the picture in the view, logical */
    double y;
    double scale;   /* logical pixels per guest pixel */
    gboolean whole; /* a guest pixel is a whole number of device pixels */
    /* For a surface of its own: */
    GdkRectangle target; /* logical, from the toplevel's surface */
    guint expand;        /* device pixels per guest pixel that the buffer has; else it is scaled */
    guint buffer_width;  /* the expanded picture, and what is missing to whole logical pixels */
    guint buffer_height;
    double source_x; /* the part of the buffer that is seen */
    double source_y;
    double source_width;
    double source_height;
} VmPlacement;

void vm_placement_compute(const VmPlacementRequest *request, VmPlacement *ret);
/* The size in device pixels of a picture that fills the view unscaled; of even numbers. */
void vm_placement_get_size(const VmPlacementRequest *request, guint *ret_width, guint *ret_height);
/* The smallest view, logical, that shows the picture unscaled wherever it begins. */
void vm_placement_get_view_size(const VmPlacementRequest *request, int *ret_width, int *ret_height);

G_END_DECLS
