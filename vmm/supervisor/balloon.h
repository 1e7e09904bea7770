/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Questions of clients about the balloon, passed on to its process, and its answers. */

#include "vmm/protocol/balloon.h"
#include "vmm/supervisor/vm.h"

/* DISPLAY_ASK_BALLOON: the answer goes to the display, at once where there is no balloon. */
void balloon_ask(struct vm *vm, const struct balloon_question *question);
/* A message of the balloon process, its size checked to lie within the union. False: nonsense. */
bool balloon_on_message(struct child *child, struct balloon_answer *answer, size_t size);
