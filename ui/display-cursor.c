/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/display-cursor.h"

#include <math.h>

#include "ui/display-placement.h"

/* GTK knows whole scales only: at others the shape is enlarged to the next one. */
static cairo_surface_t *
resize(cairo_surface_t *from, const VmCursor *shape, double by)
{
    int width = (int)ceil(shape->width * by);
    int height = (int)ceil(shape->height * by);
    cairo_surface_t *to = cairo_image_surface_create(CAIRO_FORMAT_ARGB32, width, height);
    cairo_t *cr = cairo_create(to);

    cairo_scale(cr, by, by);
    cairo_set_source_surface(cr, from, 0, 0);
    cairo_paint(cr);
    cairo_destroy(cr);
    cairo_surface_destroy(from);
    return to;
}

GdkCursor *
vm_display_cursor_new(GdkDisplay *display, const VmCursor *shape, guint scale, int factor)
{
    g_autoptr(GBytes) pixels = g_bytes_new(shape->pixels, (gsize)shape->width * shape->height * 4);
    cairo_surface_t *surface = cairo_image_surface_create_for_data(
        (guint8 *)(guintptr)g_bytes_get_data(pixels, NULL), CAIRO_FORMAT_ARGB32, (int)shape->width,
        (int)shape->height, (int)shape->width * 4);
    double device = (double)scale / VM_SCALE_ONE;
    double hot_x = shape->hot_x / device;
    double hot_y = shape->hot_y / device;
    GdkCursor *cursor;

    if (scale != (guint)factor * VM_SCALE_ONE) {
        surface = resize(surface, shape, factor / device);
        hot_x = round(hot_x); /* GDK cuts */
        hot_y = round(hot_y);
    }
    cairo_surface_set_device_scale(surface, factor, factor);
    cursor = gdk_cursor_new_from_surface(display, surface, hot_x, hot_y);
    cairo_surface_destroy(surface);
    return cursor;
}
