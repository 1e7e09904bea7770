/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * vmm-machine: the virtual machine itself. Started by the supervisor with /dev/kvm, guest memory and
 * the serial ports' sockets; makes the machine, closes the jail behind itself, takes one vhost-user
 * socket per device, and after MACHINE_BOOT runs one thread per virtual processor. The first thread
 * serves the supervisor and the event loop and never waits for a processor. The guest's end is
 * reported with MACHINE_ENDED; the death of the supervisor ends the process.
 *
 * vmm-machine --probe [FD]: does KVM work here? FD, or standard input, is /dev/kvm; see probe.h.
 */

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "vmm/base/log.h"
#include "vmm/jail/start.h"
#include "vmm/machine/arch.h"
#include "vmm/machine/control.h"
#include "vmm/machine/debug.h"
#include "vmm/machine/policy.h"
#include "vmm/machine/probe.h"

/* `--policy` alone prints that without a debugger, `--policy debug` the other. */
static bool
print_policy(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--policy") == 0 && strcmp(argv[2], "debug") == 0) {
        return jail_print_policy(&machine_debug_policy, 2, argv);
    }
    return jail_print_policy(&machine_policy, argc, argv);
}

static int
serve(struct loop *loop, const struct machine_setup *setup)
{
    cleanup(vm_destroyp) struct vm *vm = NULL;
    cleanup(pci_root_destroyp) struct pci_root *pci = NULL;
    cleanup(control_destroyp) struct control *control = NULL;
    const struct jail_policy *policy =
        setup->debug_fd >= 0 ? &machine_debug_policy : &machine_policy;
    struct pci_windows windows;
    struct start_failed failed;
    int status;

    if (vm_create(loop, setup, &failed, &vm) < 0) {
        return start_fail(failed.id, "%s", failed.sentence);
    }
    vm->policy = (setup->start.flags & START_FLAG_NO_JAIL) ? NULL : policy;
    arch_pci_windows(vm, &windows);
    pci = pci_root_create(vm, &windows);
    if (!pci) {
        return start_fail("internal", "The PCI bus could not be made: %s.", strerror(errno));
    }
    control = control_create(loop, vm, pci);
    if (!control) {
        return start_fail("internal", "The control socket cannot be watched: %s.", strerror(errno));
    }
    if (setup->debug_fd >= 0 && !debug_create(loop, vm, setup->debug_fd)) {
        return start_fail("internal", "The debugger cannot be watched: %s.", strerror(errno));
    }
    if (start_enter_jail(policy, &setup->start) < 0) {
        return 1;
    }
    status = loop_run(loop);
    /* vCPU threads may still be on their way out of the guest: leave their data in place. */
    _exit(status == 0 ? 0 : 1);
}

int
main(int argc, char **argv)
{
    cleanup(loop_destroyp) struct loop *loop = NULL;
    struct machine_setup setup;

    if (print_policy(argc, argv)) {
        return 0;
    }
    if (argc >= 2 && strcmp(argv[1], "--probe") == 0) {
        return probe_main(argc >= 3 ? argv[2] : NULL);
    }
    if (start_receive_setup(&setup, sizeof(setup)) < 0) {
        return 1;
    }
    signal(SIGPIPE, SIG_IGN);
    if (vcpu_prepare_signals() < 0) {
        return start_fail("internal", "Signals could not be set up: %s.", strerror(errno));
    }
    loop = loop_create();
    if (!loop) {
        return start_fail("internal", "The event loop could not be made: %s.", strerror(errno));
    }
    return serve(loop, &setup);
}
