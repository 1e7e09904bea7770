/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A disk of a machine that is off becomes longer. While the machine runs its own process does that:
 * vm_connection_resize_disk_async(). */

#include "vmm/client/disk-files.h"

/*
 * Whether disk number `index` of all that `json`, the definition of the machine `name`, and the files that it
 * includes name, those of files first as when it runs, can grow while no process has
 * it open: how long it is and how much room the host has for it, in bytes. FALSE with error: read-only
 * (G_IO_ERROR_READ_ONLY), several files or a device (G_IO_ERROR_NOT_SUPPORTED), needed by another machine as
 * it is (G_IO_ERROR_PERMISSION_DENIED), no such disk (G_IO_ERROR_NOT_FOUND), or what vm_disk_files() says.
 */
gboolean vm_disk_look_at_size(VmJson *json, const char *name, guint index, guint64 *ret_size,
                              guint64 *ret_room, GError **error);

/*
 * Make it `size` bytes long, more than now and a multiple of 4096. The file is as it was when this fails:
 * also with G_IO_ERROR_BUSY while a process has the disk open, G_IO_ERROR_NO_SPACE,
 * G_IO_ERROR_INVALID_ARGUMENT for the size. Of a qcow2 image only the header is read, and what follows from
 * it is written; G_IO_ERROR_NOT_SUPPORTED where that is not enough.
 */
gboolean vm_disk_grow(VmJson *json, const char *name, guint index, guint64 size, GError **error);
