/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Lifecycle mode: what a client passed stands in the configuration as "fd:N". */

#include "vmm/base/message.h"

/*
 * A copy of the descriptor that `path` names, close-on-exec, the caller's; it shares its file
 * position and flags with the client's. `flags` O_RDONLY, O_WRONLY or O_RDWR: what it must be open
 * for. -EINVAL: no handle is named so; -EACCES: it is not open for that.
 */
int handle_open(const struct message_fds *handles, const char *path, int flags);
