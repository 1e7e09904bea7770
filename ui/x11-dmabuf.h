/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A view's pictures that the X server shows from the machine's own memory, or from the graphics card's.
 * Imported ones are kept for guests that flip between a few.
 */

#include "ui/x11-dri3.h"

G_BEGIN_DECLS

typedef struct vm_x11_dmabuf VmX11Dmabuf;

VmX11Dmabuf *vm_x11_dmabuf_new(GdkDisplay *display);
/* NULL is fine. */
void vm_x11_dmabuf_free(VmX11Dmabuf *self);
gboolean vm_x11_dmabuf_is_of(const VmX11Dmabuf *self, GdkDisplay *display);
/*
 * To draw from, the caller's; of no use after vm_x11_dmabuf_free() or four other pictures. NULL for one
 * that cannot be shown so: `ret_refused` says whether the server was asked, or the graphics card.
 */
cairo_surface_t *vm_x11_dmabuf_create_surface(VmX11Dmabuf *self, const VmGuestPicture *picture,
                                              gboolean *ret_refused);
/* What of the last such surface is older than its picture, guest pixels: all of it at first. */
void vm_x11_dmabuf_update(VmX11Dmabuf *self, const GdkRectangle *area);

G_END_DECLS
