/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The guest's picture as a Wayland surface of its own, below the window's, which has a hole there: so
 * that all that GTK draws stays above it, and new pixels cost GTK nothing. It takes no input: the window
 * gets it. A dark surface below it reaches a little further than the hole.
 *
 * Of a picture that is a dmabuf, and that the compositor can import, only the edges are copied; what lies
 * between them is shown as it is (ui/guest-dmabuf.h). Until it is imported, and when it cannot be, all is
 * copied. Nothing is copied of a texture: what was shown before it stays until it is imported.
 *
 * Its size and place change with the next frame that GTK draws, both at once; new pixels go straight to
 * the compositor, at most once per frame of the screen.
 */

#include "ui/display-placement.h"
#include "ui/guest-dmabuf.h"
#include "ui/guest-picture.h"
#include "ui/wayland.h"

G_BEGIN_DECLS

typedef struct vm_guest_surface VmGuestSurface;

typedef struct {
    void (*scale_changed)(gpointer data);   /* vm_guest_surface_get_scale() gives something else */
    void (*dmabuf_refused)(gpointer data);  /* the compositor does not show it: from now on none */
    void (*texture_refused)(gpointer data); /* the same of what a graphics card drew */
    guint64 (*taken)(gpointer data);        /* what was told so far is on the way to the screen */
    /* What was taken when that was the answer is on the screen, and nothing from before is read. */
    void (*presented)(gpointer data, guint64 taken);
} VmGuestSurfaceEvents;

/*
 * NULL where the desktop cannot do it (no Wayland, no subsurfaces or viewports). The toplevel must be
 * shown. `events` stay the caller's and are called with `data`.
 */
VmGuestSurface *vm_guest_surface_new(GdkWindow *toplevel, const VmGuestSurfaceEvents *events,
                                     gpointer data);
void vm_guest_surface_free(VmGuestSurface *self);
/* Whether it belongs to that toplevel as it is shown now. */
gboolean vm_guest_surface_is_of(VmGuestSurface *self, GdkWindow *toplevel);

/* Device pixels per logical one, 120ths. */
guint vm_guest_surface_get_scale(VmGuestSurface *self);
/*
 * What is shown from the next vm_guest_surface_place() on, or at once when only the memory is another
 * one. `picture` NULL: nothing any more; its memory is not read afterwards.
 */
void vm_guest_surface_set_picture(VmGuestSurface *self, const VmGuestPicture *picture);
/* To be called while GTK draws the window. FALSE: it cannot be shown, draw it yourself. */
gboolean vm_guest_surface_place(VmGuestSurface *self, const VmPlacement *placement, gboolean faded);
/* New pixels, guest ones. */
void vm_guest_surface_damage(VmGuestSurface *self, const GdkRectangle *area);
/* Gone from the next frame on that GTK draws, until it is placed again. */
void vm_guest_surface_hide(VmGuestSurface *self);
/* Whether the desktop's compositor takes pictures that are dmabufs. */
gboolean vm_guest_surface_may_take_dmabuf(GdkDisplay *display);
/*
 * The same of textures from the card with that device number, whose pixels nobody can copy: all of the picture has to
 * be in the placement's core. Those of another card than the compositor's have to be linear.
 */
VmTextures vm_guest_surface_find_textures(GdkDisplay *display, guint64 card);
gboolean vm_guest_surface_shows_all(const VmPlacement *placement, guint width, guint height);
/* Guest pixels copied for the compositor so far. */
guint64 vm_guest_surface_get_n_copied(VmGuestSurface *self);

G_END_DECLS
