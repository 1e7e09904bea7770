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

/* What instance_serve() is made of, for tests. */

/* Takes `connection_fd`. Never NULL. */
struct instance *instance_create(int connection_fd, const struct instance_options *options);
/* NULL is fine. */
void instance_destroy(struct instance *instance);
CLEANUP_DEFINE(struct instance, instance_destroy)
/* An instance_request() was taken and not read yet. */
bool instance_has_request(const struct instance *instance);
/* The machine that it asks for; once. 0, or -1 with *failure set. */
int instance_read_request(struct instance *instance, struct machine_config *ret_config,
                          struct failure *failure);
/* The descriptors that it speaks of; the instance's. */
const struct message_fds *instance_handles(const struct instance *instance);

/* For the event handlers; `vm` is the machine that has the display, or the idle one. */

int instance_connection(const struct instance *instance);
/* The machine has the display now: watch for the client's end in its loop too. 0, or -1 with errno set. */
int instance_watch(struct vm *vm);
/* DISPLAY_CREATE came; takes the descriptors. False when it may not come now. */
bool instance_request(struct vm *vm, struct message_fds *fds);
/* All parts stand and the kernel is loaded: tell the display. */
void instance_tell_created(struct vm *vm);
/* The display has ended. */
void instance_lost_display(struct instance *instance, const struct failure *how);
/* End everything now. */
void instance_end(struct instance *instance);
