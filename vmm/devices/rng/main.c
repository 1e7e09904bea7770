/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * vmm-rng: random bytes for the guest. Owns a control socket to the supervisor and a vhost-user
 * socket to the machine, and ends when either of them does.
 */

#include <errno.h>
#include <string.h>

#include "vmm/devices/rng/policy.h"
#include "vmm/devices/rng/rng.h"
#include "vmm/jail/start.h"
#include "vmm/protocol/device.h"

int
main(int argc, char **argv)
{
    cleanup(loop_destroyp) struct loop *loop = NULL;
    cleanup(rng_destroyp) struct rng *rng = NULL;
    struct device_setup setup;

    if (jail_print_policy(&rng_policy, argc, argv)) {
        return 0;
    }
    if (start_receive_setup(&setup, sizeof(setup)) < 0) {
        return 1;
    }
    loop = loop_create();
    rng = loop ? rng_create(loop, setup.vhost_fd) : NULL;
    if (!rng || start_watch_control(loop) < 0) {
        return start_fail("internal", "The random number device cannot start: %s.",
                          strerror(errno));
    }
    if (start_enter_jail(&rng_policy, &setup.start) < 0) {
        return 1;
    }
    return loop_run(loop);
}
