/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/display-drawing.h"

void
vm_drawing_swap_colours(cairo_surface_t *target, const VmPicture *picture, const GdkRectangle *area)
{
    guint8 *to = cairo_image_surface_get_data(target);
    int to_stride = cairo_image_surface_get_stride(target);

    cairo_surface_flush(target);
    for (int y = area->y; y < area->y + area->height; y++) {
        const guint32 *from = (const void *)(picture->pixels + (gsize)y * picture->stride);
        guint32 *row = (void *)(to + (gsize)y * (gsize)to_stride);

        for (int x = area->x; x < area->x + area->width; x++) {
            row[x] = (from[x] & 0xff00ff00) | (from[x] & 0xff) << 16 | (from[x] >> 16 & 0xff);
        }
    }
    cairo_surface_mark_dirty_rectangle(target, area->x, area->y, area->width, area->height);
}

void
vm_drawing_paint_picture(cairo_t *cr, cairo_surface_t *surface, const VmPicture *picture,
                         const VmPlacement *at, gboolean faded)
{
    cairo_save(cr);
    cairo_translate(cr, at->x, at->y);
    cairo_scale(cr, at->scale, at->scale);
    cairo_rectangle(cr, 0, 0, picture->width, picture->height);
    cairo_clip(cr);
    cairo_set_source_surface(cr, surface, 0, 0);
    cairo_pattern_set_filter(cairo_get_source(cr),
                             at->whole ? CAIRO_FILTER_NEAREST : CAIRO_FILTER_BILINEAR);
    cairo_pattern_set_extend(cairo_get_source(cr), CAIRO_EXTEND_PAD);
    cairo_paint(cr);
    if (faded) {
        /* Grey of the same lightness: the colour of white, none of its saturation. */
        cairo_set_operator(cr, CAIRO_OPERATOR_HSL_SATURATION);
        cairo_set_source_rgb(cr, 1, 1, 1);
        cairo_paint(cr);
        cairo_set_operator(cr, CAIRO_OPERATOR_OVER);
        cairo_set_source_rgba(cr, 0, 0, 0, 0.35);
        cairo_paint(cr);
    }
    cairo_restore(cr);
}

void
vm_drawing_veil(cairo_t *cr, const GdkRectangle *hole, const GdkRectangle *parent)
{
    cairo_save(cr);
    cairo_set_operator(cr, CAIRO_OPERATOR_SOURCE);
    cairo_set_source_rgba(cr, 0.5, 0.5, 0.5, 0.6);
    cairo_rectangle(cr, hole->x - parent->x, hole->y - parent->y, hole->width, hole->height);
    cairo_fill(cr);
    cairo_restore(cr);
}

void
vm_drawing_paint_last_picture(cairo_t *cr, cairo_surface_t *picture, double across, double down)
{
    double width = cairo_image_surface_get_width(picture);
    double height = cairo_image_surface_get_height(picture);

    if (width <= 0 || height <= 0) {
        return;
    }
    double scale = MIN(across / width, down / height);
    cairo_translate(cr, (across - width * scale) / 2, (down - height * scale) / 2);
    cairo_scale(cr, scale, scale);
    cairo_set_source_surface(cr, picture, 0, 0);
    cairo_paint_with_alpha(cr, 0.35);
}
