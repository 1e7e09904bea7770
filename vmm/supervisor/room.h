/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * When the host has no room for what a guest writes to a disk: vmm-block keeps the request, the machine
 * is paused, and goes on when every disk that waits could do its request after all.
 */

#include <stdbool.h>
#include <stddef.h>

#include "vmm/protocol/device.h"
#include "vmm/supervisor/vm.h"

/* BLOCK_FULL or BLOCK_RETRIED of a disk. False when it may not say that. */
bool room_on_message(struct child *disk, const struct block_room *message, size_t size);
/* Some disk waits for room. */
bool room_is_lacking(const struct vm *vm);
/* Have the disks that wait try again; the machine goes on when all of them could. */
void room_try_again(struct vm *vm);
/* One sentence for people: which disk, where, how much is free, what to do. */
void room_describe(const struct vm *vm, char *sentence, size_t size);
