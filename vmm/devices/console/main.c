/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * vmm-console: one virtio console port. Owns a control socket to the supervisor, a vhost-user socket
 * to the machine and a stream socket to the display process; ends with either of the first two, and
 * outlives the third.
 */

#include <errno.h>
#include <string.h>

#include "vmm/devices/console/console.h"
#include "vmm/devices/console/policy.h"
#include "vmm/jail/start.h"
#include "vmm/protocol/device.h"

int
main(int argc, char **argv)
{
    cleanup(loop_destroyp) struct loop *loop = NULL;
    cleanup(console_destroyp) struct console *console = NULL;
    struct console_setup setup;

    if (jail_print_policy(&console_policy, argc, argv)) {
        return 0;
    }
    if (start_receive_setup(&setup, sizeof(setup)) < 0) {
        return 1;
    }
    loop = loop_create();
    console = loop ? console_create(loop, setup.device.vhost_fd, setup.stream_fd) : NULL;
    if (!console || start_watch_control(loop) < 0) {
        return start_fail("internal", "The console cannot start: %s.", strerror(errno));
    }
    if (start_enter_jail(&console_policy, &setup.device.start) < 0) {
        return 1;
    }
    return loop_run(loop);
}
