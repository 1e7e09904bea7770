/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/device/guard-rig.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/base/message.h"

static bool
wait_for(int fd)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};

    return poll(&wait, 1, RIG_LIMIT_MS) == 1;
}

static void
run_child(const char *executable, const int fds[4])
{
    int high[4];

    for (int i = 0; i < 4; i++) {
        high[i] = fcntl(fds[i], F_DUPFD, 100);
    }
    for (int i = 0; i < 4; i++) {
        dup2(high[i], START_FD_CONTROL + i);
    }
    close_range(START_FD_CONTROL + 4, ~0U, 0);
    execl(executable, executable, (char *)NULL);
    _exit(127);
}

bool
rig_start_between(struct guard_rig *rig, int listener, int compositor_fd)
{
    const char *executable = getenv("VMM_WAYLAND_GUARD");
    struct guard_setup setup = {
        .start = {.header = {.type = START_SETUP, .size = sizeof(setup)},
                  .flags = getenv("FAKE_NO_JAIL") ? START_FLAG_NO_JAIL : START_FLAG_NO_NAMESPACES,
                  .log_level = getenv("FAKE_VERBOSE") ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR,
                  .name = "under-test"},
        .gpu_fd = START_FD_FIRST,
        .compositor_fd = START_FD_FIRST + 1,
        .listen_fd = START_FD_FIRST + 2,
        .vm_name = "demo",
        .vm_uuid = "1-2-3",
    };
    struct start_failed answer;
    int control[2];
    int gpu[2];

    rig->listener = listener;
    if (!executable || listener < 0 || fd_socket_pair(SOCK_SEQPACKET, control) < 0 ||
        fd_socket_pair(SOCK_SEQPACKET, gpu) < 0) {
        return false;
    }
    rig->pid = fork();
    if (rig->pid == 0) {
        run_child(executable, (int[4]){control[1], gpu[1], compositor_fd, rig->listener});
    }
    close(control[1]);
    close(gpu[1]);
    close(compositor_fd);
    rig->control = control[0];
    rig->gpu = gpu[0];
    return message_send(rig->control, &setup, sizeof(setup), NULL, 0) == 0 &&
           wait_for(rig->control) &&
           message_receive(rig->control, &answer, sizeof(answer), NULL) >=
               (ssize_t)sizeof(answer.header) &&
           answer.header.type == START_READY && wait_for(rig->gpu) &&
           message_receive(rig->gpu, &answer, sizeof(answer), NULL) == sizeof(answer.header) &&
           answer.header.type == WAYLAND_HELLO;
}

bool
rig_start(struct guard_rig *rig)
{
    int pair[2];

    if (fd_socket_pair(SOCK_STREAM, pair) < 0) {
        return false;
    }
    rig->compositor = pair[0];
    return rig_start_between(rig, socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), pair[1]);
}

int
rig_stop(struct guard_rig *rig)
{
    int status = 0;
    int waited = 0;
    pid_t r;

    fd_closep(&rig->control);
    fd_closep(&rig->gpu);
    fd_closep(&rig->compositor);
    fd_closep(&rig->listener);
    while ((r = waitpid(rig->pid, &status, WNOHANG)) == 0 && waited++ < RIG_LIMIT_MS) {
        usleep(1000);
    }
    if (r == 0) {
        kill(rig->pid, SIGKILL);
        waitpid(rig->pid, &status, 0);
        return -1000;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

bool
rig_open(struct guard_rig *rig, uint64_t serial)
{
    const struct wayland_open open = {.header = {.type = WAYLAND_OPEN, .size = sizeof(open)},
                                      .serial = serial};

    return message_send(rig->gpu, &open, sizeof(open), NULL, 0) == 0;
}

bool
rig_connect_with(struct guard_rig *rig, uint32_t target, int fd)
{
    struct guard_connect asked;
    const struct guard_connected answer = {
        .header = {.type = GUARD_CONNECTED, .size = sizeof(answer)}};

    return wait_for(rig->control) &&
           message_receive(rig->control, &asked, sizeof(asked), NULL) == sizeof(asked) &&
           asked.header.type == GUARD_CONNECT && asked.target == target &&
           message_send(rig->control, &answer, sizeof(answer), &fd, 1) == 0;
}

int
rig_connect(struct guard_rig *rig, uint32_t target)
{
    int pair[2];

    if (fd_socket_pair(SOCK_STREAM, pair) < 0) {
        return -1;
    }
    bool good = rig_connect_with(rig, target, pair[1]);
    close(pair[1]);
    return good ? pair[0] : -1;
}

int
rig_opened(struct guard_rig *rig, uint64_t serial)
{
    struct wayland_opened opened;
    struct message_fds fds;

    if (!wait_for(rig->gpu) ||
        message_receive(rig->gpu, &opened, sizeof(opened), &fds) != sizeof(opened) ||
        opened.header.type != WAYLAND_OPENED || opened.serial != serial) {
        return -1;
    }
    return message_take_fd(&fds, 0);
}

size_t
wire_put(uint8_t *out, uint32_t id, uint32_t opcode, const uint32_t *words, size_t n)
{
    size_t size = 8 + n * 4;
    uint32_t header[2] = {id, (uint32_t)size << 16 | opcode};

    memcpy(out, header, sizeof(header));
    if (n > 0) {
        memcpy(out + 8, words, n * 4);
    }
    return size;
}

static size_t
put_string(uint32_t *words, const char *text)
{
    size_t length = strlen(text) + 1;

    words[0] = (uint32_t)length;
    memset(words + 1, 0, align_up(length, 4));
    memcpy(words + 1, text, length);
    return 1 + align_up(length, 4) / 4;
}

size_t
wire_put_global(uint8_t *out, uint32_t id, uint32_t name, const char *interface, uint32_t version)
{
    uint32_t words[64] = {name};
    size_t n = 1 + put_string(words + 1, interface);

    words[n++] = version;
    return wire_put(out, id, 0, words, n);
}

size_t
wire_put_bind(uint8_t *out, uint32_t registry, uint32_t name, const char *interface, uint32_t id)
{
    uint32_t words[64] = {name};
    size_t n = 1 + put_string(words + 1, interface);

    words[n++] = 1; /* version */
    words[n++] = id;
    return wire_put(out, registry, 0, words, n);
}

bool
wire_send(int fd, const void *data, size_t size, const int *fds, size_t n_fds)
{
    return message_send(fd, data, size, fds, n_fds) == 0;
}

bool
wire_read(struct wire *wire, size_t size)
{
    while (wire->size < size) {
        struct message_fds fds;
        ssize_t n = wait_for(wire->fd) ? message_receive(wire->fd, wire->data + wire->size,
                                                         sizeof(wire->data) - wire->size, &fds)
                                       : -1;
        if (n <= 0) {
            return false;
        }
        wire->size += (size_t)n;
        for (size_t i = 0; i < fds.count; i++) {
            wire->fds[wire->n_fds++] = message_take_fd(&fds, i);
        }
    }
    return true;
}

bool
wire_ends(struct wire *wire)
{
    char byte;

    return wait_for(wire->fd) && recv(wire->fd, &byte, 1, 0) == 0;
}

void
wire_close(struct wire *wire)
{
    fd_closep(&wire->fd);
    for (size_t i = 0; i < wire->n_fds; i++) {
        fd_closep(&wire->fds[i]);
    }
}
