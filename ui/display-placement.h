/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Where the guest's picture stands. "Logical" pixels are GTK's; device pixels are the screen's. A
 * surface of its own can only be placed at logical pixels, so it begins and ends at places that are
 * both (every fourth logical pixel at 125 %); in it the picture stands at any device pixel.
 *
 * Such a surface is seen through a hole in the window. GTK's own pixels are filtered at fractional
 * scales, so the picture keeps one logical pixel from the hole's edge, and a dark ground below
 * reaches further than the hole: what is behind the window shows nowhere.
 */

#include <gdk/gdk.h>

#include "ui/display-page.h"

G_BEGIN_DECLS

enum {
    VM_SCALE_ONE = 120,         /* scales are in 120ths */
    VM_STAGE_COLOUR = 0x101214, /* what is around the picture */
};

typedef struct {
    VmScaling scaling;
    guint width; /* of the picture, not 0 */
    guint height;
    GdkRectangle view;    /* logical, from the toplevel's surface */
    GdkRectangle visible; /* the part of it that is not scrolled away */
    guint scale;          /* device pixels per logical one, 120ths */
    /* For a surface of its own; else all 0: */
    GdkRectangle window; /* the toplevel's surface without its shadow */
    int surface_width;   /* of the toplevel's surface */
    int surface_height;
} VmPlacementRequest;

typedef struct {
    double x; /* of the picture in the view, logical */
    double y;
    double scale;   /* logical pixels per guest pixel */
    gboolean whole; /* a guest pixel is a whole number of device pixels */
    /* For a surface of its own: */
    GdkRectangle hole; /* logical, from the toplevel's surface, as the next two */
    GdkRectangle ground;
    GdkRectangle target;
    guint expand;       /* device pixels per guest pixel that the buffer has; else it is scaled */
    guint buffer_width; /* shown as a whole */
    guint buffer_height;
    int buffer_x; /* where the expanded picture begins in it; < 0: that much is scrolled away */
    int buffer_y;
    /*
     * What of the picture lies between places that are logical and device pixels, so that a surface
     * shows it without a copy: logical, from the target, and in guest pixels. Empty: nothing does.
     */
    GdkRectangle core;
    GdkRectangle core_pixels;
} VmPlacement;

void vm_placement_compute(const VmPlacementRequest *request, VmPlacement *ret);
/* The size in device pixels of a picture that fills the view unscaled; of even numbers. */
void vm_placement_get_size(const VmPlacementRequest *request, guint *ret_width, guint *ret_height);
/* The smallest view, logical, that shows the picture unscaled wherever it begins. */
void vm_placement_get_view_size(const VmPlacementRequest *request, int *ret_width, int *ret_height);

G_END_DECLS
