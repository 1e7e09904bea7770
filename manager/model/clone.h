/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A second machine like another: its definition, and copies of the disks that it may write. */

#include "manager/model/store.h"

/*
 * The new machine is in the store at once, with the state VM_MACHINE_BUILDING and "Copying… 40 %",
 * and off when all is there. Files in the machine's own folder and writable disks are copied (shared
 * by the file system where it can), read-only disks and other files are used by both. Finish gives
 * the machine, borrowed, or NULL with error set and nothing left behind: G_IO_ERROR_CANCELLED after
 * vm_machine_cancel_making().
 */
void vm_clone_async(VmStore *store, VmMachine *machine, const char *title,
                    GAsyncReadyCallback callback, gpointer user_data);
VmMachine *vm_clone_finish(GAsyncResult *result, GError **error);

/* As vm_machine_cancel_making() for each, and waits until they have ended: nothing half-made stays behind. */
void vm_clone_stop_all(VmStore *store);

/* "Debian 12" -> "Debian 12 (copy)"; free with g_free(). */
char *vm_clone_title(VmMachine *machine);
