/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The part of the guest's picture that the compositor shows from the machine's own memory, without a
 * copy: a surface on top of the one with the copies, with which it changes at once. Imported buffers are
 * kept for guests that flip between a few.
 */

#include "ui/display-placement.h"
#include "ui/guest-picture.h"
#include "ui/wayland.h"

G_BEGIN_DECLS

typedef struct vm_guest_dmabuf VmGuestDmabuf;

typedef struct {
    /* A picture can be shown that could not, or the compositor refused one, which is the last of its kind then. */
    void (*changed)(gpointer data);
    void (*let_go)(gpointer data); /* the compositor reads one buffer less */
} VmGuestDmabufEvents;

/* NULL where the compositor takes no dmabufs. `events` stay the caller's and are called with `data`. */
VmGuestDmabuf *vm_guest_dmabuf_new(const VmWayland *wayland, struct wl_surface *below,
                                   const VmGuestDmabufEvents *events, gpointer data);
/* NULL is fine. */
void vm_guest_dmabuf_free(VmGuestDmabuf *self);
/* Dmabufs of the machine's memory, and what a graphics card drew: the one may be refused and the other shown. */
gboolean vm_guest_dmabuf_is_refused(const VmGuestDmabuf *self);
gboolean vm_guest_dmabuf_is_texture_refused(const VmGuestDmabuf *self);

/*
 * What is to be shown; the descriptor is the caller's. It has been checked that the pixels lie inside of it.
 */
void vm_guest_dmabuf_set_picture(VmGuestDmabuf *self, const VmGuestPicture *shown);
/*
 * Show the core of the placement `at` from the next commit of the surface below on; `damage` in guest pixels.
 * FALSE, and no change, when that cannot be (yet).
 */
gboolean vm_guest_dmabuf_show(VmGuestDmabuf *self, const VmPlacement *at,
                              const cairo_region_t *damage);
/* Whether that would show another buffer than is shown now. */
gboolean vm_guest_dmabuf_is_other(const VmGuestDmabuf *self);
/* The number of the buffer that is shown, each time another one is: later ones are larger. */
guint64 vm_guest_dmabuf_get_turn(const VmGuestDmabuf *self);
/* Whether the compositor still has one whose turn was before that. */
gboolean vm_guest_dmabuf_reads_older(const VmGuestDmabuf *self, guint64 turn);
/* Gone with the next commit of the surface below. */
void vm_guest_dmabuf_hide(VmGuestDmabuf *self);

G_END_DECLS
