/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmm/supervisor/vm.h"

/* CPU time and private memory of every process of the machine, from /proc. */
void statistics_gather(const struct vm *vm, struct display_statistics *ret_statistics);
