/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A guest's picture as an image file. */

#include <gdk-pixbuf/gdk-pixbuf.h>

#include "vmm/client/vm-console.h"

G_BEGIN_DECLS

/* A copy in guest pixels; caller unrefs. */
GdkPixbuf *vm_screenshot_copy(const VmPicture *picture);

/* Save in the user's Pictures folder as "TITLE 2026-11-21 14-07-31.png", in a thread. */
void vm_screenshot_save_async(GdkPixbuf *pixbuf, const char *title, GCancellable *cancellable,
                              GAsyncReadyCallback callback, gpointer user_data);
/* The path, to be freed with g_free(), or NULL with `error` set. */
char *vm_screenshot_save_finish(GAsyncResult *result, GError **error);

G_END_DECLS
