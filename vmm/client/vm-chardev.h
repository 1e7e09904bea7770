/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One serial port or virtio console of a machine. Made by VmConnection only. */

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * VmChardev:
 *
 * Properties, all of which notify: "name" ("serial.0", "console.0"), "label" (for people),
 * "connected".
 */
#define VM_TYPE_CHARDEV (vm_chardev_get_type())
G_DECLARE_FINAL_TYPE(VmChardev, vm_chardev, VM, CHARDEV, GObject)

/**
 * vm_chardev_get_name:
 *
 * Returns: the port: "serial.0", "console.0"
 */
const char *vm_chardev_get_name(VmChardev *self);
/**
 * vm_chardev_get_label:
 *
 * Returns: what the machine calls it, for people
 */
const char *vm_chardev_get_label(VmChardev *self);
/**
 * vm_chardev_get_connected:
 *
 * Returns: whether vm_chardev_open_async() can be asked now
 */
gboolean vm_chardev_get_connected(VmChardev *self);

/**
 * vm_chardev_open_async:
 *
 * Asks for a new stream on the port: first the last 1 MiB of what the guest wrote, then live; what is
 * written to it goes to the guest. Several streams may be open. The machine closes the stream of a
 * reader that stays 4 MiB behind, and of all when the connection is lost: on "connected" open again,
 * and expect the whole history again.
 */
void vm_chardev_open_async(VmChardev *self, GCancellable *cancellable, GAsyncReadyCallback callback,
                           gpointer user_data);
/**
 * vm_chardev_open_finish:
 *
 * Returns: a non-blocking, close-on-exec stream socket that the caller closes, or -1 with @error set
 */
int vm_chardev_open_finish(VmChardev *self, GAsyncResult *result, GError **error);

G_END_DECLS
