/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/machine/policy.h"

#include <fcntl.h>
#include <linux/dma-buf.h>
#include <linux/kvm.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "vmm/base/bytes.h"

/* ioctl by request: the machine, its memory slots and its processors were made before the jail. */
#define ALLOW_IOCTL(request)                                                                     \
    {                                                                                            \
        .number = SYS_ioctl, .when = { {.argument = 1, .mask = 0xffffffff, .value = (request)} } \
    }
#define ALLOW_NOT_EXECUTABLE(call)                                                             \
    {                                                                                          \
        .number = (call), .when = { {.argument = 2, .mask = 0x4 /* PROT_EXEC */, .value = 0} } \
    }

/* What handlers of port and memory accesses do, on vCPU threads and on the control thread. */
#define CALLS_OF_BOTH                                                                              \
    {.number = SYS_read}, {.number = SYS_write}, {.number = SYS_close}, {.number = SYS_futex},     \
        {.number = SYS_epoll_ctl}, {.number = SYS_timerfd_settime},             /* serial ports */ \
        {.number = SYS_poll}, {.number = SYS_recvmsg}, {.number = SYS_sendmsg}, /* vhost-user */   \
        {.number = SYS_recvfrom}, {.number = SYS_shutdown}, {.number = SYS_clock_gettime},         \
        {.number = SYS_brk}, {.number = SYS_munmap},                                               \
        {.number = SYS_madvise},                        /* MADV_DONTNEED of the allocator */       \
        {.number = SYS_getpid}, {.number = SYS_tgkill}, /* kick the other vCPUs */                 \
        {.number = SYS_rt_sigprocmask}, {.number = SYS_rt_sigreturn},                              \
        {.number = SYS_restart_syscall}, {.number = SYS_exit}, {.number = SYS_exit_group},         \
        ALLOW_NOT_EXECUTABLE(SYS_mmap), ALLOW_NOT_EXECUTABLE(SYS_mprotect),                        \
        ALLOW_IOCTL(KVM_SET_GSI_ROUTING), ALLOW_IOCTL(KVM_IRQFD), ALLOW_IOCTL(KVM_IOEVENTFD),      \
        ALLOW_IOCTL(KVM_IRQ_LINE), ALLOW_IOCTL(KVM_SIGNAL_MSI),                                    \
        ALLOW_IOCTL(KVM_SET_USER_MEMORY_REGION) /* windows of shared memory */

#ifdef __x86_64__
#define IOCTLS_OF_BOOT \
    ALLOW_IOCTL(KVM_SET_REGS), ALLOW_IOCTL(KVM_GET_SREGS), ALLOW_IOCTL(KVM_SET_SREGS)
#else
#define IOCTLS_OF_BOOT ALLOW_IOCTL(KVM_SET_REGS), ALLOW_IOCTL(KVM_SET_ONE_REG)
#endif

/*
 * What the control thread does besides. The C library takes signal 33 at the first thread; each vCPU
 * thread narrows its own filter.
 */
#define CALLS_OF_CONTROL                                                                          \
    {.number = SYS_epoll_wait},                                                                   \
        {.number = SYS_fcntl, /* is it memory that cannot shrink? */                              \
         .when = {{.argument = 1, .mask = 0xffffffff, .value = F_GET_SEALS}}},                    \
        ALLOW_IOCTL(DMA_BUF_IOCTL_SYNC), /* or a dmabuf, and how long? */                         \
        {.number = SYS_lseek}, {.number = SYS_fstat},                                             \
        {.number = SYS_newfstatat,                                                                \
         .when = {{.argument = 3, .mask = AT_EMPTY_PATH, .value = AT_EMPTY_PATH}}},               \
        {.number = SYS_eventfd2},      /* rings, vectors */                                       \
        {.number = SYS_epoll_create1}, /* interrupts by us */                                     \
        {.number = SYS_socketpair},    /* back ends ask */                                        \
        {.number = SYS_rt_sigaction, .when = {{.argument = 0, .mask = 0xffffffff, .value = 33}}}, \
        {.number = SYS_set_robust_list}, {.number = SYS_rseq},                                    \
        {.number = SYS_prctl,                                                                     \
         .when = {{.argument = 0, .mask = 0xffffffff, .value = PR_SET_NO_NEW_PRIVS}}},            \
        {.number = SYS_seccomp}, ALLOW_IOCTL(KVM_RUN), ALLOW_IOCTL(KVM_KVMCLOCK_CTRL),            \
        IOCTLS_OF_BOOT

static const struct jail_call machine_calls[] = {
    CALLS_OF_BOTH,
    CALLS_OF_CONTROL,
};

static const struct jail_call vcpu_calls[] = {
    CALLS_OF_BOTH,
    ALLOW_IOCTL(KVM_RUN),
    ALLOW_IOCTL(KVM_KVMCLOCK_CTRL),
};

/* The same system calls; what more is asked of KVM under a debugger. */
static const struct jail_call machine_debug_calls[] = {
    CALLS_OF_BOTH,
    CALLS_OF_CONTROL,
    ALLOW_IOCTL(KVM_GET_REGS),
    ALLOW_IOCTL(KVM_GET_FPU),
    ALLOW_IOCTL(KVM_SET_FPU),
    ALLOW_IOCTL(KVM_TRANSLATE),
    ALLOW_IOCTL(KVM_SET_GUEST_DEBUG),
};

static const struct jail_call vcpu_debug_calls[] = {
    CALLS_OF_BOTH, ALLOW_IOCTL(KVM_RUN), ALLOW_IOCTL(KVM_KVMCLOCK_CTRL),
    ALLOW_IOCTL(KVM_SET_GUEST_DEBUG), /* giving the guest its own breakpoints */
};

const struct jail_policy machine_policy = {
    .name = "machine",
    .calls = machine_calls,
    .n_calls = ARRAY_SIZE(machine_calls),
    .vcpu_calls = vcpu_calls,
    .n_vcpu_calls = ARRAY_SIZE(vcpu_calls),
    .ceiling = 45,
    .threads = true,
};

const struct jail_policy machine_debug_policy = {
    .name = "machine",
    .calls = machine_debug_calls,
    .n_calls = ARRAY_SIZE(machine_debug_calls),
    .vcpu_calls = vcpu_debug_calls,
    .n_vcpu_calls = ARRAY_SIZE(vcpu_debug_calls),
    .ceiling = 45,
    .threads = true,
};
