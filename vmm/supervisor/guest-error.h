/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* RFC-0210's names for what goes wrong with a machine. */

#include "vmm/protocol/display.h"
#include "vmm/supervisor/vm.h"

/* `vm` NULL: nothing was made yet. GUEST_ERROR_NONE: the guest ended by itself. */
enum guest_error guest_error_of(const struct vm *vm, const struct failure *end);
