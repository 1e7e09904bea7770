/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * All machines of the user: a GListModel of VmMachine that follows the folder of the definitions, and that
 * of the machines that run: one without a definition is there as long as it runs, or its end was a problem
 * that nobody has dismissed.
 * Unsorted. A machine that was deleted is gone from the list at once and in the trash when the
 * deletion is committed.
 */

#include <gio/gio.h>

#include "manager/model/machine.h"
#include "vmm/client/vm-seed.h"

#define VM_TYPE_STORE (vm_store_get_type())
G_DECLARE_FINAL_TYPE(VmStore, vm_store, VM, STORE, GObject)

/* Reads the folder; makes it when it is missing. */
VmStore *vm_store_new(void);

/* Where new machines get a folder for their disks; "" or NULL: the usual place. */
void vm_store_set_disk_folder(VmStore *self, const char *folder);
/* The folder for the disks of a new machine of that name; not made yet. g_free(). */
char *vm_store_new_folder(VmStore *self, const char *name);
/* Notes it in the definition where it is not the usual one. */
void vm_store_note_folder(VmStore *self, VmJson *definition, const char *folder);
/* The folder that is noted there was made for this machine: it goes with it (vmm/client/own-folder.h). */
void vm_store_mark_folder(VmJson *definition);

/* A machine whose files are being made appears in the list, and goes again when that fails. */
void vm_store_adopt(VmStore *self, VmMachine *machine);
void vm_store_forget(VmStore *self, VmMachine *machine);
/* The copy is all there, or error says why not: tells those who listen, but of no cancelled one. */
void vm_store_copy_ended(VmStore *self, VmMachine *machine, const GError *error);

/* One of vm_machine_new_at() that is connected now: it is in the list, or the one that is the same run and
 * was there before. Borrowed. */
VmMachine *vm_store_take_found(VmStore *self, VmMachine *machine);

/* Writes a definition for one that was started elsewhere and runs: it stays when that run has ended. The machine
 * in the list: the same, or another with a name of the title's. Borrowed; NULL with a sentence for people in error. */
VmMachine *vm_store_keep(VmStore *self, VmMachine *found, const char *title, GError **error);

/* NULL when there is none. Borrowed. */
VmMachine *vm_store_find(VmStore *self, const char *name);

/* Writes a new definition; the title in it makes the name. A seed, or NULL, becomes its last disk, in the
 * machine's own folder. Borrowed; NULL with error set. */
VmMachine *vm_store_add(VmStore *self, VmJson *definition, VmSeed *seed, GError **error);

/* Makes the Debian guest; its machine is in the list while it is being made. NULL with error set. */
VmMachine *vm_store_build(VmStore *self, const char *title, GError **error);

/* Signal "build-failed" (VmProblem): the machine is gone from the list; not for a cancelled one. */
/* Signal "build-finished" (VmMachine). */
/* Signals "copy-failed" (VmProblem), "copy-finished" (VmMachine): the same for a copy. */

/*
 * The machine must be off. Takes it from the list; undo puts it back, commit trashes its files, and with
 * outside_disks also those of vmm/client/outside-disks.h.
 */
void vm_store_remove(VmStore *self, VmMachine *machine);
void vm_store_undo_remove(VmStore *self, VmMachine *machine);
gboolean vm_store_commit_remove(VmStore *self, VmMachine *machine, gboolean outside_disks,
                                GError **error);
