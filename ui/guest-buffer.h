/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The pixels that a compositor is shown: the machine's memory itself, or two buffers of our own with a
 * copy of what changed.
 */

#include "ui/wayland.h"
#include "vmm/client/vm-console.h"

G_BEGIN_DECLS

typedef struct vm_guest_buffer VmGuestBuffer;

/* How the copy differs from the picture. */
typedef struct {
    guint width; /* device pixels, at least those of the expanded picture; the rest is black */
    guint height;
    guint expand;
    gboolean faded; /* without colour */
} VmGuestCopy;

/*
 * The picture in file `fd` from `offset` on, without a copy. NULL when the compositor could not map the
 * file for sure or does not know the format: an error of it would end our connection.
 */
VmGuestBuffer *vm_guest_buffer_new_shared(const VmWayland *wayland, const VmPicture *picture,
                                          int fd, gsize offset);
/* NULL when there is no memory for it. */
VmGuestBuffer *vm_guest_buffer_new_copy(const VmWayland *wayland, const VmGuestCopy *copy);
/* The compositor may go on reading: what it needs stays until it lets go. NULL is fine. */
void vm_guest_buffer_free(VmGuestBuffer *self);

/*
 * Put `damage` (guest pixels; taken into account also for later) of the picture onto the surface, up to
 * the commit. FALSE when the compositor holds all buffers: try again after the next frame.
 */
gboolean vm_guest_buffer_attach(VmGuestBuffer *self, struct wl_surface *surface,
                                const VmPicture *picture, const cairo_region_t *damage);

G_END_DECLS
