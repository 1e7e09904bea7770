/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/supervisor/wayland.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/base/memory.h"
#include "vmm/base/message.h"
#include "vmm/supervisor/events.h"
#include "vmm/supervisor/lifecycle.h"
#include "vmm/supervisor/processes.h"
#include "vmm/supervisor/spawn.h"
#include "vmm/supervisor/unix-socket.h"

enum {
    LISTEN_BACKLOG = 64,
    RESTARTS_WINDOW_MS = 30 * 1000,
};

void
wayland_init(struct wayland_edge *edge)
{
    *edge = (struct wayland_edge){-1, -1, -1, -1, -1, {0}, 0};
}

void
wayland_close(struct wayland_edge *edge)
{
    fd_closep(&edge->gpu_fd);
    fd_closep(&edge->guard_fd);
    fd_closep(&edge->compositor_fd);
    fd_closep(&edge->listen_fd);
    fd_closep(&edge->listen_path_fd);
}

/*
 * The socket that a compositor with wp_security_context_v1 listens on for us. Its name is removed at
 * once: only who has listen_path_fd can connect.
 */
static int
make_listener(const struct runtime_dir *runtime, struct wayland_edge *edge)
{
    cleanup_free char *path = xasprintf("/proc/self/fd/%d/wayland", runtime->fd);
    int r = 0;

    edge->listen_fd = unix_socket_listen(path, LISTEN_BACKLOG);
    if (edge->listen_fd < 0) {
        r = edge->listen_fd;
        edge->listen_fd = -1;
    } else {
        edge->listen_path_fd = openat(runtime->fd, "wayland", O_PATH | O_CLOEXEC | O_NOFOLLOW);
        r = edge->listen_path_fd < 0 ? -errno : 0;
    }
    unlinkat(runtime->fd, "wayland", 0);
    return r;
}

int
wayland_open(struct vm *vm, struct failure *failure)
{
    struct wayland_edge *edge = &vm->wayland;
    const char *path = vm->config->wayland_sock.path;
    int pair[2];
    int r;

    if (!vm->runtime) {
        return failure_set(failure, EXIT_STATUS_USAGE, "bad-config",
                           "--wayland-sock names a socket by its path, which a machine of “vmm "
                           "launcher” cannot open; leave it out.");
    }
    edge->compositor_fd = unix_socket_connect(path);
    if (edge->compositor_fd < 0) {
        return failure_set(
            failure, EXIT_STATUS_USAGE,
            edge->compositor_fd == -ENOENT ? "file-missing" : "file-bad",
            "--wayland-sock: No compositor answers at “%s” (%s); give its socket, usually "
            "$XDG_RUNTIME_DIR/wayland-0.",
            path, strerror(-edge->compositor_fd));
    }
    r = make_listener(vm->runtime, edge);
    r = r < 0 ? r : fd_socket_pair(SOCK_SEQPACKET, pair);
    if (r < 0) {
        return failure_set(failure, EXIT_STATUS_FAILED, "cannot-start",
                           "The sockets for the guest's windows cannot be made (%s).",
                           strerror(-r));
    }
    edge->gpu_fd = pair[0];
    edge->guard_fd = pair[1];
    return 0;
}

static int
connect_target(const struct vm *vm, uint32_t target)
{
    char path[64];

    if (target == GUARD_COMPOSITOR) {
        return unix_socket_connect(vm->config->wayland_sock.path);
    }
    snprintf(path, sizeof(path), "/proc/self/fd/%d", vm->wayland.listen_path_fd);
    return unix_socket_connect(path);
}

bool
wayland_on_message(struct child *guard, const struct guard_connect *connect, size_t size)
{
    struct guard_connected answer = {.header = {.type = GUARD_CONNECTED, .size = sizeof(answer)}};

    if (size != sizeof(*connect) || connect->header.type != GUARD_CONNECT ||
        connect->target > GUARD_LISTENER) {
        return false;
    }
    int r = connect_target(guard->vm, connect->target);
    cleanup_fd int fd = r;

    answer.error = (uint32_t)(r < 0 ? -r : 0);
    (void)message_send(guard->control_fd, &answer, sizeof(answer), &fd, fd >= 0);
    return true;
}

static void
start_guard(struct child *guard)
{
    struct vm *vm = guard->vm;
    struct failure failure;

    fd_closep(&vm->wayland.compositor_fd);
    vm->wayland.compositor_fd = unix_socket_connect(vm->config->wayland_sock.path);
    if (lifecycle_start_child(guard, &failure) < 0) {
        log_file_write(vm->log, "vmm", LOG_LEVEL_ERROR, failure.sentence);
        child_close(guard);
        wayland_close(&vm->wayland);
    }
}

/*
 * Whether the guard may be started again, which then counts. Only many times in a row are too many: it
 * ends with each compositor that knows sandboxes, and a machine outlives many of these.
 */
static bool
count_restart(struct wayland_edge *edge)
{
    uint64_t *oldest = &edge->restarts_ms[edge->n_restarts % ARRAY_SIZE(edge->restarts_ms)];
    const uint64_t now = events_now_ms();

    if (*oldest != 0 && now - *oldest < RESTARTS_WINDOW_MS) {
        return false;
    }
    *oldest = now;
    edge->n_restarts++;
    return true;
}

void
wayland_guard_ended(struct child *guard, const struct failure *how)
{
    struct vm *vm = guard->vm;

    if (!guard->ready && guard->restarts == 0) {
        lifecycle_end(vm, how);
        return;
    }
    guard->ready = false;
    bool again = count_restart(&vm->wayland);
    /* The cure after the semicolon is ours. */
    log_file_print(vm->log, LOG_LEVEL_WARNING, "%.*s; %s.", failure_cause_length(how),
                   how->sentence,
                   again ? "it is started again" : "the guest opens no more windows on the host");
    if (!again) {
        wayland_close(&vm->wayland); /* vmm-gpu sees the end of its socket */
        return;
    }
    guard->restarts++;
    start_guard(guard);
    lifecycle_list_processes(vm);
}

void
wayland_renew(struct vm *vm)
{
    struct child *guard = vm_child(vm, process_wayland_guard.name);
    int pair[2];

    if (!guard || vm->wayland.guard_fd < 0) {
        return;
    }
    child_kill(guard);
    guard->ready = false;
    guard->restarts += guard->restarts == 0; /* a failure is no failure of the start any more */
    if (fd_socket_pair(SOCK_SEQPACKET, pair) < 0) {
        wayland_close(&vm->wayland);
        return;
    }
    fd_closep(&vm->wayland.guard_fd);
    vm->wayland.gpu_fd = pair[0];
    vm->wayland.guard_fd = pair[1];
    start_guard(guard);
}
