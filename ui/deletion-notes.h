/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What stays though its machine is deleted, and why. */

#include "manager/model/machine.h"
#include "ui/undo-toast.h"

/* Below what the toast says of the deletion of these VmMachine; nothing where nothing stays. */
void vm_deletion_notes_add(VmUndoToast *toast, GPtrArray *machines);
