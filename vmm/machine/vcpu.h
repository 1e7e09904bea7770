/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Virtual processors: one thread each, entered and left only here. */

#include <linux/kvm.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct vm;

enum {
    VCPU_EXIT_KINDS = 64 /* KVM_EXIT_* that are counted; higher ones share the last place */
};

/* Why a processor stopped for the debugger, enum debug_reason. */
struct debug_stop {
    uint32_t reason;
    uint64_t address;
};

struct vcpu {
    struct vm *vm;
    unsigned int index;
    int fd;
    struct kvm_run *run;
    pthread_t thread;
    bool started;
    bool held;              /* waits for the debugger; with vm->state_lock */
    bool stepping;          /* stops after one instruction */
    struct debug_stop stop; /* not told yet; with vm->state_lock, or while it stands */
    uint64_t exits[VCPU_EXIT_KINDS];
};

/* KVM_CREATE_VCPU and its shared page. */
int vcpu_init(struct vcpu *vcpu, struct vm *vm, unsigned int index);
void vcpu_finish(struct vcpu *vcpu);

/* Install the handler of the signal that interrupts KVM_RUN. Once per process, before the jail. */
int vcpu_prepare_signals(void);

int vcpu_start(struct vcpu *vcpu);
/* Make the thread look at vm->state soon; the caller holds vm->state_lock. */
void vcpu_kick(struct vcpu *vcpu);

/*
 * Enter the guest once on the calling thread and handle the exit. False when the machine has ended
 * or KVM_RUN was interrupted.
 */
bool vcpu_enter(struct vcpu *vcpu);
