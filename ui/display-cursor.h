/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The guest's pointer as the desktop's. */

#include <gtk/gtk.h>

#include "vmm/client/vm-console.h"

G_BEGIN_DECLS

/*
 * `scale`: device pixels per logical one, 120ths; the shape is as large as the guest's pixels are.
 * `factor`: the whole one that GTK draws with.
 */
GdkCursor *vm_display_cursor_new(GdkDisplay *display, const VmCursor *shape, guint scale,
                                 int factor);

G_END_DECLS
