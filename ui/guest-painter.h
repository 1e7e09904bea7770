/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The guest's picture where no surface of its own shows it: drawn with cairo, from the memory that the
 * machine shares or, on X11, where the server takes dmabufs, by the server from the machine's memory, or
 * from that of the graphics card where it is a texture.
 */

#include <gtk/gtk.h>

#include "ui/display-placement.h"
#include "vmm/client/vm-console.h"

G_BEGIN_DECLS

typedef struct vm_guest_painter VmGuestPainter;

VmGuestPainter *vm_guest_painter_new(void);
/* NULL is fine. */
void vm_guest_painter_free(VmGuestPainter *self);
/* Whose pictures are drawn; NULL for none. */
void vm_guest_painter_set_console(VmGuestPainter *self, VmConsole *console);
/* The picture is another one or none; its memory is not read afterwards. */
void vm_guest_painter_forget(VmGuestPainter *self);
/* New pixels, guest ones, inside of the picture. */
void vm_guest_painter_damage(VmGuestPainter *self, const GdkRectangle *area);
/* While GTK draws the widget. */
void vm_guest_painter_draw(VmGuestPainter *self, GtkWidget *widget, cairo_t *cr,
                           const VmPlacement *at, gboolean faded);
/* The widget has no window any more: what belongs to that goes. */
void vm_guest_painter_leave(VmGuestPainter *self);

/* Whether it tells the console what is on the screen: as long as it draws dmabufs. */
gboolean vm_guest_painter_is_paced(const VmGuestPainter *self);
/* Whether the X server refused a dmabuf; what was to be drawn was copied, as all is from then on. */
gboolean vm_guest_painter_is_refused(const VmGuestPainter *self);
/* The same of a texture, and nothing was drawn: whoever asks takes none any more. */
gboolean vm_guest_painter_is_texture_refused(const VmGuestPainter *self);

G_END_DECLS
