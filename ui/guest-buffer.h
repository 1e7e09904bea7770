/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The pixels that a compositor is shown: a copy of what changed, in two buffers by turns. A compositor
 * may read a buffer until it lets go, and a guest writes into its picture whenever it likes: shown from
 * the machine's own memory, frames would be half old and half new.
 */

#include "ui/wayland.h"
#include "vmm/client/vm-console.h"

G_BEGIN_DECLS

enum {
    VM_PLAIN_SIZE = 4,
};

typedef struct vm_guest_buffer VmGuestBuffer;

/* How the copy differs from the picture. */
typedef struct {
    guint width; /* device pixels; what the picture does not reach is dark */
    guint height;
    int x; /* where the expanded picture begins; what lies outside is left out */
    int y;
    guint expand;
    gboolean faded; /* without colour */
} VmGuestCopy;

/* NULL when there is no memory for it. */
VmGuestBuffer *vm_guest_buffer_new(const VmWayland *wayland, const VmGuestCopy *copy);
/* The compositor may go on reading: what it needs stays until it lets go. NULL is fine. */
void vm_guest_buffer_free(VmGuestBuffer *self);

typedef struct {
    const cairo_region_t *damage; /* guest pixels */
    cairo_rectangle_int_t except; /* what is not seen, so that it is copied when it is */
    gboolean attach;              /* even when there is nothing new to be seen */
} VmGuestUpdate;

/*
 * Put the damage (taken into account also for later) of the picture onto the surface, up to the commit.
 * FALSE when the compositor holds all buffers: try again after the next frame.
 */
gboolean vm_guest_buffer_attach(VmGuestBuffer *self, struct wl_surface *surface,
                                const VmPicture *picture, const VmGuestUpdate *update);
/* Pixels written so far. */
guint64 vm_guest_buffer_get_n_copied(VmGuestBuffer *self);

/* A square of 0xRRGGBB, to be enlarged by a viewport. NULL when there is no memory for it. */
struct wl_buffer *vm_guest_buffer_new_plain(const VmWayland *wayland, guint32 pixel);

G_END_DECLS
