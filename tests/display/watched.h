/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A display and a client of it that takes dmabufs: what tests of pictures begin with. */

#include "tests/display/peer.h"
#include "tests/display/rig.h"

G_BEGIN_DECLS

/* On the stack as g_auto(Watched) watched = {NULL}; each part may be taken away before. */
typedef struct {
    Rig *rig;
    GDBusConnection *client;
    PeerListener *listener; /* of the first console */
} Watched;

/* A display of one console, on which the test shows something now. */
void watched_begin(Watched *watched);
/* The client comes. */
void watched_listen(Watched *watched);
void watched_clear(Watched *watched);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Watched, watched_clear)

G_END_DECLS
