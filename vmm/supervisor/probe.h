/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Trying things out in the jail that every part of a machine gets. */

#include "vmm/supervisor/failure.h"

/*
 * Run `vmm-machine --probe` with `kvm_fd`: 0 when KVM ran its payload, else -1 with the id and the
 * sentence that it said.
 */
int probe_run(int kvm_fd, struct failure *failure);
/* Start a helper in stage one of the jail and nothing more. 0, or -1 with *failure set. */
int probe_sandbox(struct failure *failure);
