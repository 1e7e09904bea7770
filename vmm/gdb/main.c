/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * vmm-gdb, with --gdb only: gdb's remote protocol on one side, vmm-machine on the other. It reads
 * what anybody on this computer may send, so it has nothing else: no guest memory, no KVM. Ends when
 * the supervisor closes its socket, or the machine.
 */

#include <errno.h>
#include <string.h>

#include "vmm/gdb/policy.h"
#include "vmm/gdb/server.h"
#include "vmm/jail/start.h"

int
main(int argc, char **argv)
{
    cleanup(loop_destroyp) struct loop *loop = NULL;
    cleanup(server_destroyp) struct server *server = NULL;
    struct gdb_setup setup;

    if (jail_print_policy(&gdb_policy, argc, argv)) {
        return 0;
    }
    if (start_receive_setup(&setup, sizeof(setup)) < 0) {
        return 1;
    }
    loop = loop_create();
    server = loop && start_watch_control(loop) == 0 ? server_create(loop, &setup) : NULL;
    if (!server) {
        return start_fail("internal", "The debugger's link cannot start: %s.", strerror(errno));
    }
    if (start_enter_jail(&gdb_policy, &setup.start) < 0) {
        return 1;
    }
    return loop_run(loop);
}
