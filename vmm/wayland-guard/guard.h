/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Connections for vmm-gpu (vmm/protocol/wayland.h); one object per process. */

#include "vmm/base/loop.h"
#include "vmm/protocol/wayland.h"

enum {
    GUARD_CONNECTIONS_MAX = 64,
    GUARD_WAITING_MAX = 64,
};

struct guard;

/*
 * Serve setup's sockets and `control_fd` (to the supervisor, stays the caller's) in `loop`, which is
 * left with status 0 when either ends. The descriptors of `setup`, which must stay valid, belong to
 * the guard from then on. NULL with errno set on failure.
 */
struct guard *guard_create(struct loop *loop, const struct guard_setup *setup, int control_fd);
void guard_destroy(struct guard *guard);
CLEANUP_DEFINE(struct guard, guard_destroy)
