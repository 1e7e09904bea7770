/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * vmm-block: one disk. Owns a control socket to the supervisor, a vhost-user socket to the machine
 * and the disk's descriptor, opened by the supervisor; ends with either socket.
 */

#include <errno.h>
#include <string.h>

#include "vmm/devices/block/block.h"
#include "vmm/devices/block/policy.h"
#include "vmm/jail/start.h"
#include "vmm/protocol/device.h"

int
main(int argc, char **argv)
{
    cleanup(loop_destroyp) struct loop *loop = NULL;
    cleanup(block_destroyp) struct block *block = NULL;
    struct block_setup setup;
    int r;

    if (jail_print_policy(&block_policy, argc, argv)) {
        return 0;
    }
    if (start_receive_setup(&setup, sizeof(setup)) < 0) {
        return 1;
    }
    loop = loop_create();
    r = loop ? block_create(loop, &setup, &block) : -errno;
    if (r < 0) {
        return start_fail("bad-config", "The disk of %s cannot be used: %s.",
                          setup.device.start.name, strerror(-r));
    }
    if (start_watch_control(loop) < 0) {
        return start_fail("internal", "The disk device cannot start: %s.", strerror(errno));
    }
    if (start_enter_jail(&block_policy, &setup.device.start) < 0) {
        return 1;
    }
    return loop_run(loop);
}
