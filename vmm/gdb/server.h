/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Takes in one debugger after the other and stands between it and vmm-machine. A second one while
 * the first is there is hung up on; when one hangs up without a word the guest goes on.
 */

#include "vmm/base/cleanup.h"
#include "vmm/base/loop.h"
#include "vmm/protocol/debug.h"

struct server;

/* The loop and the descriptors of `setup` stay the caller's. NULL with errno set on failure. */
struct server *server_create(struct loop *loop, const struct gdb_setup *setup);
void server_destroy(struct server *server);
CLEANUP_DEFINE(struct server, server_destroy)
