/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One screen of a machine with its keyboard and pointer. Made by VmConnection only.
 *
 * Pictures arrive only between vm_console_hold() and vm_console_release() (counted): a hidden view
 * releases, and the machine then does no work for it.
 */

#include <gio/gio.h>

G_BEGIN_DECLS

typedef enum {
    VM_FORMAT_XRGB8888, /* memory B G R X: CAIRO_FORMAT_RGB24 */
    VM_FORMAT_ARGB8888, /* memory B G R A, premultiplied: CAIRO_FORMAT_ARGB32 */
    VM_FORMAT_XBGR8888, /* memory R G B X */
    VM_FORMAT_ABGR8888, /* memory R G B A */
} VmFormat;

/* The picture, as the guest writes it: mapped from the machine, not a copy. */
typedef struct {
    const guint8 *pixels;
    guint width;
    guint height;
    guint stride; /* bytes; at least 4 * width */
    VmFormat format;
} VmPicture;

typedef struct {
    const guint32 *pixels; /* width * height, ARGB8888 premultiplied */
    guint width;
    guint height;
    guint hot_x;
    guint hot_y;
} VmCursor;

typedef enum {
    VM_BUTTON_LEFT = 0,
    VM_BUTTON_MIDDLE = 1,
    VM_BUTTON_RIGHT = 2,
    VM_BUTTON_WHEEL_UP = 3,   /* press only: one step */
    VM_BUTTON_WHEEL_DOWN = 4, /* press only: one step */
    VM_BUTTON_SIDE = 5,
    VM_BUTTON_EXTRA = 6,
} VmButton;

/*
 * Properties (all notify): "number" uint, "label" string, "connected" boolean, "modifiers" uint
 * (1 scroll, 2 num, 4 caps lock lamp), "width" and "height" uint (of the picture, 0 while there is none).
 *
 * Signals:
 *   "scanout-changed"  ()  the picture is another one (size, memory, or none at all): everything
 *                          that vm_console_get_picture() gave before is invalid from here on
 *   "damage"           (int x, int y, int width, int height)  new pixels in the same picture
 *   "cursor-changed"   ()  vm_console_get_cursor() gives something else
 *   "stalled"          ()  a keyboard or pointer call got no answer for 5 s
 */
#define VM_TYPE_CONSOLE (vm_console_get_type())
G_DECLARE_FINAL_TYPE(VmConsole, vm_console, VM, CONSOLE, GObject)

guint vm_console_get_number(VmConsole *self);
const char *vm_console_get_label(VmConsole *self);
gboolean vm_console_get_connected(VmConsole *self);
guint vm_console_get_modifiers(VmConsole *self);

void vm_console_hold(VmConsole *self);
void vm_console_release(VmConsole *self);

/* FALSE while there is no picture. Valid until the next "scanout-changed". */
gboolean vm_console_get_picture(VmConsole *self, VmPicture *ret_picture);
/* FALSE while the guest hides its cursor or has none. Valid until the next "cursor-changed". */
gboolean vm_console_get_cursor(VmConsole *self, VmCursor *ret_cursor);

/*
 * Input, in order, without waiting; dropped while not connected. `code` is evdev KEY_xxx; pixels are
 * the picture's. Keys that are down when the connection ends are released by the machine.
 */
void vm_console_press_key(VmConsole *self, guint code);
void vm_console_release_key(VmConsole *self, guint code);
/* The keys of one character on a US keyboard, pressed and let go; FALSE when it has no such key. */
gboolean vm_console_type_character(VmConsole *self, gunichar character);
/* Whether calls wait for the machine's answer; they are lost when the connection is closed. */
gboolean vm_console_has_unsent_input(VmConsole *self);
void vm_console_move_pointer(VmConsole *self, guint x, guint y);
void vm_console_press_button(VmConsole *self, VmButton button);
void vm_console_release_button(VmConsole *self, VmButton button);

/* The size that the guest should use, in device pixels; millimetres 0 when unknown. */
void vm_console_set_size(VmConsole *self, guint width, guint height, guint width_mm,
                         guint height_mm);

/*
 * A copy of the current picture that fits max_width x max_height (0: no limit); works without hold.
 * Finish returns the bytes of a VM_FORMAT_XRGB8888 picture and fills the sizes; NULL with `error` set.
 */
typedef struct {
    GBytes *bytes;
    guint width;
    guint height;
    guint stride;
} VmThumbnail;

void vm_thumbnail_free(VmThumbnail *thumbnail);
void vm_console_get_thumbnail_async(VmConsole *self, guint max_width, guint max_height,
                                    GCancellable *cancellable, GAsyncReadyCallback callback,
                                    gpointer user_data);
VmThumbnail *vm_console_get_thumbnail_finish(VmConsole *self, GAsyncResult *result, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmThumbnail, vm_thumbnail_free)

G_END_DECLS
