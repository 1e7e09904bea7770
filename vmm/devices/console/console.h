/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * virtio-console (virtio 1.2 section 5.3) with one port and no optional features: bytes between the
 * guest and a stream socket. Nothing is buffered here: what the socket does not take stays in the
 * guest's ring, and what the guest has no room for stays in the socket.
 */

#include "vmm/base/loop.h"

struct console;

/*
 * Serve the front end on `vhost_fd` (taken over) and `stream_fd` (stays the caller's). When the
 * stream ends, the guest's output is thrown away from then on. NULL with errno set on failure.
 */
struct console *console_create(struct loop *loop, int vhost_fd, int stream_fd);
void console_destroy(struct console *console);
CLEANUP_DEFINE(struct console, console_destroy)
