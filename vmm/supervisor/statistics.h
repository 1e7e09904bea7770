/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmm/supervisor/vm.h"

/* CPU time, memory and jail of every process of the machine, from /proc, and what its disks moved. */
void statistics_gather(const struct vm *vm, struct display_statistics *ret_statistics);
