/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One Wayland client of the guest and its connection to the host's compositor. Messages pass
 * unchanged but for what memory and descriptors need: shared-memory pools become buffers that the
 * host sees too, pipes and keymaps become ones of this kernel. Object ids are the same on both sides.
 *
 * The client and the host are both taken as hostile: what breaks the protocol ends the session.
 */

#include "vmm/base/loop.h"
#include "vmm/guest/wayland-proxy/channel.h"

struct session;

struct session_statistics {
    uint64_t commits;        /* with changed pixels */
    uint64_t copied_bytes;   /* from the client's memory into the host's */
    uint64_t damaged_pixels; /* that the client reported, clipped to its buffers */
};

/*
 * `client` and `channel` are taken over. `ended` is called once from the loop when either side is
 * done; the session must be destroyed later, not in it.
 */
struct session *session_create(struct loop *loop, int client, struct channel channel,
                               void (*ended)(void *data), void *data);
void session_destroy(struct session *session);
CLEANUP_DEFINE(struct session, session_destroy)
struct session_statistics session_statistics(const struct session *session);
