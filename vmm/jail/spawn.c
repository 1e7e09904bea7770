/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/jail/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vmm/base/assert.h"
#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/jail/capabilities.h"
#include "vmm/jail/root.h"
#include "vmm/protocol/start.h"

struct spawn_context {
    const struct jail_spawn *spawn;
    uid_t uid; /* before the clone: inside, unmapped ids read as the overflow id */
    gid_t gid;
    int report_fd; /* close-on-exec pipe: end of file means that exec worked; moved by the child */
};

/* What a child that could not be set up tells its parent. */
struct spawn_report {
    uint32_t step;
    int32_t error; /* -errno */
};

static int
write_proc(const char *path, const char *text)
{
    cleanup_fd int fd = open(path, O_WRONLY | O_CLOEXEC);

    return fd < 0 ? -errno : fd_write_full(fd, text, strlen(text));
}

/* Each id to itself: D-Bus compares uids across the boundary. */
static int
step_map_ids(struct spawn_context *context)
{
    char line[64];
    int r = write_proc("/proc/self/setgroups", "deny");

    if (r == 0) {
        snprintf(line, sizeof(line), "%u %u 1", context->gid, context->gid);
        r = write_proc("/proc/self/gid_map", line);
    }
    if (r == 0) {
        snprintf(line, sizeof(line), "%u %u 1", context->uid, context->uid);
        r = write_proc("/proc/self/uid_map", line);
    }
    return r;
}

/* Where that cannot be said the process is as good as any other. */
static int
step_expendable(struct spawn_context *context)
{
    static const char score[] = "500";

    if (context->spawn->expendable) {
        cleanup_fd int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

        (void)!write(fd, score, sizeof(score) - 1);
    }
    return 0;
}

static int
step_small_root(struct spawn_context *context)
{
    if (sethostname("vmm", 3) < 0) {
        return -errno;
    }
    return jail_root_small(context->spawn->executable, context->spawn->root_paths);
}

/* Copies of the sources, out of the way of every planned number. */
static int
copy_sources(const struct jail_spawn *spawn, int *copies)
{
    for (size_t i = 0; i < spawn->n_fds; i++) {
        copies[i] = -1;
        if (spawn->fds[i] < 0) {
            continue;
        }
        copies[i] = fcntl(spawn->fds[i], F_DUPFD_CLOEXEC, JAIL_FDS_MAX + 1);
        if (copies[i] < 0) {
            return -errno;
        }
    }
    return 0;
}

/* Descriptors to 0 ... n - 1, all others closed; the report pipe stays at JAIL_FDS_MAX. */
static int
step_descriptors(struct spawn_context *context)
{
    int copies[JAIL_FDS_MAX] = {0};
    int n = (int)context->spawn->n_fds;
    int r = copy_sources(context->spawn, copies);

    /* Only now: its number may have been a source's. */
    if (r == 0 && dup3(context->report_fd, JAIL_FDS_MAX, O_CLOEXEC) < 0) {
        r = -errno;
    }
    if (r == 0) {
        context->report_fd = JAIL_FDS_MAX;
    }
    for (int i = 0; i < n && r == 0; i++) {
        if (copies[i] < 0) {
            close(i);
        } else if (dup2(copies[i], i) < 0) {
            r = -errno;
        }
    }
    if (r == 0 && n < JAIL_FDS_MAX && close_range((unsigned int)n, JAIL_FDS_MAX - 1, 0) < 0) {
        r = -errno;
    }
    if (r == 0 && close_range(JAIL_FDS_MAX + 1, ~0U, 0) < 0) {
        r = -errno;
    }
    return r;
}

static int
step_limits(struct spawn_context *context)
{
    const struct rlimit none = {0, 0};
    const struct rlimit files = {context->spawn->nofile, context->spawn->nofile};

    if (setrlimit(RLIMIT_CORE, &none) < 0 || setrlimit(RLIMIT_NOFILE, &files) < 0 ||
        (!context->spawn->threads && setrlimit(RLIMIT_NPROC, &none) < 0)) {
        return -errno;
    }
    return 0;
}

static int
step_session(struct spawn_context *context)
{
    sigset_t empty;

    (void)context;
    sigemptyset(&empty);
    if (setsid() < 0 || sigprocmask(SIG_SETMASK, &empty, NULL) < 0) {
        return -errno;
    }
    for (int number = 1; number < SIGRTMIN; number++) {
        signal(number, SIG_DFL); /* refused for KILL and STOP, which is fine */
    }
    return 0;
}

static int
step_capabilities(struct spawn_context *context)
{
    const uint64_t finish = UINT64_C(1) << CAP_SYS_ADMIN | UINT64_C(1) << CAP_SETPCAP;

    (void)context;
    return capabilities_keep(finish);
}

static int
step_no_new_privs(struct spawn_context *context)
{
    (void)context;
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 ||
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) {
        return -errno;
    }
    return 0;
}

static int
step_exec(struct spawn_context *context)
{
    const struct jail_spawn *spawn = context->spawn;
    const bool small_root = !(spawn->flags & (START_FLAG_NO_NAMESPACES | START_FLAG_NO_JAIL));
    const char *path = small_root ? strrchr(spawn->executable, '/') : spawn->executable;
    char *const no_environment[] = {NULL};
    char *const *argv;

    memcpy(&argv, &spawn->argv, sizeof(argv)); /* exec wants char *const *, and changes nothing */
    execve(path, argv, no_environment);
    return -errno;
}

static const struct {
    const char *what;
    int (*run)(struct spawn_context *context);
    bool in_namespaces; /* skipped without them */
} spawn_steps[] = {
    {"give way", step_expendable, false},
    {"map the user id", step_map_ids, true},
    {"make the small root", step_small_root, true},
    {"place descriptors", step_descriptors, false},
    {"set limits", step_limits, false},
    {"start a session", step_session, false},
    {"drop capabilities", step_capabilities, true},
    {"set no-new-privs", step_no_new_privs, false},
    {"execute", step_exec, false},
};

__attribute__((noreturn)) static void
child_run(struct spawn_context *context)
{
    const bool namespaces =
        !(context->spawn->flags & (START_FLAG_NO_NAMESPACES | START_FLAG_NO_JAIL));
    struct spawn_report report = {0};

    /* Out of the way of all placements; step_descriptors() gives it the number that stays open. */
    context->report_fd = fcntl(context->report_fd, F_DUPFD_CLOEXEC, JAIL_FDS_MAX + 1);
    if (context->report_fd < 0) {
        _exit(127);
    }
    for (report.step = 0; report.step < ARRAY_SIZE(spawn_steps); report.step++) {
        if (spawn_steps[report.step].in_namespaces && !namespaces) {
            continue;
        }
        report.error = spawn_steps[report.step].run(context);
        if (report.error < 0) {
            break;
        }
    }
    if (fd_write_full(context->report_fd, &report, sizeof(report)) < 0) {
        _exit(126);
    }
    _exit(127);
}

static int
wait_for_exec(int report_fd, struct jail_child *child, const char **ret_what)
{
    struct spawn_report report;
    int r = fd_read_full(report_fd, &report, sizeof(report));

    if (r == -EIO) { /* end of file without a report: exec closed it */
        return 0;
    }
    waitpid(child->pid, NULL, __WALL);
    fd_closep(&child->pidfd);
    if (r < 0) {
        *ret_what = "start";
        return r;
    }
    *ret_what = spawn_steps[MIN_OF(report.step, ARRAY_SIZE(spawn_steps) - 1)].what;
    return report.error < 0 ? report.error : -EPROTO;
}

int
jail_spawn(const struct jail_spawn *spawn, struct jail_child *ret_child, const char **ret_what)
{
    const bool namespaces = !(spawn->flags & (START_FLAG_NO_NAMESPACES | START_FLAG_NO_JAIL));
    struct spawn_context context = {.spawn = spawn, .uid = geteuid(), .gid = getegid()};
    struct jail_child child = {.pidfd = -1};
    int report[2];

    assert(spawn->n_fds <= JAIL_FDS_MAX);
    *ret_what = JAIL_STEP_NAMESPACES;
    if (pipe2(report, O_CLOEXEC) < 0) {
        return -errno;
    }
    cleanup_fd int report_read = report[0];
    cleanup_fd int report_write = report[1];
    context.report_fd = report_write;
    struct clone_args args = {
        .flags = CLONE_PIDFD | (namespaces ? CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS |
                                                 CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS
                                           : 0),
        .pidfd = (uint64_t)(uintptr_t)&child.pidfd,
        .exit_signal = SIGCHLD,
    };
    long pid = syscall(SYS_clone3, &args, sizeof(args));
    if (pid < 0) {
        return -errno;
    }
    if (pid == 0) {
        child_run(&context);
    }
    child.pid = (pid_t)pid;
    fd_closep(&report_write);
    int r = wait_for_exec(report_read, &child, ret_what);
    if (r == 0) {
        *ret_child = child;
    }
    return r;
}
