/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmm/supervisor/vm.h"

/*
 * Start one child by its row: control socket, log pipe, the row's descriptors, stage one of the
 * jail, and its setup message. The descriptors stay the machine's. 0, or -1 with *failure set.
 */
int child_spawn(struct child *child, struct failure *failure);

/* End it if it runs, reap it, and close our ends. */
void child_kill(struct child *child);

/* Reap an ended child and say how it went; NULL-safe for `failure`. */
void child_reap(struct child *child, struct failure *failure);

/* Take our ends out of the loop and close them. */
void child_close(struct child *child);

/* Send a message that is a header only. */
int child_send(struct child *child, uint32_t type);
