/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What a taken-over device process might try. Started by test-jail through stage one in the place of
 * a device, it enters stage two with that device's own policy, makes one attempt, and reports what
 * came of it on its control socket: "refused ERRNO" or "done". The filter usually ends it first.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/jail/policies.h"
#include "vmm/base/bytes.h"
#include "vmm/base/message.h"
#include "vmm/jail/start.h"

static long
try_open(void)
{
    return syscall(SYS_openat, AT_FDCWD, "/", O_RDONLY | O_DIRECTORY);
}

static long
try_open_executable(void)
{
    return syscall(SYS_openat, AT_FDCWD, "/jail-probe", O_RDONLY);
}

static long
try_connect(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/run/dbus/system_bus_socket"};
    int fd = (int)syscall(SYS_socket, AF_UNIX, SOCK_STREAM, 0);

    return fd < 0 ? fd : syscall(SYS_connect, fd, &address, sizeof(address));
}

static long
try_connect_with_given_socket(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/run/dbus/system_bus_socket"};

    return syscall(SYS_connect, START_FD_CONTROL, &address, sizeof(address));
}

static long
try_fork(void)
{
    return syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, 0);
}

static long
try_vfork(void)
{
    return syscall(SYS_clone3, NULL, 0);
}

static long
try_exec(void)
{
    char *const argv[] = {NULL};

    return syscall(SYS_execve, "/jail-probe", argv, argv);
}

static long
try_ptrace(void)
{
    return syscall(SYS_ptrace, PTRACE_SEIZE, 2, NULL, NULL);
}

static long
try_kill(void)
{
    return syscall(SYS_kill, -1, SIGKILL);
}

static long
try_io_uring(void)
{
    struct io_uring_params params = {0};

    return syscall(SYS_io_uring_setup, 4, &params);
}

static long
try_mount(void)
{
    return syscall(SYS_mount, "proc", "/", "proc", 0, NULL);
}

static long
try_user_namespace(void)
{
    return syscall(SYS_unshare, 0x10000000 /* CLONE_NEWUSER */);
}

static long
try_process_memory(void)
{
    return syscall(SYS_process_vm_readv, 1, NULL, 0, NULL, 0, 0);
}

static long
try_executable_memory(void)
{
    return syscall(SYS_mmap, NULL, 4096, 7 /* read, write, execute */,
                   0x22 /* private, anonymous */, -1, 0);
}

static const struct {
    const char *name;
    long (*run)(void);
} attempts[] = {
    {"open", try_open},
    {"open-executable", try_open_executable},
    {"connect", try_connect},
    {"connect-given", try_connect_with_given_socket},
    {"fork", try_fork},
    {"clone3", try_vfork},
    {"exec", try_exec},
    {"ptrace", try_ptrace},
    {"kill", try_kill},
    {"io_uring", try_io_uring},
    {"mount", try_mount},
    {"user-namespace", try_user_namespace},
    {"process-memory", try_process_memory},
    {"executable-memory", try_executable_memory},
};

/* "none" shows that the jail can be lived in at all. */
static void
run_attempt(const char *name)
{
    char answer[64] = "none";

    for (size_t i = 0; i < ARRAY_SIZE(attempts); i++) {
        if (strcmp(attempts[i].name, name) == 0) {
            long r = attempts[i].run();
            snprintf(answer, sizeof(answer), r < 0 ? "refused %d" : "done", errno);
        }
    }
    message_send(START_FD_CONTROL, answer, strlen(answer) + 1, NULL, 0);
}

int
main(int argc, char **argv)
{
    struct start_setup setup;
    const struct jail_policy *policy = argc == 3 ? policies_find(argv[1]) : NULL;

    if (argc == 2 && strcmp(argv[1], "--attempts") == 0) {
        for (size_t i = 0; i < ARRAY_SIZE(attempts); i++) {
            puts(attempts[i].name);
        }
        return 0;
    }
    if (!policy || start_receive_setup(&setup, sizeof(setup)) < 0) {
        return 2;
    }
    if (start_enter_jail(policy, &setup) < 0) {
        return 3;
    }
    run_attempt(argv[2]);
    _exit(0);
}
