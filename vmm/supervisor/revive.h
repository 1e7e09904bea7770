/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A graphics card that crashes while the guest runs is started again and takes over what the one
 * before had noted (vmm/protocol/gpu-journal.h). The second time within REVIVE_WINDOW_MS it comes
 * without what draws in 3D, the third time it stays away.
 */

#include <stdbool.h>

#include "vmm/supervisor/vm.h"

enum {
    REVIVE_WINDOW_MS = 60 * 1000
};

bool revive_is_card(const struct child *child);
/* It has ended and was reaped. False when it is not to be started again, or cannot be. */
bool revive_card(struct child *card, const struct failure *how);
/* It said START_READY: if it was started again, the machine gets to know it. */
void revive_ready(struct child *card);
/* The machine's answer to that: true for the last one that was due. */
bool revive_answered(struct vm *vm);
/* The guest has its card again. */
void revive_done(struct vm *vm);
/* There will be none: the machine and the display are told. */
void revive_give_up(struct child *card);
