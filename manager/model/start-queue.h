/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Starts many machines, two at once: the others say "Waiting to start". */

#include "manager/model/machine.h"

#define VM_TYPE_START_QUEUE (vm_start_queue_get_type())
G_DECLARE_FINAL_TYPE(VmStartQueue, vm_start_queue, VM, START_QUEUE, GObject)

VmStartQueue *vm_start_queue_new(void);

/* A machine that runs or waits already is left alone. */
void vm_start_queue_add(VmStartQueue *self, VmMachine *machine);

/* Takes a machine that waits out again. */
void vm_start_queue_remove(VmStartQueue *self, VmMachine *machine);
