/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/fuzz/gpu-rig.h"

#include <sys/socket.h>

#include "vmm/base/assert.h"
#include "vmm/base/fd.h"

void
gpu_rig_open(struct gpu_rig *rig)
{
    int pair[2];

    device_rig_open(&rig->device);
    assert(fd_socket_pair(SOCK_SEQPACKET, pair) == 0 && fd_set_nonblocking(pair[0]) == 0);
    rig->display = pair[0];
    rig->gpu = NULL;
    rig->setup = (struct gpu_setup){.device.vhost_fd = rig->device.device_fd,
                                    .display_fd = pair[1],
                                    .wayland_fd = -1,
                                    .render_fd = -1,
                                    .record_fd = -1,
                                    .udmabuf_fd = -1,
                                    .n_scanouts = 2,
                                    .screen = {{.width = GPU_RIG_SIDE, .height = GPU_RIG_SIDE}},
                                    .memory_limit = GPU_RIG_MEMORY_LIMIT};
}

void
gpu_rig_create(struct gpu_rig *rig)
{
    rig->gpu = gpu_create(rig->device.loop, &rig->setup);
    assert(rig->gpu);
}

void
gpu_rig_close(struct gpu_rig *rig)
{
    gpu_destroy(rig->gpu);
    device_rig_close(&rig->device);
    fd_closep(&rig->display);
}
