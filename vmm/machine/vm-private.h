/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The virtual machine from the inside: for vm.c, interrupts.c, vcpu.c, control.c and arch code. */

#include <linux/kvm.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "vmm/jail/jail.h"
#include "vmm/machine/bus.h"
#include "vmm/machine/vm.h"
#include "vmm/protocol/machine.h"

enum {
    VM_RAM_REGIONS = 2,
    VM_ROUTES_MAX = 1024, /* KVM routing entries: fixed pins and messages */
    VM_SLOTS_MAX = 1024,  /* KVM memory slots beyond RAM */
};

enum vm_state {
    VM_STATE_NEW = 0,
    VM_STATE_RUNNING,
    VM_STATE_PAUSED, /* or about to be: n_parked tells */
    VM_STATE_ENDED,
};

/* One entry of KVM's table; message entries carry the GSI they were given. */
struct interrupts {
    pthread_mutex_t lock;
    struct kvm_irq_routing *table; /* room for VM_ROUTES_MAX entries; nr used */
    uint32_t first_message;        /* lowest GSI that is not a pin */
    uint64_t used[VM_ROUTES_MAX / 64];
};

struct debug;
struct vcpu;

struct vm {
    int kvm_fd; /* /dev/kvm */
    int fd;     /* the virtual machine */
    int ram_fd;
    struct loop *loop;
    const struct jail_policy *policy; /* its vCPU list is for our threads; NULL: no jail */
    struct vm_ram ram[VM_RAM_REGIONS];
    unsigned int n_ram;
    pthread_mutex_t slots_lock;
    bool slot_used[VM_SLOTS_MAX];
    struct bus memory;
    struct bus ports;
    struct interrupts interrupts;
    struct arch *arch;

    struct vcpu *vcpus;
    unsigned int n_vcpus;
    unsigned int run_size; /* bytes of struct kvm_run's mapping */

    pthread_mutex_t state_lock;
    pthread_cond_t state_changed;
    enum vm_state state;
    unsigned int n_parked; /* vCPU threads that wait in VM_STATE_PAUSED, or for the debugger */
    int event_fd;          /* a vCPU thread has something for the control thread */
    struct machine_ended ended;

    struct debug *debug; /* NULL: without --gdb */
    bool debug_can_block_interrupts;
};

/*
 * Make the machine: KVM_CREATE_VM, guest RAM, interrupt controllers, vCPUs (not running). Takes over
 * setup->kvm_fd and setup->ram_fd only on success. 0 or -errno with an error id and a sentence of
 * START_SENTENCE_SIZE bytes in `ret_failed`.
 */
int vm_create(struct loop *loop, const struct machine_setup *setup, struct start_failed *ret_failed,
              struct vm **ret_vm);
/* Only when no vCPU thread was started. */
void vm_destroy(struct vm *vm);
CLEANUP_DEFINE(struct vm, vm_destroy)

/* Start one thread per vCPU; with `paused` they wait as after vm_pause(). */
int vm_start(struct vm *vm, bool paused);
/* Ask the vCPU threads to wait, or to go on. When the last one waits, event_fd says so. */
void vm_pause(struct vm *vm);
void vm_resume(struct vm *vm);
/* All vCPU threads wait for vm_resume(). */
bool vm_is_parked(struct vm *vm);
/* The machine has ended; `ret_ended` is what to report. */
bool vm_has_ended(struct vm *vm, struct machine_ended *ret_ended);
/* Exits per kind and accesses per range, as debug log lines. */
void vm_log_statistics(struct vm *vm);

/* Host address of [address, address + size) of guest RAM, or NULL. For boot tables. */
void *vm_ram_pointer(const struct vm *vm, uint64_t address, uint64_t size);

/* interrupts.c */
int interrupts_init(struct vm *vm);
void interrupts_finish(struct vm *vm);
