/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * vmm-wayland-guard: stands between the guest's Wayland clients and the host's compositor. It sees to
 * it that the compositor treats them as sandboxed, or hides from them what is not for guests, and
 * gives vmm-gpu one connection for each of them. Ends when the supervisor or vmm-gpu closes its
 * socket.
 */

#include <errno.h>
#include <string.h>

#include "vmm/jail/start.h"
#include "vmm/wayland-guard/guard.h"
#include "vmm/wayland-guard/policy.h"

int
main(int argc, char **argv)
{
    cleanup(loop_destroyp) struct loop *loop = NULL;
    cleanup(guard_destroyp) struct guard *guard = NULL;
    struct guard_setup setup;

    if (jail_print_policy(&wayland_guard_policy, argc, argv)) {
        return 0;
    }
    if (start_receive_setup(&setup, sizeof(setup)) < 0) {
        return 1;
    }
    setup.vm_name[sizeof(setup.vm_name) - 1] = '\0';
    setup.vm_uuid[sizeof(setup.vm_uuid) - 1] = '\0';
    loop = loop_create();
    guard = loop ? guard_create(loop, &setup, START_FD_CONTROL) : NULL;
    if (!guard) {
        return start_fail("internal", "The Wayland guard cannot start: %s.", strerror(errno));
    }
    if (start_enter_jail(&wayland_guard_policy, &setup.start) < 0) {
        return 1;
    }
    return loop_run(loop);
}
