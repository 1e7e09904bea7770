/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "display/policy.h"

#include <fcntl.h>
#include <linux/dma-buf.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "vmm/base/bytes.h"

enum {
    WHOLE = 0xffffffff,
    EXECUTABLE = 0x4, /* PROT_EXEC */
};

/* sd-bus asks for larger buffers than it gets. */
#define BUFFER_SIZE_CALL(option)                                 \
    {                                                            \
        .number = SYS_setsockopt, .when = {                      \
            {.argument = 1, .mask = WHOLE, .value = SOL_SOCKET}, \
            {.argument = 2, .mask = WHOLE, .value = (option)}    \
        }                                                        \
    }

static const struct jail_call calls[] = {
    /* Pictures, ports and links. */
    {.number = SYS_read},
    {.number = SYS_write},
    {.number = SYS_close},
    {.number = SYS_recvmsg},
    {.number = SYS_sendmsg},
    {.number = SYS_poll},
    {.number = SYS_ppoll},        /* GLib from 2.80 on */
    {.number = SYS_memfd_create}, /* copies of pictures */
    {.number = SYS_ftruncate},
    {.number = SYS_fcntl},
    /* Whether what came is a dmabuf, and how long. */
    {.number = SYS_ioctl, .when = {{.argument = 1, .mask = WHOLE, .value = DMA_BUF_IOCTL_SYNC}}},
    {.number = SYS_lseek},
    {.number = SYS_fstat}, /* as glibc has it from 2.39 on */
    {.number = SYS_newfstatat,
     .when = {{.argument = 3, .mask = AT_EMPTY_PATH, .value = AT_EMPTY_PATH}}},
    /* GSocket and the D-Bus authentication. */
    {.number = SYS_accept},
    {.number = SYS_accept4}, /* GLib of Debian 13 */
    {.number = SYS_socketpair, .when = {{.argument = 0, .mask = WHOLE, .value = AF_UNIX}}},
    {.number = SYS_recvfrom},
    {.number = SYS_sendto, .when = {{.argument = 4, .mask = UINT64_MAX, .value = 0}}},
    {.number = SYS_getsockopt},
    BUFFER_SIZE_CALL(SO_SNDBUF),
    BUFFER_SIZE_CALL(SO_SNDBUFFORCE),
    BUFFER_SIZE_CALL(SO_RCVBUF),
    BUFFER_SIZE_CALL(SO_RCVBUFFORCE),
    {.number = SYS_setsockopt, /* GLib from 2.76 on, for any socket */
     .when = {{.argument = 1, .mask = WHOLE, .value = IPPROTO_TCP},
              {.argument = 2, .mask = WHOLE, .value = TCP_NODELAY}}},
    /* sd-bus gets the client's socket when it has authenticated it. */
    {.number = SYS_dup3, .when = {{.argument = 2, .mask = WHOLE, .value = O_CLOEXEC}}},
    {.number = SYS_getsockname},
    {.number = SYS_getpeername},
    {.number = SYS_getpid},
    {.number = SYS_geteuid},
    {.number = SYS_getegid},
    {.number = SYS_getrandom}, /* sd-bus's tables */
    /* GLib's main contexts and threads (GDBus authenticates and writes in its own). */
    {.number = SYS_eventfd2},
    {.number = SYS_futex},
    {.number = SYS_clock_gettime},
    {.number = SYS_clock_nanosleep},
    {.number = SYS_gettid},
    {.number = SYS_set_robust_list},
    {.number = SYS_rseq},
    {.number = SYS_sched_getattr},
    {.number = SYS_sched_setattr},
    {.number = SYS_prctl, .when = {{.argument = 0, .mask = WHOLE, .value = PR_SET_NAME}}},
    /* glibc, when the first thread is made: SIGSETXID. */
    {.number = SYS_rt_sigaction, .when = {{.argument = 0, .mask = WHOLE, .value = 33}}},
    {.number = SYS_rt_sigprocmask},
    {.number = SYS_rt_sigreturn},
    {.number = SYS_restart_syscall},
    {.number = SYS_exit},
    {.number = SYS_exit_group},
    /* Memory. */
    {.number = SYS_brk},
    {.number = SYS_mmap, .when = {{.argument = 2, .mask = EXECUTABLE, .value = 0}}},
    {.number = SYS_mprotect, .when = {{.argument = 2, .mask = EXECUTABLE, .value = 0}}},
    {.number = SYS_mremap},
    {.number = SYS_munmap},
    {.number = SYS_madvise},
};

const struct jail_policy display_policy = {
    .name = "display",
    .calls = calls,
    .n_calls = ARRAY_SIZE(calls),
    .ceiling = 80,
    .threads = true,
    .refuses_open = true, /* sd-bus of Debian 13 asks sysconf() how many groups a user may have */
};
