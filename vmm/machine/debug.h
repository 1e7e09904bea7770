/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The guest under a debugger: vmm/protocol/debug.h with vmm-gdb at the other end, with --gdb only.
 * Runs on the control thread, but for debug_on_exit().
 */

#include <linux/kvm.h>

#include "vmm/base/cleanup.h"
#include "vmm/base/loop.h"
#include "vmm/machine/vcpu.h"
#include "vmm/machine/vm-private.h"
#include "vmm/protocol/debug.h"

enum {
    DEBUG_SOFTWARE_MAX = 256,
    DEBUG_HARDWARE_MAX = 4,
};

/* An instruction of the guest that was changed for a breakpoint. */
struct debug_software {
    uint64_t address;  /* virtual */
    uint64_t physical; /* where it was then */
    uint8_t original;
};

struct debug_hardware {
    uint32_t kind; /* enum debug_point_kind */
    uint32_t length;
    uint64_t address;
};

/* Changed only while all processors stand. */
struct debug_points {
    struct debug_software software[DEBUG_SOFTWARE_MAX];
    size_t n_software;
    struct debug_hardware hardware[DEBUG_HARDWARE_MAX];
    size_t n_hardware;
};

/*
 * Serve `fd`, which stays the caller's, and hold the processors of `vm` from their start. Before the
 * jail. The debug, loop and machine live as long as the process. NULL with errno set on failure.
 */
struct debug *debug_create(struct loop *loop, struct vm *vm, int fd);

/* A processor may have stopped (vm->event_fd). */
void debug_look(struct debug *debug);
/* The machine is over, vmm_ended: tell the debugger, and give it a moment to tell its client. */
void debug_tell_end(struct debug *debug, uint32_t reason);

/* On a vCPU thread: KVM_EXIT_DEBUG. */
void debug_on_exit(struct debug *debug, struct vcpu *vcpu);
