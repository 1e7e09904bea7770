/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * vmm-input: one keyboard or pointer. Owns a control socket to the supervisor, a vhost-user socket to
 * the machine and a socket that the display process sends reports on; ends with either of the first
 * two, and outlives the third.
 */

#include <errno.h>
#include <string.h>

#include "vmm/devices/input/input.h"
#include "vmm/devices/input/policy.h"
#include "vmm/jail/start.h"
#include "vmm/protocol/device.h"

int
main(int argc, char **argv)
{
    cleanup(loop_destroyp) struct loop *loop = NULL;
    cleanup(input_destroyp) struct input *input = NULL;
    struct input_setup setup;
    int r;

    if (jail_print_policy(&input_policy, argc, argv)) {
        return 0;
    }
    if (start_receive_setup(&setup, sizeof(setup)) < 0) {
        return 1;
    }
    loop = loop_create();
    r = loop ? input_create(loop, &setup, &input) : -errno;
    if (r < 0) {
        return start_fail("internal", "The input device %s cannot start: %s.",
                          setup.device.start.name, strerror(-r));
    }
    if (start_watch_control(loop) < 0) {
        return start_fail("internal", "The input device cannot start: %s.", strerror(errno));
    }
    if (start_enter_jail(&input_policy, &setup.device.start) < 0) {
        return 1;
    }
    return loop_run(loop);
}
