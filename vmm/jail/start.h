/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The child's half of vmm/protocol/start.h, for plain C children.
 */

#include <stddef.h>
#include <sys/types.h>

#include "vmm/base/loop.h"
#include "vmm/base/message.h"
#include "vmm/jail/jail.h"
#include "vmm/protocol/start.h"

/*
 * Receive the setup structure of `size` bytes on START_FD_CONTROL into `setup` (whose first member is
 * struct start_setup) and set the log level. 0 or -errno.
 */
int start_receive_setup(void *setup, size_t size);

/* Enter the jail (unless START_FLAG_NO_JAIL) and answer START_READY; on failure answers START_FAILED. */
int start_enter_jail(const struct jail_policy *policy, const struct start_setup *setup);
/* The same after jail_drop_early(). */
int start_enter_jail_late(const struct jail_policy *policy, const struct start_setup *setup,
                          struct jail_early *early);

/*
 * A message on START_FD_CONTROL after the setup, as message_receive(); `size` is sizeof(struct start_trace)
 * or more. START_TRACE is obeyed here, and -EAGAIN returned. Descriptors of any other message go to `fds`,
 * or are closed when that is NULL.
 */
ssize_t start_receive(void *message, size_t size, struct message_fds *fds);

/*
 * For children that get no messages of their own after their setup: leave `loop` with status 0 when the supervisor
 * closes the control socket, 1 when it says anything. 0 or -errno. Call before the jail.
 */
int start_watch_control(struct loop *loop);

/* Answer START_FAILED with an error id and a sentence. Always returns 1, for `return start_fail(...)`. */
int start_fail(const char *id, const char *format, ...) __attribute__((format(printf, 2, 3)));
