/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The kernel and initrd of a disk image, by `vmm extract_kernel`; until a machine is made of them they lie in
 * the cache. */

#include <gio/gio.h>

#include "vmm/client/json.h"

/* disk: a path; qcow2: what it is, whatever its name says. */
void vm_disk_boot_async(const char *disk, gboolean qcow2, GCancellable *cancellable,
                        GAsyncReadyCallback callback, gpointer user_data);

/* "kernel", "initrd" where there is one, "params"; for vm_disk_boot_discard(). NULL with error set, in words for
 * people. */
VmJson *vm_disk_boot_finish(GAsyncResult *result, GError **error);

/* Removes those files that nobody kept, and frees the answer. */
void vm_disk_boot_discard(VmJson *boot);

/* Files of an answer that a definition names get the names that they will have in the machine's folder. */
void vm_disk_boot_rename(VmJson *definition, const char *folder);
/* The same, and moves them there. */
gboolean vm_disk_boot_keep(VmJson *definition, const char *folder, GError **error);
