/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/wayland-guard/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/base/memory.h"
#include "vmm/base/message.h"
#include "vmm/wayland-guard/probe.h"
#include "vmm/wayland-guard/relay.h"

struct guard {
    struct loop *loop;
    const struct guard_setup *setup;
    int control_fd;
    int gpu_fd;
    int listen_fd;
    int alive_fd[2]; /* a pipe: the security context lasts as long as [1], which is ours */
    struct loop_source *control_source;
    struct loop_source *gpu_source;
    struct loop_source *alive_source;
    char app_id[sizeof(((struct guard_setup *)0)->vm_name) + 32];
    struct probe_context context;
    struct probe *probe; /* until it is known what the compositor has */
    bool probing;
    bool guarded;
    uint64_t
        waiting[GUARD_WAITING_MAX]; /* serials in order; the first `asked` wait for an answer */
    size_t n_waiting;
    size_t n_asked;
    struct relay *relay[GUARD_CONNECTIONS_MAX];
    struct log_limit limit;
};

static void
answer_gpu(struct guard *guard, uint64_t serial, int fd)
{
    const struct wayland_opened opened = {
        .header = {.type = WAYLAND_OPENED, .size = sizeof(opened)}, .serial = serial};
    int r = message_send(guard->gpu_fd, &opened, sizeof(opened), &fd, fd >= 0);

    if (r < 0 && r != -EPIPE) {
        log_limited(&guard->limit, LOG_LEVEL_WARNING, "vmm-gpu takes no answer: %s", strerror(-r));
    }
}

/* Ask the supervisor for a connection for everybody who waits. */
static void
ask_supervisor(struct guard *guard)
{
    const struct guard_connect connect = {
        .header = {.type = GUARD_CONNECT, .size = sizeof(connect)},
        .target = guard->guarded ? GUARD_LISTENER : GUARD_COMPOSITOR};

    while (!guard->probing && guard->n_asked < guard->n_waiting) {
        int r = message_send(guard->control_fd, &connect, sizeof(connect), NULL, 0);
        if (r < 0) {
            loop_quit(guard->loop, r == -EPIPE ? 0 : 1);
            return;
        }
        guard->n_asked++;
    }
}

static void
on_relay_ended(void *data, struct relay *relay)
{
    struct guard *guard = data;

    for (size_t i = 0; i < GUARD_CONNECTIONS_MAX; i++) {
        if (guard->relay[i] == relay) {
            guard->relay[i] = NULL;
        }
    }
    relay_destroy(relay);
}

/* Stand between: the other end for the guest, or -1. */
static int
make_relay(struct guard *guard, int compositor_fd)
{
    int pair[2];
    size_t i = 0;

    while (i < GUARD_CONNECTIONS_MAX && guard->relay[i]) {
        i++;
    }
    if (i == GUARD_CONNECTIONS_MAX || fd_socket_pair(SOCK_STREAM, pair) < 0) {
        log_limited(&guard->limit, LOG_LEVEL_WARNING,
                    "The guest has as many Wayland connections as it may have");
        close(compositor_fd);
        return -1;
    }
    guard->relay[i] = relay_create(guard->loop, pair[0], compositor_fd, on_relay_ended, guard);
    if (!guard->relay[i]) {
        close(pair[1]);
        return -1;
    }
    return pair[1];
}

static void
on_connected(struct guard *guard, const struct guard_connected *connected, int fd)
{
    uint64_t serial = guard->waiting[0];

    if (guard->n_asked == 0) {
        fd_closep(&fd);
        return;
    }
    guard->n_asked--;
    guard->n_waiting--;
    memmove(guard->waiting, guard->waiting + 1, guard->n_waiting * sizeof(guard->waiting[0]));
    if (fd < 0) {
        log_limited(&guard->limit, LOG_LEVEL_WARNING, "The compositor cannot be reached: %s",
                    strerror((int)connected->error));
    } else if (!guard->guarded) {
        fd = make_relay(guard, fd);
    }
    answer_gpu(guard, serial, fd);
    fd_closep(&fd);
}

static void
on_control(void *data, uint32_t events)
{
    struct guard *guard = data;
    struct guard_connected connected;
    struct message_fds fds;
    ssize_t n = message_receive(guard->control_fd, &connected, sizeof(connected), &fds);

    (void)events;
    if (n == -EMSGSIZE) {
        /* The supervisor's words are never too long: there was no room for the descriptor. */
        connected = (struct guard_connected){.header.type = GUARD_CONNECTED, .error = EMFILE};
        n = sizeof(connected);
    }
    if (n != sizeof(connected) || connected.header.type != GUARD_CONNECTED) {
        if (n > 0) {
            message_close_fds(&fds);
        }
        loop_quit(guard->loop, n == 0 ? 0 : 1);
        return;
    }
    on_connected(guard, &connected, message_take_fd(&fds, 0));
    message_close_fds(&fds);
    ask_supervisor(guard);
}

static void
on_gpu(void *data, uint32_t events)
{
    struct guard *guard = data;
    struct wayland_open open;
    ssize_t n = message_receive(guard->gpu_fd, &open, sizeof(open), NULL);

    (void)events;
    if (n == -EAGAIN) {
        return;
    }
    if (n != sizeof(open) || open.header.type != WAYLAND_OPEN) {
        loop_quit(guard->loop, n == 0 ? 0 : 1);
        return;
    }
    if (guard->n_waiting == GUARD_WAITING_MAX) {
        answer_gpu(guard, open.serial, -1);
        return;
    }
    guard->waiting[guard->n_waiting++] = open.serial;
    ask_supervisor(guard);
}

/*
 * Nobody has the other end of the pipe: the compositor is gone, and nobody accepts what connects to
 * its listening socket. A new guard filters what goes to the next compositor.
 */
static void
on_context_ended(void *data, uint32_t events)
{
    struct guard *guard = data;

    if (events & (EPOLLERR | EPOLLHUP)) {
        log_warning("The compositor ended the sandbox for the guest's windows");
        loop_quit(guard->loop, 0);
    }
}

static void
on_probed(void *data, bool guarded)
{
    struct guard *guard = data;

    guard->probing = false;
    guard->guarded = guarded;
    /* Whoever has the listening socket now, it is not us. */
    fd_closep(&guard->listen_fd);
    fd_closep(&guard->alive_fd[0]);
    log_info("%s", guarded ? "The compositor treats the guest's windows as sandboxed"
                           : "The compositor knows no sandboxes; what is not for guests is hidden");
    if (guarded) {
        guard->alive_source = loop_add(guard->loop, guard->alive_fd[1], 0, on_context_ended, guard);
    }
    ask_supervisor(guard);
}

static int
start_probe(struct guard *guard, const struct guard_setup *setup)
{
    snprintf(guard->app_id, sizeof(guard->app_id), "org.vitrine.machine.%.*s",
             (int)sizeof(setup->vm_name) - 1, setup->vm_name);
    guard->context = (struct probe_context){.listen_fd = guard->listen_fd,
                                            .alive_fd = guard->alive_fd[0],
                                            .app_id = guard->app_id,
                                            .instance = setup->vm_uuid};
    if (setup->compositor_fd < 0) {
        return 0; /* it did not answer; perhaps it does later */
    }
    guard->probing = true;
    guard->probe =
        probe_create(guard->loop, setup->compositor_fd, &guard->context, on_probed, guard);
    return guard->probe ? 0 : -errno;
}

struct guard *
guard_create(struct loop *loop, const struct guard_setup *setup, int control_fd)
{
    cleanup(guard_destroyp) struct guard *guard = xalloc(sizeof(*guard));
    const struct start_header hello = {.type = WAYLAND_HELLO, .size = sizeof(hello)};

    guard->loop = loop;
    guard->setup = setup;
    guard->control_fd = control_fd;
    guard->gpu_fd = setup->gpu_fd;
    guard->listen_fd = setup->listen_fd;
    guard->alive_fd[0] = guard->alive_fd[1] = -1;
    if (fd_set_nonblocking(guard->gpu_fd) < 0 || pipe2(guard->alive_fd, O_CLOEXEC) < 0) {
        return NULL;
    }
    guard->control_source = loop_add(loop, control_fd, EPOLLIN, on_control, guard);
    guard->gpu_source = loop_add(loop, guard->gpu_fd, EPOLLIN, on_gpu, guard);
    if (!guard->control_source || !guard->gpu_source || start_probe(guard, setup) < 0) {
        return NULL;
    }
    int r = message_send(guard->gpu_fd, &hello, sizeof(hello), NULL, 0);
    if (r < 0 && r != -EAGAIN) {
        errno = -r;
        return NULL;
    }
    return take_pointer(guard);
}

void
guard_destroy(struct guard *guard)
{
    for (size_t i = 0; i < GUARD_CONNECTIONS_MAX; i++) {
        if (guard->relay[i]) {
            relay_destroy(guard->relay[i]);
        }
    }
    probe_destroy(guard->probe);
    loop_remove(guard->control_source);
    loop_remove(guard->gpu_source);
    loop_remove(guard->alive_source);
    fd_closep(&guard->gpu_fd);
    fd_closep(&guard->listen_fd);
    fd_closep(&guard->alive_fd[0]);
    fd_closep(&guard->alive_fd[1]);
    free(guard);
}
