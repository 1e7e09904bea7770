/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * vmm-gpu: the graphics card. Reads the guest's requests, keeps the pixels in sealed memory that it
 * makes itself, and tells vmm-display which part of which memory to show. Ends when the supervisor
 * or the machine closes its socket; a display process may come and go.
 */

#include <errno.h>
#include <string.h>

#include "vmm/devices/gpu/gpu.h"
#include "vmm/devices/gpu/policy.h"
#include "vmm/jail/start.h"

int
main(int argc, char **argv)
{
    cleanup(loop_destroyp) struct loop *loop = NULL;
    cleanup(gpu_destroyp) struct gpu *gpu = NULL;
    struct gpu_setup setup;

    if (jail_print_policy(&gpu_policy, argc, argv)) {
        return 0;
    }
    if (start_receive_setup(&setup, sizeof(setup)) < 0) {
        return 1;
    }
    loop = loop_create();
    gpu = loop ? gpu_create(loop, &setup) : NULL;
    if (!gpu || start_watch_control(loop) < 0) {
        return start_fail("internal", "The graphics card cannot start: %s.", strerror(errno));
    }
    if (start_enter_jail(&gpu_policy, &setup.device.start) < 0) {
        return 1;
    }
    return loop_run(loop);
}
