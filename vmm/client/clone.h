/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a second machine like another is made of: a definition, and copies of the disks it may write. */

#include <gio/gio.h>

#include "vmm/client/json.h"

typedef struct VmClonePlan VmClonePlan;

/*
 * Of the machine `name`, whose definition is copied. The new one gets `title` and files in `folder`,
 * which is made when there are any: copies of what lies in the old one's own folder and of the disks
 * that it may write; other files are used by both. Nothing is done yet. Free it.
 */
VmClonePlan *vm_clone_plan_new(VmJson *definition, const char *name, const char *title,
                               const char *folder);
void vm_clone_plan_free(VmClonePlan *plan);

/* Borrowed, to be saved when the files are there. */
VmJson *vm_clone_plan_get_definition(VmClonePlan *plan);

/*
 * Makes the copies, shared by the file system where it can. May be called in a thread. An image that
 * names other files (composite, qcow2 with a backing file) is refused: G_IO_ERROR_NOT_SUPPORTED.
 */
gboolean vm_clone_plan_run(VmClonePlan *plan, GCancellable *cancellable, GError **error);
/* Of the bytes; from any thread. */
int vm_clone_plan_get_percent(VmClonePlan *plan);
/* Removes what was made. */
void vm_clone_plan_undo(VmClonePlan *plan);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmClonePlan, vm_clone_plan_free)
