/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Dmabufs as pixmaps of the X server: its extension DRI3. GTK 3 has no EGL on X11; what the server has
 * as a pixmap, GTK draws like any other, below all that it draws above.
 */

#include <gtk/gtk.h>

#include "ui/guest-picture.h"

G_BEGIN_DECLS

enum {
    VM_X11_DEPTH = 24, /* of pictures: a desktop has nothing behind it, alpha means nothing */
};

/* Whether the display is one of an X server on this computer that has it. */
gboolean vm_x11_dri3_is_there(GdkDisplay *display);
/* Which textures of the card with that device number are shown; 0: it is not known. Where it is there. */
VmTextures vm_x11_dri3_find_textures(GdkDisplay *display, guint64 card);
/*
 * A pixmap over the pixels of a picture that is a dmabuf, which has been checked to lie inside of it.
 * Waits for the server's answer; 0 when it refuses.
 */
guint32 vm_x11_dri3_import(GdkDisplay *display, const VmGuestPicture *picture);
/* The server keeps it until it has drawn what it was asked to. */
void vm_x11_dri3_free_pixmap(GdkDisplay *display, guint32 pixmap);
/* To draw from; the caller's. The pixmap stays the caller's too, and has to live longer. */
cairo_surface_t *vm_x11_dri3_create_surface(GdkDisplay *display, guint32 pixmap, guint width,
                                            guint height);

G_END_DECLS
