/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The last frame of a machine, read from its state folder (last-frame.ppm) off the main loop. */

#include <gtk/gtk.h>

/* max_width and max_height in device pixels, 0: no limit. */
void vm_picture_load_async(const char *machine, int max_width, int max_height,
                           GCancellable *cancellable, GAsyncReadyCallback callback,
                           gpointer user_data);

/* The caller's cairo_surface_t, or NULL with error set where there is no (valid) picture. */
cairo_surface_t *vm_picture_load_finish(GAsyncResult *result, GError **error);

/* In place of a picture that is not there, the icon, white in the middle of width x height. */
void vm_picture_draw_stand_in(GtkWidget *widget, cairo_t *cr, int width, int height,
                              const char *icon);

/* From memory: P6, 8 bits. NULL when it is not one. */
cairo_surface_t *vm_picture_parse(const guint8 *data, gsize size, int max_width, int max_height);
