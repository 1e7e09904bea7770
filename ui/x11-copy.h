/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Textures that the X server has no pixmap for, as it knows no order of colours, no mirrored rows and no part
 * of a larger picture: OpenGL copies them, on the graphics card, into a pixmap that the server made.
 */

#include <gtk/gtk.h>

#include "ui/guest-picture.h"

G_BEGIN_DECLS

typedef struct vm_x11_copy VmX11Copy;

/* Of a picture that is a texture. NULL: the card does not take it, or draws nothing for X. */
VmX11Copy *vm_x11_copy_new(GdkDisplay *display, const VmGuestPicture *picture);
/* NULL is fine. */
void vm_x11_copy_free(VmX11Copy *self);
/* Of the picture's size. */
guint32 vm_x11_copy_get_pixmap(const VmX11Copy *self);
/* What of the picture is new, guest pixels; what is drawn from the pixmap afterwards has it. */
void vm_x11_copy_run(VmX11Copy *self, const GdkRectangle *area);

G_END_DECLS
