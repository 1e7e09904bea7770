/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Between a guest's port and its terminal: at most 1 MiB a second is shown, so that a guest that writes
 * without end holds up nothing. What comes faster waits; of more than 1.5 MiB the older half is left out,
 * and a line says how much. Nobody could have read it.
 */

#include <vte/vte.h>

typedef struct VmConsoleFeed VmConsoleFeed;

/* `terminal` is not owned and must live longer. */
VmConsoleFeed *vm_console_feed_new(VteTerminal *terminal);
void vm_console_feed_free(VmConsoleFeed *self);

void vm_console_feed_push(VmConsoleFeed *self, const void *bytes, gsize size);
/* Shows all that waits. */
void vm_console_feed_flush(VmConsoleFeed *self);
