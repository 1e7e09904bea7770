/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Copies of what a screen shows, in memory files. The source may change while it is read. */

#include <gio/gio.h>

#include "display/screen.h"

G_BEGIN_DECLS

enum {
    VM_PICTURE_EDGE_MAX = 8192
};

typedef struct {
    int fd; /* sealed memfd, the caller's */
    guint width;
    guint height;
    guint stride;
} VmPictureFile;

/*
 * Calls `callback` once, at once or later, with what the screen shows in a form that the functions below can
 * read, valid during the call; a scanout without such a buffer when there is nothing, or nobody told it
 * within `limit_ms`.
 */
typedef void (*VmPictureReady)(const VmScanout *scanout, gpointer user_data);
void vm_picture_read(VmScreen *screen, guint limit_ms, VmPictureReady callback, gpointer user_data);

/* XRGB8888, scaled down where it does not fit max_width x max_height (0: no limit but the above). */
gboolean vm_picture_copy(const VmScanout *scanout, guint max_width, guint max_height,
                         VmPictureFile *ret_file, GError **error);

/* A PPM (P6) file, or -1 with `error` set. */
int vm_picture_write_ppm(const VmScanout *scanout, GError **error);

G_END_DECLS
