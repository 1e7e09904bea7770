/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The listener of one console: a link of its own on which the machine calls us. Private to the library.
 *
 * Signals as VmConsole's: "scanout-changed", "damage", "cursor-changed"; and "lost" (): the machine did not
 * take it, or hung up. It is of no use any more then, but for its picture.
 */

#include "vmm/client/vm-console.h"

G_BEGIN_DECLS

#define VM_TYPE_SCREEN_LISTENER (vm_screen_listener_get_type())
G_DECLARE_FINAL_TYPE(VmScreenListener, vm_screen_listener, VM, SCREEN_LISTENER, GObject)

/* Registers on the console at `path`. `dmabuf`: takes dmabufs too. NULL: no descriptor is left. */
VmScreenListener *vm_screen_listener_new(GDBusConnection *link, const char *path, gboolean dmabuf);
/* Hang up. The picture and its memory stay until the object goes. */
void vm_screen_listener_close(VmScreenListener *self);

gboolean vm_screen_listener_get_picture(VmScreenListener *self, VmPicture *ret_picture);
/* As vm_console_get_picture_file(). */
int vm_screen_listener_get_picture_file(VmScreenListener *self, gsize *ret_offset);
/* Whether that file is a dmabuf. */
gboolean vm_screen_listener_has_dmabuf(VmScreenListener *self);
/* Take what nobody can map, or refuse the next. What was refused comes to the next listener only. */
void vm_screen_listener_set_takes_textures(VmScreenListener *self, VmTextures takes);
/* As vm_console_get_texture(). */
gboolean vm_screen_listener_get_texture(VmScreenListener *self, VmTexture *ret_texture);
/* As vm_console_set_paced(), vm_console_get_serial() and vm_console_presented(). */
void vm_screen_listener_set_paced(VmScreenListener *self, gboolean paced);
guint64 vm_screen_listener_get_serial(VmScreenListener *self);
void vm_screen_listener_presented(VmScreenListener *self, guint64 serial);
gboolean vm_screen_listener_get_cursor(VmScreenListener *self, VmCursor *ret_cursor);

G_END_DECLS
