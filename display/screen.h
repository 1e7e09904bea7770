/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The model of one scanout: the display that is plugged in, what it shows now and its cursor. Everything
 * in it has been checked.
 *
 * Signals: "scanout-changed" (), "damage" (const VmRect *), "cursor-changed" (), "cursor-moved" ().
 */

#include <glib-object.h>

#include "display/buffer.h"
#include "display/damage.h"
#include "vmm/protocol/gpu.h"

G_BEGIN_DECLS

/* A rectangle of pixels in a buffer; lies inside it. */
typedef struct {
    VmBuffer *buffer; /* NULL: the scanout is off, and nothing else is valid */
    gsize offset;
    guint width;
    guint height;
    guint stride;
    guint32 fourcc;
} VmScanout;

typedef struct {
    gboolean visible;
    guint hot_x;
    guint hot_y;
    gint x;
    gint y;
    guint32 pixels[GPU_CURSOR_SIZE * GPU_CURSOR_SIZE];
} VmCursorState;

#define VM_TYPE_SCREEN (vm_screen_get_type())
G_DECLARE_FINAL_TYPE(VmScreen, vm_screen, VM, SCREEN, GObject)

VmScreen *vm_screen_new(guint number);
guint vm_screen_get_number(VmScreen *self);

/* What is plugged in; `enabled` 0: nothing, and the rest is meaningless. */
const struct gpu_mode *vm_screen_get_mode(VmScreen *self);
void vm_screen_set_mode(VmScreen *self, const struct gpu_mode *mode);

const VmScanout *vm_screen_get_scanout(VmScreen *self);
const VmCursorState *vm_screen_get_cursor(VmScreen *self);

/* Takes a reference on scanout->buffer. Does nothing when it is what is shown already. */
void vm_screen_set_scanout(VmScreen *self, const VmScanout *scanout);
/*
 * Counted: somebody shows the buffers themselves, so that new pixels should come in others. Signal
 * "flips-changed" when vm_screen_get_flips() does.
 */
void vm_screen_add_flips(VmScreen *self, int n);
gboolean vm_screen_get_flips(VmScreen *self);
/* Clipped to the scanout. */
void vm_screen_damage(VmScreen *self, guint x, guint y, guint width, guint height);
void vm_screen_set_cursor(VmScreen *self, const struct gpu_cursor *cursor);
void vm_screen_hide_cursor(VmScreen *self);
void vm_screen_move_cursor(VmScreen *self, guint x, guint y);

/* The pixman name of a DRM fourcc that gpu.h allows; 0 for any other. */
guint32 vm_screen_pixman_format(guint32 fourcc);

G_END_DECLS
