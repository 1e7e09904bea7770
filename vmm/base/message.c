/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/base/message.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "vmm/base/assert.h"
#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"

union control_buffer {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int) * MESSAGE_FDS_MAX)];
};

static ssize_t
send_with_fds(int socket, const struct iovec *part, const int *fds, size_t n_fds, int flags)
{
    struct iovec iov = *part;
    union control_buffer control;
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    ssize_t n;

    assert(n_fds <= MESSAGE_FDS_MAX);
    if (n_fds > 0) {
        memset(&control, 0, sizeof(control));
        msg.msg_control = control.bytes;
        msg.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
        struct cmsghdr *c = &control.header;
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
        memcpy(CMSG_DATA(c), fds, sizeof(int) * n_fds);
    }
    do {
        n = sendmsg(socket, &msg, flags);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

int
message_send(int socket, const void *data, size_t size, const int *fds, size_t n_fds)
{
    struct iovec iov = {.iov_len = size};

    memcpy(&iov.iov_base, &data, sizeof(data)); /* iovec has no const form */
    ssize_t n = send_with_fds(socket, &iov, fds, n_fds, MSG_NOSIGNAL);
    if (n < 0) {
        return (int)n;
    }
    return (size_t)n == size ? 0 : -EMSGSIZE;
}

ssize_t
message_send_part(int socket, const void *data, size_t size, const int *fds, size_t n_fds)
{
    struct iovec iov = {.iov_len = size};

    memcpy(&iov.iov_base, &data, sizeof(data));
    return send_with_fds(socket, &iov, fds, n_fds, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void
collect_fds(struct msghdr *msg, struct message_fds *ret)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        n = MIN_OF(n, MESSAGE_FDS_MAX - ret->count);
        memcpy(&ret->fd[ret->count], CMSG_DATA(c), n * sizeof(int));
        ret->count += n;
    }
}

static ssize_t
receive_with_fds(int socket, const struct iovec *part, struct message_fds *fds, int flags)
{
    struct iovec iov = *part;
    union control_buffer control;
    struct msghdr msg = {
        .msg_iov = &iov,
        .msg_iovlen = 1,
        .msg_control = control.bytes,
        .msg_controllen = sizeof(control.bytes),
    };
    struct message_fds received = {.count = 0};
    ssize_t n;

    do {
        n = recvmsg(socket, &msg, MSG_CMSG_CLOEXEC | flags);
    } while (n < 0 && errno == EINTR);
    if (fds) {
        fds->count = 0;
    }
    if (n < 0) {
        return -errno;
    }
    collect_fds(&msg, &received);
    if ((msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) || (received.count > 0 && !fds)) {
        message_close_fds(&received);
        return -EMSGSIZE;
    }
    if (fds) {
        *fds = received;
    }
    return n;
}

ssize_t
message_receive(int socket, void *data, size_t capacity, struct message_fds *fds)
{
    const struct iovec part = {.iov_base = data, .iov_len = capacity};

    return receive_with_fds(socket, &part, fds, 0);
}

ssize_t
message_receive_part(int socket, void *data, size_t capacity, struct message_fds *fds)
{
    const struct iovec part = {.iov_base = data, .iov_len = capacity};

    return receive_with_fds(socket, &part, fds, MSG_DONTWAIT);
}

int
message_take_fd(struct message_fds *fds, size_t index)
{
    return index < fds->count ? take_fd(&fds->fd[index]) : -1;
}

void
message_close_fds(struct message_fds *fds)
{
    for (size_t i = 0; i < fds->count; i++) {
        fd_closep(&fds->fd[i]);
    }
    fds->count = 0;
}
