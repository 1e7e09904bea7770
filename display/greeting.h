/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The D-Bus authentication of a client before sd-bus, a line at a time. sd-bus reads what is there and keeps
 * what came behind BEGIN, up to 64 KiB that nobody has looked at. So it authenticates on a socket pair of our
 * own, on which no more than whole lines of the client's come, and gets the client's socket for it at the end,
 * with all that follows still in it.
 */

#include <glib.h>

G_BEGIN_DECLS

typedef struct vm_greeting VmGreeting;

/*
 * `client_fd` stays the caller's until it is left to the greeting here. `ret_bus_fd` is sd-bus's end, the
 * caller's. NULL, and nothing is taken, when no descriptor is left.
 */
VmGreeting *vm_greeting_new(int client_fd, int *ret_bus_fd);
void vm_greeting_free(VmGreeting *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmGreeting, vm_greeting_free)

/* The client's socket, to be watched. */
int vm_greeting_get_fd(const VmGreeting *self);

/*
 * 1: a line was given to sd-bus; 0: there is no whole one yet; -ECONNRESET: the client hung up; -EMSGSIZE: it
 * is too long; -errno.
 */
int vm_greeting_take_line(VmGreeting *self);
/* What sd-bus said, to the client. -EAGAIN when it does not read, -errno. */
int vm_greeting_give_answer(VmGreeting *self);
/* When sd-bus is ready: the number `bus_fd` is the client's socket from now on. 0 or -errno. */
int vm_greeting_end(VmGreeting *self, int bus_fd);

G_END_DECLS
