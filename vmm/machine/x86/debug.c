/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A processor under a debugger: KVM_SET_GUEST_DEBUG, and its registers as vmm/protocol/debug.h has them. */
#include <errno.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>

#include "vmm/base/bytes.h"
#include "vmm/base/log.h"
#include "vmm/machine/arch.h"
#include "vmm/machine/debug.h"

/* Intel SDM volume 3, "Debug registers". */
enum {
    EXCEPTION_DEBUG = 1,
    EXCEPTION_BREAKPOINT = 3,
    DR6_STEP = 1 << 14,
    DR7_FIXED = 1 << 10,
    DR7_EXACT = 3 << 8,
    DR7_ON_WRITE = 1,
    DR7_ON_ACCESS = 3,
    X87_EMPTY = 3,
    X87_REGISTERS = 8,
};

bool
arch_debug_can_block_interrupts(const struct vm *vm)
{
    return ioctl(vm->kvm_fd, KVM_CHECK_EXTENSION, KVM_CAP_SET_GUEST_DEBUG2) & KVM_GUESTDBG_BLOCKIRQ;
}

int
arch_debug_translate(struct vcpu *vcpu, uint64_t address, uint64_t *ret_physical)
{
    struct kvm_translation translation = {.linear_address = address};

    if (ioctl(vcpu->fd, KVM_TRANSLATE, &translation) < 0) {
        return -errno;
    }
    if (!translation.valid) {
        return -EFAULT;
    }
    *ret_physical = translation.physical_address;
    return 0;
}

static void
set_hardware(struct kvm_guest_debug *debug, const struct debug_points *points)
{
    static const uint64_t lengths[] = {[1] = 0, [2] = 1, [4] = 3, [8] = 2};
    uint64_t dr7 = DR7_FIXED | DR7_EXACT;

    for (size_t i = 0; i < points->n_hardware; i++) {
        const struct debug_hardware *point = &points->hardware[i];
        const uint64_t on = point->kind == DEBUG_POINT_WRITE    ? DR7_ON_WRITE
                            : point->kind == DEBUG_POINT_ACCESS ? DR7_ON_ACCESS
                                                                : 0;

        debug->arch.debugreg[i] = point->address;
        dr7 |= UINT64_C(2) << (i * 2) | (on | lengths[point->length] << 2) << (16 + i * 4);
    }
    debug->arch.debugreg[7] = dr7;
}

/* What KVM is to stop for, and `how` besides. */
static int
set_debug(struct vcpu *vcpu, const struct debug_points *points, uint32_t how)
{
    struct kvm_guest_debug debug = {.control = how};

    if (points->n_software > 0) {
        debug.control |= KVM_GUESTDBG_USE_SW_BP;
    }
    if (points->n_hardware > 0) {
        debug.control |= KVM_GUESTDBG_USE_HW_BP;
        set_hardware(&debug, points);
    }
    if (vcpu->stepping) {
        debug.control |= KVM_GUESTDBG_SINGLESTEP;
        debug.control |= vcpu->vm->debug_can_block_interrupts ? KVM_GUESTDBG_BLOCKIRQ : 0;
    }
    if (debug.control) {
        debug.control |= KVM_GUESTDBG_ENABLE;
    }
    return ioctl(vcpu->fd, KVM_SET_GUEST_DEBUG, &debug) < 0 ? -errno : 0;
}

int
arch_debug_apply(struct vcpu *vcpu, const struct debug_points *points, bool step)
{
    vcpu->stepping = step;
    return set_debug(vcpu, points, 0);
}

/* The guest's own breakpoint or trap, which KVM took away from it. */
static bool
give_back(struct vcpu *vcpu, const struct debug_points *points, uint32_t how)
{
    int r = set_debug(vcpu, points, how);

    if (r < 0) {
        log_error("The guest's own trap was lost: %s", strerror(-r));
    }
    return false;
}

static bool
is_software_point(const struct debug_points *points, uint64_t address)
{
    for (size_t i = 0; i < points->n_software; i++) {
        if (points->software[i].address == address) {
            return true;
        }
    }
    return false;
}

bool
arch_debug_exit(struct vcpu *vcpu, const struct debug_points *points, struct debug_stop *ret_stop)
{
    const struct kvm_debug_exit_arch exit = vcpu->run->debug.arch;

    if (exit.exception == EXCEPTION_BREAKPOINT) {
        if (!is_software_point(points, exit.pc)) {
            return give_back(vcpu, points, KVM_GUESTDBG_INJECT_BP);
        }
        ret_stop->reason = DEBUG_REASON_SOFTWARE;
        return true;
    }
    for (size_t i = 0; i < points->n_hardware; i++) {
        if (exit.dr6 >> i & 1) {
            const struct debug_hardware *point = &points->hardware[i];

            ret_stop->address = point->address;
            ret_stop->reason = point->kind == DEBUG_POINT_WRITE    ? DEBUG_REASON_WRITE
                               : point->kind == DEBUG_POINT_ACCESS ? DEBUG_REASON_ACCESS
                                                                   : DEBUG_REASON_HARDWARE;
            return true;
        }
    }
    if (!vcpu->stepping) {
        return give_back(vcpu, points, KVM_GUESTDBG_INJECT_DB);
    }
    ret_stop->reason = DEBUG_REASON_STEP;
    return true;
}

/* -- registers -- */

struct state {
    struct kvm_regs regs;
    struct kvm_sregs sregs;
    struct kvm_fpu fpu;
};

static int
get_state(struct vcpu *vcpu, struct state *state)
{
    if (ioctl(vcpu->fd, KVM_GET_REGS, &state->regs) < 0 ||
        ioctl(vcpu->fd, KVM_GET_SREGS, &state->sregs) < 0 ||
        ioctl(vcpu->fd, KVM_GET_FPU, &state->fpu) < 0) {
        return -errno;
    }
    return 0;
}

/* gdb's order against KVM's. */
static void
list_general(struct kvm_regs *regs, __u64 *list[16])
{
    __u64 *const order[16] = {&regs->rax, &regs->rbx, &regs->rcx, &regs->rdx,
                              &regs->rsi, &regs->rdi, &regs->rbp, &regs->rsp,
                              &regs->r8,  &regs->r9,  &regs->r10, &regs->r11,
                              &regs->r12, &regs->r13, &regs->r14, &regs->r15};

    memcpy(list, order, sizeof(order));
}

static void
list_control(struct kvm_sregs *sregs, __u64 *list[5])
{
    __u64 *const order[5] = {&sregs->cr0, &sregs->cr2, &sregs->cr3, &sregs->cr4, &sregs->efer};

    memcpy(list, order, sizeof(order));
}

static void
get_x87(const struct kvm_fpu *fpu, struct debug_registers *ret)
{
    uint32_t tags = 0;

    for (unsigned int i = 0; i < X87_REGISTERS; i++) {
        tags |= (fpu->ftwx >> i & 1 ? 0U : (uint32_t)X87_EMPTY) << (i * 2);
    }
    memcpy(ret->st, fpu->fpr, sizeof(ret->st));
    memcpy(ret->xmm, fpu->xmm, sizeof(ret->xmm));
    ret->x87[0] = fpu->fcw;
    ret->x87[1] = fpu->fsw;
    ret->x87[2] = tags;
    ret->x87[4] = (uint32_t)fpu->last_ip;
    ret->x87[6] = (uint32_t)fpu->last_dp;
    ret->x87[7] = fpu->last_opcode;
    ret->mxcsr = fpu->mxcsr;
}

int
arch_debug_get(struct vcpu *vcpu, struct debug_registers *ret_registers)
{
    struct state state;
    __u64 *general[16];
    __u64 *control[5];
    int r = get_state(vcpu, &state);

    if (r < 0) {
        return r;
    }
    *ret_registers = (struct debug_registers){0};
    list_general(&state.regs, general);
    list_control(&state.sregs, control);
    for (size_t i = 0; i < ARRAY_SIZE(general); i++) {
        ret_registers->general[i] = *general[i];
    }
    for (size_t i = 0; i < ARRAY_SIZE(control); i++) {
        ret_registers->control[i] = *control[i];
    }
    ret_registers->rip = state.regs.rip;
    ret_registers->rflags = state.regs.rflags;
    ret_registers->segment[0] = state.sregs.cs.selector;
    ret_registers->segment[1] = state.sregs.ss.selector;
    ret_registers->segment[2] = state.sregs.ds.selector;
    ret_registers->segment[3] = state.sregs.es.selector;
    ret_registers->segment[4] = state.sregs.fs.selector;
    ret_registers->segment[5] = state.sregs.gs.selector;
    ret_registers->fs_base = state.sregs.fs.base;
    ret_registers->gs_base = state.sregs.gs.base;
    get_x87(&state.fpu, ret_registers);
    return 0;
}

static void
set_x87(struct kvm_fpu *fpu, const struct debug_registers *registers)
{
    fpu->ftwx = 0;
    for (unsigned int i = 0; i < X87_REGISTERS; i++) {
        if ((registers->x87[2] >> (i * 2) & X87_EMPTY) != X87_EMPTY) {
            fpu->ftwx |= (uint8_t)(1U << i);
        }
    }
    memcpy(fpu->fpr, registers->st, sizeof(registers->st));
    memcpy(fpu->xmm, registers->xmm, sizeof(registers->xmm));
    fpu->fcw = (uint16_t)registers->x87[0];
    fpu->fsw = (uint16_t)registers->x87[1];
    fpu->last_opcode = (uint16_t)registers->x87[7];
    fpu->mxcsr = registers->mxcsr;
}

/* What did not change is not set: KVM may refuse it, or forget something with it. */
static int
set_state(struct vcpu *vcpu, const struct state *old, const struct state *new)
{
    if (memcmp(&old->sregs, &new->sregs, sizeof(new->sregs)) != 0 &&
        ioctl(vcpu->fd, KVM_SET_SREGS, &new->sregs) < 0) {
        return -errno;
    }
    if (memcmp(&old->fpu, &new->fpu, sizeof(new->fpu)) != 0 &&
        ioctl(vcpu->fd, KVM_SET_FPU, &new->fpu) < 0) {
        return -errno;
    }
    if (memcmp(&old->regs, &new->regs, sizeof(new->regs)) != 0 &&
        ioctl(vcpu->fd, KVM_SET_REGS, &new->regs) < 0) {
        return -errno;
    }
    return 0;
}

int
arch_debug_set(struct vcpu *vcpu, const struct debug_registers *registers)
{
    struct state old;
    struct state new;
    __u64 *general[16];
    __u64 *control[5];
    int r = get_state(vcpu, &old);

    if (r < 0) {
        return r;
    }
    memcpy(&new, &old, sizeof(new));
    list_general(&new.regs, general);
    list_control(&new.sregs, control);
    for (size_t i = 0; i < ARRAY_SIZE(general); i++) {
        *general[i] = registers->general[i];
    }
    for (size_t i = 0; i < ARRAY_SIZE(control); i++) {
        *control[i] = registers->control[i];
    }
    new.regs.rip = registers->rip;
    new.regs.rflags = registers->rflags;
    new.sregs.fs.base = registers->fs_base;
    new.sregs.gs.base = registers->gs_base;
    set_x87(&new.fpu, registers);
    return set_state(vcpu, &old, &new);
}
