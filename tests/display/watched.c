/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/display/watched.h"

void
watched_begin(Watched *watched)
{
    watched->rig = rig_new();
    rig_gpu_hello(watched->rig, 1);
}

void
watched_listen(Watched *watched)
{
    watched->client = rig_connect(watched->rig);
    rig_wait_for_consoles(watched->client, 1);
    watched->listener = peer_listen_dmabuf(watched->client, CONSOLE_0);
}

void
watched_clear(Watched *watched)
{
    g_clear_pointer(&watched->listener, peer_listener_free);
    g_clear_object(&watched->client);
    g_clear_pointer(&watched->rig, rig_free);
}
