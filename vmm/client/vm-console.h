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

/* A picture that is on the host's graphics card: only its driver knows how its pixels lie. */
typedef struct {
    int fd;  /* a dmabuf */
    guint x; /* of the picture in it */
    guint y;
    guint width; /* of it all */
    guint height;
    guint stride; /* bytes */
    guint offset;
    guint32 fourcc;     /* drm_fourcc.h, as the next */
    guint64 modifier;   /* DRM_FORMAT_MOD_INVALID: the memory itself knows */
    gboolean bottom_up; /* the first row is the lowest */
} VmTexture;

typedef enum {
    VM_TEXTURES_NONE,
    VM_TEXTURES_FULL_LENGTH, /* whose file says that it is as long as the picture */
    VM_TEXTURES_ALL,         /* also those that some drivers say to be shorter */
    VM_TEXTURES_LINEAR, /* of full length, and said to be plain rows, which any card can read */
} VmTextures;

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

/**
 * VmConsole:
 *
 * Properties, all of which notify: "number", "label", "connected", "modifiers" (1 scroll, 2 num, 4 caps
 * lock lamp), "width" and "height" (of the picture, 0 while there is none).
 *
 * Signals: "scanout-changed" (): the picture is another one (size, memory, or none at all), and
 * everything that vm_console_get_picture() gave before is invalid from here on; "damage" (int x, y,
 * width, height): new pixels in the same picture; "cursor-changed" (): vm_console_get_cursor() gives
 * something else; "stalled" (): a keyboard or pointer call got no answer for 5 s.
 */
#define VM_TYPE_CONSOLE (vm_console_get_type())
G_DECLARE_FINAL_TYPE(VmConsole, vm_console, VM, CONSOLE, GObject)

/**
 * vm_console_get_number:
 *
 * Returns: the number of its display, from 0
 */
guint vm_console_get_number(VmConsole *self);
/**
 * vm_console_get_label:
 *
 * Returns: what the machine calls it, for people
 */
const char *vm_console_get_label(VmConsole *self);
/**
 * vm_console_get_connected:
 *
 * Returns: whether the machine answers for it now
 */
gboolean vm_console_get_connected(VmConsole *self);
/**
 * vm_console_get_modifiers:
 *
 * Returns: the lamps: 1 scroll, 2 num, 4 caps lock
 */
guint vm_console_get_modifiers(VmConsole *self);

/**
 * vm_console_hold:
 *
 * Lets pictures arrive until vm_console_release() was called as often.
 */
void vm_console_hold(VmConsole *self);
/**
 * vm_console_release:
 *
 * Takes back one vm_console_hold().
 */
void vm_console_release(VmConsole *self);

/**
 * vm_console_get_picture:
 * @ret_picture: (out caller-allocates): valid until the next "scanout-changed"; its pixels are %NULL where
 *   vm_console_get_texture() has it, for who asked for that
 *
 * Returns: FALSE while there is no picture
 */
gboolean vm_console_get_picture(VmConsole *self, VmPicture *ret_picture);
/**
 * vm_console_get_picture_file:
 * @ret_offset: (out): where the picture begins in the file, bytes
 *
 * For those who show the picture without a copy: the memory file it lies in.
 *
 * Returns: a descriptor of the library's, valid until the next "scanout-changed"; -1 without a picture
 */
int vm_console_get_picture_file(VmConsole *self, gsize *ret_offset);
/**
 * vm_console_set_takes_dmabuf:
 *
 * For those who can show a dmabuf without a copy: pictures come as one where the host has them
 * (vm_console_has_dmabuf()). FALSE, as it is at first, when one could not be shown: the next picture,
 * which comes at once, is in a memory file.
 */
void vm_console_set_takes_dmabuf(VmConsole *self, gboolean takes);
/**
 * vm_console_has_dmabuf:
 *
 * Returns: whether the file of vm_console_get_picture_file() is a dmabuf, with one linear plane or as
 *   vm_console_get_texture() says
 */
gboolean vm_console_has_dmabuf(VmConsole *self);
/**
 * vm_console_set_takes_textures:
 *
 * For those who take dmabufs, and can show one that nobody can map: what the guest draws on the host's
 * graphics card comes as vm_console_get_texture() where that is possible, while all who watch take it so.
 * %VM_TEXTURES_NONE, as it is at first, when one could not be shown: the next picture, which comes at once,
 * has pixels. %VM_TEXTURES_FULL_LENGTH for those who pass them on to a Wayland compositor: many end the connection
 * of who shows them a shorter one. %VM_TEXTURES_LINEAR for those who show with another card than the
 * one that draws (vm_connection_get_render_device()): it would take other layouts for its own.
 */
void vm_console_set_takes_textures(VmConsole *self, VmTextures takes);
/**
 * vm_console_get_texture: (skip)
 * @ret_texture: (out caller-allocates): valid until the next "scanout-changed"
 *
 * Returns: FALSE while the picture has pixels, or there is none
 */
gboolean vm_console_get_texture(VmConsole *self, VmTexture *ret_texture);
/**
 * vm_console_set_paced:
 * @paced: whether vm_console_presented() will tell when pictures are on the screen
 *
 * For who shows the machine's dmabufs themselves: it then leaves alone what is on the screen, and makes no
 * more pictures than are shown. What is not presented for 100 ms, as in a window that nobody sees, counts
 * as presented; what follows it does so after a frame's time, until something is presented again.
 */
void vm_console_set_paced(VmConsole *self, gboolean paced);
/**
 * vm_console_get_serial:
 *
 * Returns: the number of pictures and updates so far, for vm_console_presented()
 */
guint64 vm_console_get_serial(VmConsole *self);
/**
 * vm_console_presented:
 * @serial: vm_console_get_serial() as it was when what is on the screen now was taken
 */
void vm_console_presented(VmConsole *self, guint64 serial);
/**
 * vm_console_get_cursor:
 * @ret_cursor: (out caller-allocates): valid until the next "cursor-changed"
 *
 * Returns: FALSE while the guest hides its cursor or has none
 */
gboolean vm_console_get_cursor(VmConsole *self, VmCursor *ret_cursor);

/**
 * vm_console_press_key:
 * @code: KEY_xxx of linux/input-event-codes.h
 *
 * Input goes in order and without waiting, and is dropped while not connected. Keys that are down when
 * the connection ends are released by the machine.
 */
void vm_console_press_key(VmConsole *self, guint code);
/**
 * vm_console_release_key:
 * @code: KEY_xxx of linux/input-event-codes.h
 *
 * Lets go what vm_console_press_key() pressed.
 */
void vm_console_release_key(VmConsole *self, guint code);
/**
 * vm_console_send_keys:
 * @keys: at most eight keys, joined by “+”: “ctrl+alt+delete”
 *
 * Presses the keys in order and lets them go in the opposite one. Names are those of
 * linux/input-event-codes.h without KEY_, in any case, for letters, F1 to F12, modifiers and the keys
 * around them; also ctrl, alt, shift and super; a number is an evdev number.
 *
 * Returns: FALSE, and nothing sent, when a name is unknown
 */
gboolean vm_console_send_keys(VmConsole *self, const char *keys);
/**
 * vm_console_type_character:
 *
 * Presses and lets go the keys of one character on a US keyboard.
 *
 * Returns: FALSE when it has no such key
 */
gboolean vm_console_type_character(VmConsole *self, gunichar character);
/**
 * vm_console_has_unsent_input:
 *
 * Returns: whether calls wait for the machine's answer; they are lost when the connection is closed
 */
gboolean vm_console_has_unsent_input(VmConsole *self);
/**
 * vm_console_move_pointer:
 * @x: pixels of the picture
 * @y: pixels of the picture
 */
void vm_console_move_pointer(VmConsole *self, guint x, guint y);
/**
 * vm_console_press_button:
 *
 * Presses a button of the pointer, or turns its wheel one step.
 */
void vm_console_press_button(VmConsole *self, VmButton button);
/**
 * vm_console_release_button:
 *
 * Lets a button of the pointer go.
 */
void vm_console_release_button(VmConsole *self, VmButton button);

/**
 * vm_console_set_size:
 * @width: device pixels
 * @height: device pixels
 * @width_mm: 0 when unknown
 * @height_mm: 0 when unknown
 *
 * Tells the guest which size it should use.
 */
void vm_console_set_size(VmConsole *self, guint width, guint height, guint width_mm,
                         guint height_mm);

/**
 * VmThumbnail:
 * @bytes: height * stride bytes of %VM_FORMAT_XRGB8888
 * @width: pixels
 * @height: pixels
 * @stride: bytes from one row to the next
 */
typedef struct {
    GBytes *bytes;
    guint width;
    guint height;
    guint stride;
} VmThumbnail;

#define VM_TYPE_THUMBNAIL (vm_thumbnail_get_type())
GType vm_thumbnail_get_type(void);
/**
 * vm_thumbnail_copy:
 *
 * Returns: (transfer full): a copy
 */
VmThumbnail *vm_thumbnail_copy(const VmThumbnail *thumbnail);
/**
 * vm_thumbnail_free:
 *
 * Frees it.
 */
void vm_thumbnail_free(VmThumbnail *thumbnail);

/**
 * vm_console_get_thumbnail_async:
 * @max_width: 0 for no limit
 * @max_height: 0 for no limit
 *
 * Asks for a copy of the current picture, scaled down to fit; works without vm_console_hold().
 */
void vm_console_get_thumbnail_async(VmConsole *self, guint max_width, guint max_height,
                                    GCancellable *cancellable, GAsyncReadyCallback callback,
                                    gpointer user_data);
/**
 * vm_console_get_thumbnail_finish:
 *
 * Returns: (transfer full): the copy
 */
VmThumbnail *vm_console_get_thumbnail_finish(VmConsole *self, GAsyncResult *result, GError **error);

/**
 * vm_console_get_changes:
 *
 * A number that is another one when a thumbnail would be: keep what it was before
 * vm_console_get_thumbnail_async(), and ask again only when it is not that any more. It grows by one at most
 * until the next thumbnail is asked for, and each time it is read where the machine does not tell.
 *
 * Returns: the number, never 0
 */
guint64 vm_console_get_changes(VmConsole *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmThumbnail, vm_thumbnail_free)

G_END_DECLS
