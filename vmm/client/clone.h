/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a second machine like another is made of: a definition, and files of its own. */

#include <gio/gio.h>

#include "vmm/client/json.h"
#include "vmm/client/vm-machines.h"

typedef struct VmClonePlan VmClonePlan;

/*
 * Of the machine `name`, whose definition is copied. The new one gets `title` and files in `folder`,
 * which is made when there are any, and which must not hold any yet.
 *
 * In full: copies of what lies in the old one's own folder and of the disks that it may write; other files
 * are used by both. Of a qcow2 image with others behind it the image is copied, and those behind it, which
 * are only read, get a second name beside the copy (or are copied, where there can be none). Of a composite
 * disk what names the parts is written anew, parts that may be written are copied, the others get a second
 * name.
 *
 * VM_CLONE_FLAGS_LINKED: a disk that may be written is frozen, and both machines go on in an overlay of
 * their own over it; the clone has a second name of it in its folder, so that deleting either machine takes
 * nothing from the other. vm_clone_plan_get_original() is then what the old one's definition becomes.
 *
 * Disks of files that the definition includes are as its own in that. Where one of them is copied, the new
 * definition includes nothing and says all that they say. They cannot be frozen: that is refused.
 *
 * Nothing is done yet. Reads the included files and the headers of the disks; NULL with error set when they
 * cannot be cloned.
 */
VmClonePlan *vm_clone_plan_new(VmJson *definition, const char *name, const char *title,
                               const char *folder, VmCloneFlags flags, GError **error);
/* What is held (VmCloneSteps) is let go. */
void vm_clone_plan_free(VmClonePlan *plan);

/* Borrowed, to be saved when the files are there. */
VmJson *vm_clone_plan_get_definition(VmClonePlan *plan);
/* The same for the old machine, to be saved first; NULL: it stays as it is. */
VmJson *vm_clone_plan_get_original(VmClonePlan *plan);
/* Bytes that the copies take on the disk, at most. */
guint64 vm_clone_plan_get_size(VmClonePlan *plan);

/* Makes the files; vmm/client/clone-steps.h. May be called in a thread. */
gboolean vm_clone_plan_run(VmClonePlan *plan, GCancellable *cancellable, GError **error);
/*
 * Before the old definition is saved: whether the machine is still what was planned for. G_IO_ERROR_BUSY
 * when somebody changed it since. Notes ("manager") that were changed are taken over.
 */
gboolean vm_clone_plan_check(VmClonePlan *plan, GError **error);
/* Both definitions are saved. */
void vm_clone_plan_end(VmClonePlan *plan);
/* Of the bytes; from any thread. */
int vm_clone_plan_get_percent(VmClonePlan *plan);
/* The old definition cannot be put back: what was made stays, whoever undoes it. */
void vm_clone_plan_keep(VmClonePlan *plan);
/* Removes what was made. */
void vm_clone_plan_undo(VmClonePlan *plan);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmClonePlan, vm_clone_plan_free)
