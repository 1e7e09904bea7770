/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A guest's connection with the compositor, both ways through the filter. Messages and descriptors
 * are passed on whole and in order; while one side does not read, the other is not read either.
 */

#include "vmm/base/loop.h"

struct relay;

/* The connection has ended (by itself or by the filter): relay_destroy() may be called. */
typedef void (*relay_ended)(void *data, struct relay *relay);

/* Both sockets are taken over. NULL with errno set on failure. */
struct relay *relay_create(struct loop *loop, int guest_fd, int compositor_fd, relay_ended ended,
                           void *data);
void relay_destroy(struct relay *relay);
