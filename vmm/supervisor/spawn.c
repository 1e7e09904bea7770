/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/supervisor/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vmm/base/fd.h"
#include "vmm/base/memory.h"
#include "vmm/base/message.h"
#include "vmm/supervisor/processes.h"
#include "vmm/supervisor/trace.h"

static int
fail_spawn(const struct child *child, int error, const char *what, struct failure *failure)
{
    if (strcmp(what, JAIL_STEP_NAMESPACES) == 0 &&
        (error == EPERM || error == EUSERS || error == ENOSPC || error == EACCES)) {
        return failure_set(failure, EXIT_STATUS_FAILED, "no-namespaces",
                           "This computer refuses sandboxes (%s); allow user namespaces with "
                           "“sudo sysctl kernel.unprivileged_userns_clone=1 "
                           "user.max_user_namespaces=10000”, or add --allow-no-namespaces.",
                           strerror(error));
    }
    if (strcmp(what, "execute") == 0 && (error == ENOENT || error == EACCES)) {
        return failure_set(failure, EXIT_STATUS_FAILED, "cannot-start",
                           "The part %s is not installed in “%s”; install Vitrine again.",
                           child->row->executable, child->vm->helpers);
    }
    return failure_set(failure, EXIT_STATUS_FAILED, "cannot-start",
                       "The %s could not be started: it could not %s (%s).", child->row->label,
                       what, strerror(error));
}

/* stage one, with the descriptors of `plan` at their numbers. */
static int
spawn_with_plan(struct child *child, const struct fd_plan *plan, struct failure *failure)
{
    const struct vm *vm = child->vm;
    cleanup_free char *executable = xasprintf("%s/%s", vm->helpers, child->row->executable);
    const char *const argv[] = {child->row->executable, NULL};
    struct jail_spawn spawn = {
        .executable = executable,
        .argv = argv,
        .fds = plan->fd,
        .n_fds = plan->count,
        .nofile = child->row->nofile,
        .threads = child->row->threads,
        .expendable = child->row->expendable,
        .root_paths = child->row->root_paths,
        .flags = vm->start_flags,
    };
    struct jail_child started;
    const char *what = "start";
    int r;

    if (access(executable, X_OK) < 0) {
        return fail_spawn(child, errno, "execute", failure);
    }
    r = jail_spawn(&spawn, &started, &what);
    if (r < 0) {
        return fail_spawn(child, -r, what, failure);
    }
    child->pid = started.pid;
    child->pidfd = started.pidfd;
    child->n_fds = plan->count;
    return 0;
}

static void
begin_setup(const struct child *child, struct start_setup *start)
{
    static const enum log_level levels[] = {
        [CONFIG_LOG_ERROR] = LOG_LEVEL_ERROR,
        [CONFIG_LOG_WARNING] = LOG_LEVEL_WARNING,
        [CONFIG_LOG_INFO] = LOG_LEVEL_INFO,
        [CONFIG_LOG_DEBUG] = LOG_LEVEL_DEBUG,
    };

    start->header =
        (struct start_header){.type = START_SETUP, .size = (uint32_t)child->row->setup_size};
    start->flags = child->vm->start_flags;
    start->log_level = levels[child->vm->config->log_level];
    snprintf(start->name, sizeof(start->name), "%s", child->name);
}

int
child_spawn(struct child *child, struct failure *failure)
{
    union any_setup *setup = NULL;
    struct fd_plan plan = {0};
    int control[2];
    int log[2];
    int r;

    if (fd_socket_pair(SOCK_SEQPACKET, control) < 0) {
        return fail_spawn(child, errno, "make its control socket", failure);
    }
    child->control_fd = control[0];
    cleanup_fd int control_end = control[1];
    cleanup_fd int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0 || pipe2(log, O_CLOEXEC) < 0) {
        return fail_spawn(child, errno, "make its log pipe", failure);
    }
    child->log_fd = log[0];
    cleanup_fd int log_end = log[1];
    fd_set_nonblocking(child->control_fd);
    fd_set_nonblocking(child->log_fd);
    const int first[] = {null, null, log_end, control_end}; /* vmm/protocol/start.h */
    for (size_t i = 0; i < START_FD_FIRST; i++) {
        fd_plan_add(&plan, first[i]);
    }
    setup = xalloc(sizeof(*setup));
    begin_setup(child, &setup->start);
    child->row->compose(child, &plan, setup);
    setup->start.marker_fd =
        trace_has_points(child) ? fd_plan_add(&plan, child->vm->trace_marker_fd) : -1;
    r = spawn_with_plan(child, &plan, failure);
    if (r == 0) {
        setup->start.pid = child->pid;
        r = message_send(child->control_fd, setup, child->row->setup_size, NULL, 0);
        if (r < 0) {
            fail_spawn(child, -r, "be told what to do", failure);
        }
    }
    free(setup);
    return r < 0 ? -1 : 0;
}

void
child_close(struct child *child)
{
    loop_remove(child->pid_source);
    loop_remove(child->control_source);
    loop_remove(child->log_source);
    child->pid_source = NULL;
    child->control_source = NULL;
    child->log_source = NULL;
    fd_closep(&child->control_fd);
    fd_closep(&child->log_fd);
    fd_closep(&child->pidfd);
}

static void
say_signal(const struct child *child, int number, struct failure *failure)
{
    if (number == SIGSYS) {
        failure_set(
            failure, EXIT_STATUS_FAILED, "blocked-call",
            "The %s asked the kernel for something that it may not use and was ended; start "
            "again, and report it if it happens again.",
            child->row->label);
    } else if (number == SIGKILL) {
        failure_set(failure, EXIT_STATUS_FAILED, "part-died", "The %s was killed; start again.",
                    child->row->label);
    } else {
        /* As the first process of its namespace even an abort() looks like a bad access. */
        failure_set(failure, EXIT_STATUS_FAILED, "part-died",
                    "The %s crashed; start again, and report it if it happens again.",
                    child->row->label);
    }
}

void
child_reap(struct child *child, struct failure *failure)
{
    siginfo_t info = {0};
    int r;

    do {
        r = waitid(P_PIDFD, (id_t)child->pidfd, &info, WEXITED | __WALL);
    } while (r < 0 && errno == EINTR);
    child->pid = 0;
    child->killed = r == 0 && info.si_code == CLD_KILLED && info.si_status == SIGKILL;
    if (r == 0 && info.si_code != CLD_EXITED && info.si_status == SIGSYS) {
        child->blocked++;
    }
    if (!failure) {
        return;
    }
    if (r == 0 && info.si_code != CLD_EXITED) {
        say_signal(child, info.si_status, failure);
    } else {
        failure_set(failure, EXIT_STATUS_FAILED, "part-died",
                    "The %s ended by itself (status %d); start again.", child->row->label,
                    info.si_status);
    }
    snprintf(failure->part, sizeof(failure->part), "%s", child->name);
}

void
child_kill(struct child *child)
{
    if (child->pid > 0) {
        pidfd_send_signal(child->pidfd, SIGKILL, NULL, 0);
        child_reap(child, NULL);
    }
    if (child->log_fd >= 0) {
        (void)log_reader_read(&child->log, child->log_fd, child->name, child->vm->log);
    }
    child_close(child);
}

int
child_send(struct child *child, uint32_t type)
{
    const struct start_header header = {.type = type, .size = sizeof(header)};

    if (child->control_fd < 0) {
        return -ENOTCONN;
    }
    return message_send(child->control_fd, &header, sizeof(header), NULL, 0);
}
