/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/render/policy.h"

#include <linux/sched.h>
#include <linux/udmabuf.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "vmm/base/bytes.h"

#define NEW_NAMESPACES                                                                            \
    (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | \
     CLONE_NEWNET)

/*
 * Measured: virgl_render_server 0.10.4, the Vulkan loader and lavapipe of Mesa 22.3, from the server's
 * exec to its end. It links, reads its drivers' files, looks for a log that is not there, forks a process
 * for each context, and compiles.
 */
#define MEASURED_CALLS                                                                           \
    {.number = SYS_read}, {.number = SYS_write}, {.number = SYS_close}, {.number = SYS_openat},  \
        {.number = SYS_newfstatat}, {.number = SYS_access}, {.number = SYS_lseek},               \
        {.number = SYS_pread64}, {.number = SYS_getdents64}, {.number = SYS_readlink},           \
        {.number = SYS_mmap}, {.number = SYS_mprotect}, {.number = SYS_munmap},                  \
        {.number = SYS_madvise}, {.number = SYS_brk}, {.number = SYS_futex},                     \
        {.number = SYS_rt_sigprocmask}, {.number = SYS_rt_sigaction}, {.number = SYS_recvmsg},   \
        {.number = SYS_sendmsg}, {.number = SYS_poll}, {.number = SYS_getrandom},                \
        {.number = SYS_set_robust_list}, {.number = SYS_rseq}, {.number = SYS_set_tid_address},  \
        {.number = SYS_arch_prctl}, {.number = SYS_prlimit64}, {.number = SYS_execve},           \
        {.number = SYS_exit}, {.number = SYS_exit_group}, {.number = SYS_connect},               \
        {.number = SYS_sendto}, {.number = SYS_socketpair}, {.number = SYS_getsockopt},          \
        {.number = SYS_sched_getaffinity}, {.number = SYS_sched_setaffinity},                    \
        {.number = SYS_fcntl}, {.number = SYS_dup}, {.number = SYS_memfd_create},                \
        {.number = SYS_ftruncate}, {.number = SYS_getuid}, {.number = SYS_geteuid},              \
        {.number = SYS_getpid}, {.number = SYS_waitid}, {.number = SYS_signalfd4},               \
        {.number = SYS_clone, .when = {{.argument = 0, .mask = NEW_NAMESPACES, .value = 0}}},    \
        {.number = SYS_socket, .when = {{.argument = 0, .mask = UINT32_MAX, .value = AF_UNIX}}}, \
        {.number = SYS_prctl,                                                                    \
         .when = {{.argument = 0, .mask = UINT32_MAX, .value = PR_SET_NAME}}},                   \
    {                                                                                            \
        .number = SYS_kill, .when = { {.argument = 1, .mask = UINT32_MAX, .value = SIGKILL} }    \
    }

/* The software driver with /dev/udmabuf. The rest not measured for want of a card: what drivers of cards are known to need besides. */
#define CARD_CALLS                                                                                 \
    {.number = SYS_ioctl, .when = {{.argument = 1, .mask = UINT32_MAX, .value = UDMABUF_CREATE}}}, \
        {.number = SYS_ioctl, .when = {{.argument = 1, .mask = 0xff00, .value = 'd' << 8}}},       \
        {.number = SYS_ioctl, .when = {{.argument = 1, .mask = 0xff00, .value = 'b' << 8}}},       \
        {.number = SYS_ioctl, .when = {{.argument = 1, .mask = 0xff00, .value = '>' << 8}}},       \
        {.number = SYS_kcmp}, {.number = SYS_eventfd2}, {.number = SYS_fstat},                     \
        {.number = SYS_statx}, {.number = SYS_readlinkat}, {.number = SYS_faccessat},              \
        {.number = SYS_getgid}, {.number = SYS_getegid}, {.number = SYS_gettid},                   \
        {.number = SYS_uname}, {.number = SYS_sysinfo}, {.number = SYS_mremap},                    \
        {.number = SYS_ppoll}, {.number = SYS_sched_yield}, {.number = SYS_clock_nanosleep},       \
        {.number = SYS_clock_gettime}, {.number = SYS_restart_syscall},                            \
    {                                                                                              \
        .number = SYS_rt_sigreturn                                                                 \
    }

static const struct jail_call render_calls[] = {
    MEASURED_CALLS,
    CARD_CALLS,
};

const struct jail_policy render_policy = {
    .name = "render",
    .calls = render_calls,
    .n_calls = ARRAY_SIZE(render_calls),
    .makes_code = true,
    .keeps_root = true,
    .ceiling = 85,
};
