/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The model of one scanout: the display that is plugged in, what it shows now and its cursor. Everything
 * in it has been checked.
 *
 * Signals: "scanout-changed" (), "damage" (const VmRect *), "cursor-changed" (), "cursor-moved" (),
 * "flips-changed" (): vm_screen_get_flips() does; "shown" (guint buffer_id): no viewer has an older one;
 * "textures-changed" (): vm_screen_get_textures() does; "pixels-wanted" (); "pixels" (const VmScanout *).
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
    guint32 buffer_id; /* as gpu calls it */
    guint x;           /* in a texture, whose layout is the buffer's; else 0 */
    guint y;
} VmScanout;

/* Somebody who shows the buffers themselves; the caller's, while it is added. */
typedef struct {
    guint64 shown; /* the serial of what is on its screen */
    gboolean late; /* it does not say so in time: nobody waits for it */
} VmScreenViewer;

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
/* Of what is shown; each new scanout has the next one. */
guint64 vm_screen_get_serial(VmScreen *self);
void vm_screen_add_viewer(VmScreen *self, VmScreenViewer *viewer);
void vm_screen_remove_viewer(VmScreen *self, VmScreenViewer *viewer);
/* It has that one on the screen, or (VM_SCREEN_LATE) did not say so in time. */
#define VM_SCREEN_LATE G_GUINT64_CONSTANT(0)
void vm_screen_set_shown(VmScreen *self, VmScreenViewer *viewer, guint64 serial);
/* Whether there are viewers: new pixels should come in other buffers. */
gboolean vm_screen_get_flips(VmScreen *self);
/*
 * Who gets pictures, and whether it takes textures: they come while all do, and there is one. While others
 * are shown one, pixels are on the way to them.
 */
void vm_screen_add_listener(VmScreen *self, gboolean textures);
void vm_screen_remove_listener(VmScreen *self, gboolean textures);
gboolean vm_screen_get_textures(VmScreen *self);
/* What it shows is a texture: nobody here can read it. */
gboolean vm_screen_shows_texture(VmScreen *self);
/*
 * Of a screen that shows a texture: "pixels" comes, with the picture as it is then, valid during the signal;
 * NULL when there is none. Soon, unless the gpu process is gone.
 */
void vm_screen_ask_pixels(VmScreen *self);
/* They are here; `pixels` NULL or without a buffer: what is shown has some itself, or nothing is. */
void vm_screen_set_pixels(VmScreen *self, const VmScanout *pixels);
/* Clipped to the scanout. */
void vm_screen_damage(VmScreen *self, guint x, guint y, guint width, guint height);
void vm_screen_set_cursor(VmScreen *self, const struct gpu_cursor *cursor);
void vm_screen_hide_cursor(VmScreen *self);
void vm_screen_move_cursor(VmScreen *self, guint x, guint y);

/* The pixman name of a DRM fourcc that gpu.h allows; 0 for any other. */
guint32 vm_screen_pixman_format(guint32 fourcc);

G_END_DECLS
