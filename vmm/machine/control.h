/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The control thread: vmm/protocol/machine.h with the supervisor at the other end. */

#include "vmm/base/cleanup.h"
#include "vmm/base/loop.h"
#include "vmm/machine/pci.h"
#include "vmm/machine/vm-private.h"

struct control;

/* All three stay the caller's and outlive the control. NULL with errno set on failure. */
struct control *control_create(struct loop *loop, struct vm *vm, struct pci_root *pci);
void control_destroy(struct control *control);
CLEANUP_DEFINE(struct control, control_destroy)
