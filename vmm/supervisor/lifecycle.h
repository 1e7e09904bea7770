/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What moves a machine from one state to the next; the handlers of events.c call these. */

#include "vmm/supervisor/vm.h"

/* Do what can be done now: give the machine its next device, or boot. */
void lifecycle_advance(struct vm *vm);
/* The machine has ended or must: keep the reason, ask for the last picture, leave the loop. */
void lifecycle_end(struct vm *vm, const struct failure *end);
/* Leave the loop without waiting any longer. */
void lifecycle_finish(struct vm *vm);

/* Lifecycle mode: a created machine boots. */
void lifecycle_go(struct vm *vm);
void lifecycle_power_button(struct vm *vm);
void lifecycle_sleep_button(struct vm *vm);
void lifecycle_stop(struct vm *vm);
void lifecycle_pause(struct vm *vm, bool pause);
/* The guest runs; also after a pause. */
void lifecycle_running(struct vm *vm);
/* The processors stand still: by request, or from the start on (--suspended). */
void lifecycle_paused(struct vm *vm);
/* Tell the display where the machine stands. */
void lifecycle_tell_display(struct vm *vm);

/* Write names, process numbers and planned descriptors into the runtime folder, for people and tests. */
void lifecycle_list_processes(const struct vm *vm);

/* Start one child and watch it. 0, or -1 with *failure set. */
int lifecycle_start_child(struct child *child, struct failure *failure);
