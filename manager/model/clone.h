/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A second machine like another: its definition, and disks of its own. */

#include "manager/model/store.h"
#include "vmm/client/vm-machines.h"

typedef struct {
    VmMachine *machine;
    const char *title; /* of the new one */
    VmCloneFlags flags;
} VmCloneWish;

/*
 * The new machine is in the store at once, with the state VM_MACHINE_BUILDING and "Copying… 40 %",
 * and off when all is there; vmm/client/clone.h says what is copied. Finish gives the machine, borrowed, or
 * NULL with error set and nothing left behind: G_IO_ERROR_CANCELLED after vm_machine_cancel_making().
 */
void vm_clone_async(VmStore *store, const VmCloneWish *wish, GAsyncReadyCallback callback,
                    gpointer user_data);
VmMachine *vm_clone_finish(GAsyncResult *result, GError **error);

/* Whether it can be done, and the bytes that it takes on the disk, at most. Reads the headers of the disks. */
gboolean vm_clone_look(VmStore *store, VmMachine *machine, VmCloneFlags flags, guint64 *ret_size,
                       GError **error);
/* Bytes that are free where a new machine gets its disks. */
gboolean vm_clone_get_room(VmStore *store, guint64 *ret_bytes);

/* At the end of the program: as vm_machine_cancel_making() for each, waits for them, and undoes what they made. */
void vm_clone_stop_all(VmStore *store);

/*
 * Removes what copies left that were killed (vmm/client/half-made.h); at the start of the program. A sentence
 * about it, for g_free(); NULL when there was nothing.
 */
char *vm_clone_remove_half_made(VmStore *store);

/* "Debian 12" -> "Debian 12 (copy)"; free with g_free(). */
char *vm_clone_title(VmMachine *machine);
