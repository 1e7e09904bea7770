/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/machine/vcpu.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/base/trace.h"
#include "vmm/jail/jail.h"
#include "vmm/machine/arch.h"
#include "vmm/machine/debug.h"
#include "vmm/machine/vm-private.h"

enum {
    KICK_SIGNAL = SIGUSR1,
    VCPU_STACK_SIZE = 512 * 1024
};

static void
on_kick(int signal_number)
{
    /* Its arrival alone makes KVM_RUN return. */
}

int
vcpu_prepare_signals(void)
{
    struct sigaction action = {.sa_handler = on_kick};

    sigemptyset(&action.sa_mask);
    return sigaction(KICK_SIGNAL, &action, NULL) < 0 ? -errno : 0;
}

int
vcpu_init(struct vcpu *vcpu, struct vm *vm, unsigned int index)
{
    void *run;

    *vcpu = (struct vcpu){.vm = vm, .index = index};
    vcpu->fd = ioctl(vm->fd, KVM_CREATE_VCPU, (unsigned long)index);
    if (vcpu->fd < 0) {
        return -errno;
    }
    run = mmap(NULL, vm->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
    if (run == MAP_FAILED) {
        return -errno;
    }
    vcpu->run = run;
    return 0;
}

void
vcpu_finish(struct vcpu *vcpu)
{
    if (vcpu->run) {
        munmap(vcpu->run, vcpu->vm->run_size);
        vcpu->run = NULL;
    }
    fd_closep(&vcpu->fd);
}

void
vcpu_kick(struct vcpu *vcpu)
{
    __atomic_store_n(&vcpu->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
    if (vcpu->started && !pthread_equal(vcpu->thread, pthread_self())) {
        pthread_kill(vcpu->thread, KICK_SIGNAL);
    }
}

static void __attribute__((format(printf, 2, 3)))
end_with_failure(struct vcpu *vcpu, const char *format, ...)
{
    char sentence[START_SENTENCE_SIZE];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(sentence, sizeof(sentence), format, arguments);
    va_end(arguments);
    vm_end(vcpu->vm, MACHINE_END_FAILED, "kvm-broken", sentence);
}

static void
handle_mmio(struct vcpu *vcpu, struct kvm_run *run)
{
    struct bus *bus = &vcpu->vm->memory;
    uint64_t value = 0;
    uint32_t size = run->mmio.len;

    if (size != 1 && size != 2 && size != 4 && size != 8) {
        memset(run->mmio.data, 0xff, sizeof(run->mmio.data));
        return;
    }
    if (run->mmio.is_write) {
        memcpy(&value, run->mmio.data, size); /* little-endian hosts only, as KVM's x86 and arm64 */
        bus_write(bus, run->mmio.phys_addr, size, value);
    } else {
        value = bus_read(bus, run->mmio.phys_addr, size);
        memcpy(run->mmio.data, &value, size);
    }
}

static void
handle_system_event(struct vcpu *vcpu, const struct kvm_run *run)
{
    struct vm *vm = vcpu->vm;

    switch (run->system_event.type) {
    case KVM_SYSTEM_EVENT_SHUTDOWN:
        vm_end(vm, MACHINE_END_POWEROFF, NULL, NULL);
        break;
    case KVM_SYSTEM_EVENT_RESET:
        vm_end(vm, MACHINE_END_RESET, NULL, NULL);
        break;
    case KVM_SYSTEM_EVENT_CRASH:
        vm_end(vm, MACHINE_END_PANIC, "guest-panic", "The guest reported a crash.");
        break;
    default:
        end_with_failure(vcpu, "KVM reported the unknown system event %u.", run->system_event.type);
        break;
    }
}

static void
handle_exit(struct vcpu *vcpu, struct kvm_run *run)
{
    switch (run->exit_reason) {
    case KVM_EXIT_MMIO:
        handle_mmio(vcpu, run);
        break;
    case KVM_EXIT_INTR:
    case KVM_EXIT_IRQ_WINDOW_OPEN:
        break;
    case KVM_EXIT_DEBUG:
        if (vcpu->vm->debug) {
            debug_on_exit(vcpu->vm->debug, vcpu);
        }
        break;
    case KVM_EXIT_SHUTDOWN: /* triple fault */
        vm_end(vcpu->vm, MACHINE_END_RESET, NULL, NULL);
        break;
    case KVM_EXIT_SYSTEM_EVENT:
        handle_system_event(vcpu, run);
        break;
    case KVM_EXIT_FAIL_ENTRY:
        end_with_failure(vcpu, "The host's processor refused to enter the guest (reason 0x%llx).",
                         (unsigned long long)run->fail_entry.hardware_entry_failure_reason);
        break;
    case KVM_EXIT_INTERNAL_ERROR:
        end_with_failure(vcpu,
                         "KVM could not execute an instruction of the guest (error %u, code "
                         "0x%llx).",
                         run->internal.suberror,
                         (unsigned long long)(run->internal.ndata > 0 ? run->internal.data[0] : 0));
        break;
    default:
        if (!arch_handle_exit(vcpu, run)) {
            end_with_failure(vcpu, "KVM stopped the guest for an unknown reason (%u).",
                             run->exit_reason);
        }
        break;
    }
}

static void
trace_kvm_exit(const struct vcpu *vcpu, const struct kvm_run *run)
{
    uint64_t address = 0;
    uint32_t size = 0;
    uint32_t is_write = 0;

    if (run->exit_reason == KVM_EXIT_MMIO) {
        address = run->mmio.phys_addr;
        size = run->mmio.len;
        is_write = run->mmio.is_write;
    } else if (run->exit_reason == KVM_EXIT_IO) {
        address = run->io.port;
        size = run->io.size;
        is_write = run->io.direction == KVM_EXIT_IO_OUT;
    }
    trace_exit(vcpu->index, run->exit_reason, address, size, is_write);
}

bool
vcpu_enter(struct vcpu *vcpu)
{
    struct kvm_run *run = vcpu->run;
    uint32_t kind;

    if (ioctl(vcpu->fd, KVM_RUN, 0) < 0) {
        if (errno != EINTR && errno != EAGAIN) {
            end_with_failure(vcpu, "KVM could not run the guest (%s, processor %u).",
                             strerror(errno), vcpu->index);
        }
        return false;
    }
    kind = MIN_OF(run->exit_reason, (uint32_t)VCPU_EXIT_KINDS - 1);
    __atomic_store_n(&vcpu->exits[kind], vcpu->exits[kind] + 1, __ATOMIC_RELAXED);
    trace_kvm_exit(vcpu, run);
    handle_exit(vcpu, run);
    trace_enter(vcpu->index);
    return true;
}

static bool
must_wait(const struct vcpu *vcpu)
{
    return vcpu->vm->state == VM_STATE_PAUSED ||
           (vcpu->held && vcpu->vm->state == VM_STATE_RUNNING);
}

/*
 * Wait while the machine is paused or the debugger holds this processor; the last one tells the
 * control thread. With the state lock.
 */
static bool
park(struct vcpu *vcpu)
{
    struct vm *vm = vcpu->vm;
    const uint64_t one = 1;

    if (!must_wait(vcpu)) {
        return false;
    }
    vm->n_parked++;
    if (vm->n_parked == vm->n_vcpus && write(vm->event_fd, &one, sizeof(one)) < 0) {
        log_debug("The control thread has been told already");
    }
    while (must_wait(vcpu)) {
        pthread_cond_wait(&vm->state_changed, &vm->state_lock);
    }
    vm->n_parked--;
    return true;
}

/*
 * An access that was handled is complete only when KVM is entered again; a debugger must see the
 * processor after it. KVM executes nothing of the guest while immediate_exit is set.
 */
static void
finish_instruction(struct vcpu *vcpu)
{
    while (vcpu_enter(vcpu)) {
    }
}

/* Somebody wants this thread to look at the machine's state. False: the machine has ended. */
static bool
obey(struct vcpu *vcpu)
{
    struct vm *vm = vcpu->vm;
    bool goes_on;
    bool parked;

    if (vm->debug) {
        finish_instruction(vcpu);
    }
    pthread_mutex_lock(&vm->state_lock);
    __atomic_store_n(&vcpu->run->immediate_exit, 0, __ATOMIC_SEQ_CST);
    parked = park(vcpu);
    goes_on = vm->state == VM_STATE_RUNNING;
    pthread_mutex_unlock(&vm->state_lock);
#ifdef KVM_KVMCLOCK_CTRL
    if (parked && goes_on) {
        /* So that the guest's watchdogs forgive the pause; not every guest has a KVM clock. */
        (void)ioctl(vcpu->fd, KVM_KVMCLOCK_CTRL, 0);
    }
#endif
    return goes_on;
}

static void *
vcpu_thread(void *data)
{
    struct vcpu *vcpu = data;
    struct vm *vm = vcpu->vm;

    if (vm->policy) {
        int r = jail_enter_vcpu_thread(vm->policy);

        if (r < 0) {
            log_error("The rules for processor %u could not be set: %s", vcpu->index, strerror(-r));
            vm_end(vm, MACHINE_END_FAILED, "no-namespaces",
                   "A processor could not enter its jail.");
            return NULL;
        }
    }
    for (;;) {
        if (__atomic_load_n(&vcpu->run->immediate_exit, __ATOMIC_SEQ_CST) && !obey(vcpu)) {
            return NULL;
        }
        vcpu_enter(vcpu);
    }
}

int
vcpu_start(struct vcpu *vcpu)
{
    pthread_attr_t attributes;
    sigset_t all;
    sigset_t old;
    int r;

    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, VCPU_STACK_SIZE);
    sigfillset(&all);
    sigdelset(&all, KICK_SIGNAL);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    pthread_mutex_lock(&vcpu->vm->state_lock);
    r = pthread_create(&vcpu->thread, &attributes, vcpu_thread, vcpu);
    vcpu->started = r == 0;
    pthread_mutex_unlock(&vcpu->vm->state_lock);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attributes);
    return -r;
}
