/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/supervisor/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/base/memory.h"
#include "vmm/jail/spawn.h"
#include "vmm/supervisor/end-signals.h"
#include "vmm/supervisor/events.h"
#include "vmm/supervisor/paths.h"
#include "vmm/supervisor/processes.h"

enum {
    PROBE_LIMIT_MS = 5000,      /* the probe itself gives its payload 500 ms */
    PROBE_GPU_LIMIT_MS = 20000, /* Mesa and LLVM from a cold disk, on a busy computer */
    KILLED_LIMIT_MS = 2000,     /* for the kernel to let go of one that was killed */
    ANSWER_SIZE = 512,
};

enum outcome {
    OUTCOME_ANSWERED,
    OUTCOME_LATE,
    OUTCOME_TOLD_TO_END,
};

struct probe {
    const char *executable;
    const char *const *argv;
    int extra_fd;                  /* number 3 in the child, or -1 */
    int second_fd;                 /* number 4, or 0 */
    const struct process_row *row; /* whose jail it gets; NULL: the plain one */
    uint32_t flags;
    int limit_ms;              /* 0: PROBE_LIMIT_MS */
    enum outcome *ret_outcome; /* or NULL */
};

static int
fail_start(const struct probe *probe, int error, const char *what, struct failure *failure)
{
    if (strcmp(what, JAIL_STEP_NAMESPACES) == 0) {
        return failure_set(failure, EXIT_STATUS_FAILED, "no-namespaces",
                           "This computer refuses sandboxes (user namespaces: %s).",
                           strerror(error));
    }
    return failure_set(failure, EXIT_STATUS_FAILED,
                       strcmp(what, "execute") == 0 ? "cannot-start" : "no-namespaces",
                       "%s could not be started: it could not %s (%s).", probe->executable, what,
                       strerror(error));
}

/* The child's output until it ends. A signal stays for the machine's loop. */
static enum outcome
read_answer(int fd, int limit_ms, char *answer, size_t size)
{
    cleanup_fd int signal_fd = end_signals_open();
    struct pollfd readable[] = {{.fd = fd, .events = POLLIN}, {.fd = signal_fd, .events = POLLIN}};
    const uint64_t end = events_now_ms() + (uint64_t)limit_ms;
    size_t used = 0;
    ssize_t n = 1;

    answer[0] = '\0';
    while (n > 0 && used < size - 1) {
        const uint64_t now = events_now_ms();

        if (now >= end || poll(readable, ARRAY_SIZE(readable), (int)(end - now)) <= 0) {
            return OUTCOME_LATE;
        }
        if (readable[1].revents) {
            return OUTCOME_TOLD_TO_END;
        }
        n = read(fd, answer + used, size - 1 - used);
        used += n > 0 ? (size_t)n : 0;
        answer[used] = '\0';
    }
    return OUTCOME_ANSWERED;
}

/* Not for ever: a process that waits in a driver does not end even when it is killed. */
static void
reap(struct jail_child *child, bool kills, siginfo_t *ret_info)
{
    struct pollfd ended = {.fd = child->pidfd, .events = POLLIN};

    if (kills || poll(&ended, 1, KILLED_LIMIT_MS) <= 0) {
        pidfd_send_signal(child->pidfd, SIGKILL, NULL, 0);
        (void)poll(&ended, 1, KILLED_LIMIT_MS);
    }
    *ret_info = (siginfo_t){0};
    waitid(P_PIDFD, (id_t)child->pidfd, ret_info, WEXITED | WNOHANG | __WALL);
    fd_closep(&child->pidfd);
}

/* Returns the exit status, -1 with *failure set when it could not start or did not end well. */
static int
run_jailed(const struct probe *probe, char *answer, size_t size, struct failure *failure)
{
    cleanup_free char *helpers = path_helpers();
    cleanup_free char *executable = xasprintf("%s/%s", helpers, probe->executable);
    cleanup_fd int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    siginfo_t info;
    struct jail_child child = {.pidfd = -1};
    const char *what = "make a pipe";
    int output[2];

    if (null < 0 || pipe2(output, O_CLOEXEC) < 0) {
        return fail_start(probe, errno, what, failure);
    }
    cleanup_fd int output_read = output[0];
    cleanup_fd int output_write = output[1];
    const int fds[] = {null, output_write, null, probe->extra_fd, probe->second_fd};
    const struct jail_spawn spawn = {.executable = executable,
                                     .argv = probe->argv,
                                     .fds = fds,
                                     .n_fds = probe->second_fd > 0 ? 5 : 4,
                                     .nofile = probe->row ? probe->row->nofile : 64,
                                     .threads = probe->row && probe->row->threads,
                                     .root_paths = probe->row ? probe->row->root_paths : NULL,
                                     .flags = probe->flags};
    int r = access(executable, X_OK) < 0 ? -errno : jail_spawn(&spawn, &child, &what);
    if (r < 0) {
        return fail_start(probe, -r, what, failure);
    }
    fd_closep(&output_write);
    const enum outcome outcome =
        read_answer(output_read, probe->limit_ms ? probe->limit_ms : PROBE_LIMIT_MS, answer, size);
    if (probe->ret_outcome) {
        *probe->ret_outcome = outcome;
    }
    reap(&child, outcome != OUTCOME_ANSWERED, &info);
    if (info.si_code != CLD_EXITED) {
        return failure_set(failure, EXIT_STATUS_FAILED, "kvm-broken",
                           "The test guest did not end well (signal %d).", info.si_status);
    }
    return info.si_status;
}

int
probe_run(int kvm_fd, struct failure *failure)
{
    static const char *const argv[] = {"vmm-machine", "--probe", "3", NULL};
    const struct probe probe = {.executable = "vmm-machine", .argv = argv, .extra_fd = kvm_fd};
    char answer[ANSWER_SIZE];
    char *sentence;
    int status = run_jailed(&probe, answer, sizeof(answer), failure);

    if (status <= 0) {
        return status;
    }
    answer[strcspn(answer, "\n")] = '\0';
    sentence = strchr(answer, ' ');
    if (!sentence) {
        return failure_set(failure, EXIT_STATUS_FAILED, "kvm-broken",
                           "The test guest ended with status %d.", status);
    }
    *sentence++ = '\0';
    return failure_set(failure, EXIT_STATUS_FAILED, answer, "%s", sentence);
}

int
probe_sandbox(struct failure *failure)
{
    static const char *const argv[] = {"vmm-machine", "--policy", NULL};
    const struct probe probe = {.executable = "vmm-machine", .argv = argv, .extra_fd = -1};
    char answer[ANSWER_SIZE * 16];
    int status = run_jailed(&probe, answer, sizeof(answer), failure);

    return status == 0 ? 0 : -1;
}

static bool
try_gpu(const struct probe_gpu *gpu, int venus_fd, char *reason, size_t size)
{
    char flags[16];
    enum outcome outcome = OUTCOME_ANSWERED;
    const char *const argv[] = {
        "vmm-gpu", "--probe", gpu->level, flags, gpu->fault ? "crash" : NULL, NULL};
    const struct probe probe = {.executable = gpu->row->executable,
                                .argv = argv,
                                .extra_fd = gpu->render_fd,
                                .second_fd = MAX_OF(venus_fd, 0),
                                .row = gpu->row,
                                .flags = gpu->flags,
                                .limit_ms = gpu->limit_ms ? gpu->limit_ms : PROBE_GPU_LIMIT_MS,
                                .ret_outcome = &outcome};
    char answer[ANSWER_SIZE] = "";
    struct failure failure;

    snprintf(flags, sizeof(flags), "%u", gpu->flags);
    int status = run_jailed(&probe, answer, sizeof(answer), &failure);
    if (status == 0) {
        return true;
    }
    if (status < 0) {
        snprintf(reason, size, "its trial %s",
                 outcome == OUTCOME_LATE          ? "took too long"
                 : outcome == OUTCOME_TOLD_TO_END ? "was ended by a signal"
                                                  : "crashed");
        return false;
    }
    answer[strcspn(answer, "\n")] = '\0';
    snprintf(reason, size, "%s", answer[0] ? answer : "its trial failed");
    return false;
}

bool
probe_gpu(const struct probe_gpu *gpu, char *reason, size_t size)
{
    return try_gpu(gpu, -1, reason, size);
}

/* A render server with that end of its socket; -errno. */
static int
start_render_server(int fd, uint32_t flags, struct jail_child *ret_child)
{
    cleanup_free char *helpers = path_helpers();
    cleanup_free char *executable = xasprintf("%s/%s", helpers, process_render.executable);
    cleanup_fd int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    char number[16];
    const char *const argv[] = {process_render.executable, "--probe", number, NULL};
    const int fds[] = {null, null, null, -1, fd};
    const struct jail_spawn spawn = {.executable = executable,
                                     .argv = argv,
                                     .fds = fds,
                                     .n_fds = ARRAY_SIZE(fds),
                                     .nofile = process_render.nofile,
                                     .threads = process_render.threads,
                                     .expendable = process_render.expendable,
                                     .root_paths = process_render.root_paths,
                                     .flags = flags};
    const char *what;

    snprintf(number, sizeof(number), "%u", flags);
    if (null < 0 || access(executable, X_OK) < 0) {
        return -errno;
    }
    return jail_spawn(&spawn, ret_child, &what);
}

bool
probe_venus(const struct probe_gpu *gpu, char *reason, size_t size)
{
    struct jail_child server = {.pidfd = -1};
    siginfo_t info;
    int pair[2];
    int r = fd_socket_pair(SOCK_SEQPACKET, pair);

    if (r < 0) {
        snprintf(reason, size, "its socket cannot be made (%s)", strerror(-r));
        return false;
    }
    cleanup_fd int gpu_end = pair[0];
    cleanup_fd int server_end = pair[1];
    r = start_render_server(server_end, gpu->flags, &server);
    fd_closep(&server_end);
    if (r < 0) {
        snprintf(reason, size, "the Vulkan renderer does not start (%s)", strerror(-r));
        return false;
    }
    bool works = try_gpu(gpu, gpu_end, reason, size);
    reap(&server, true, &info);
    return works;
}
