/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Lifecycle mode, RFC-0210's GuestLifecycle: one connection and the machines that its client makes,
 * one after the other. vmm-display speaks with the client; this process gets descriptors and JSON
 * from it, never paths. Everything ends when the connection does, which is watched here.
 */

#include <stdbool.h>

#include "vmm/supervisor/vm.h"

struct instance_options {
    bool allow_no_namespaces;
    bool verbose;
};

/* Serve the connected Unix stream socket `connection_fd`, which is taken, to its end. Exit status. */
int instance_serve(int connection_fd, const struct instance_options *options);

/* For the event handlers; `vm` is the machine that has the display, or the idle one. */

int instance_connection(const struct instance *instance);
/* Watch for the client's end in the machine's loop too. 0, or -1 with errno set. */
int instance_watch(struct vm *vm);
/* DISPLAY_CREATE came; takes the descriptors. False when it may not come now. */
bool instance_request(struct vm *vm, struct message_fds *fds);
/* All parts stand and the kernel is loaded: tell the display. */
void instance_tell_created(struct vm *vm);
/* The display has ended. */
void instance_lost_display(struct instance *instance, const struct failure *how);
/* End everything now. */
void instance_end(struct instance *instance);
