/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/vhost/socket.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"

#define NS_PER_MS UINT64_C(1000000)

union control_buffer {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(VHOST_FDS_MAX * sizeof(int))];
};

static uint64_t
now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 * NS_PER_MS + (uint64_t)now.tv_nsec;
}

uint64_t
vhost_deadline(unsigned int ms)
{
    return now_ns() + (uint64_t)ms * NS_PER_MS;
}

/* 0 when `events` are there, -ETIMEDOUT, or -errno. */
static int
wait_for(int socket, short events, uint64_t deadline_ns)
{
    for (;;) {
        struct pollfd poll_fd = {.fd = socket, .events = events};
        int wait_ms = -1;
        int n;

        if (deadline_ns != VHOST_NO_DEADLINE) {
            uint64_t now = now_ns();
            uint64_t left = now < deadline_ns ? deadline_ns - now : 0;

            wait_ms = (int)MIN_OF((left + NS_PER_MS - 1) / NS_PER_MS, (uint64_t)INT_MAX);
        }
        n = poll(&poll_fd, 1, wait_ms);
        if (n > 0) {
            return 0;
        }
        if (n == 0) {
            return -ETIMEDOUT;
        }
        if (errno != EINTR) {
            return -errno;
        }
    }
}

/* Attach the descriptors to `header`. */
static void
put_fds(struct msghdr *header, union control_buffer *control, const struct message_fds *fds)
{
    struct cmsghdr *cmsg = &control->header;

    if (fds->count == 0) {
        return;
    }
    header->msg_control = control->bytes;
    header->msg_controllen = CMSG_SPACE(fds->count * sizeof(int));
    cmsg->cmsg_level = SOL_SOCKET;
    cmsg->cmsg_type = SCM_RIGHTS;
    cmsg->cmsg_len = CMSG_LEN(fds->count * sizeof(int));
    memcpy(CMSG_DATA(cmsg), fds->fd, fds->count * sizeof(int));
}

/* One sendmsg() of what is left after `done` bytes. Bytes sent, -EAGAIN, -EPIPE or another -errno. */
static ssize_t
send_rest(int socket, struct vhost_message *message, size_t done)
{
    union control_buffer control = {.bytes = {0}};
    size_t head = sizeof(message->header);
    size_t in_header = done < head ? head - done : 0;
    size_t in_payload = head + message->header.size - done - in_header;
    /* The payload follows the header on the wire, without the gap that is in the structure. */
    struct iovec iov[2] = {
        {(char *)&message->header + (head - in_header), in_header},
        {message->payload.bytes + (message->header.size - in_payload), in_payload},
    };
    struct msghdr header = {.msg_iov = iov, .msg_iovlen = 2};
    ssize_t n;

    if (done == 0) {
        put_fds(&header, &control, &message->fds);
    }
    do {
        n = sendmsg(socket, &header, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        return errno == ECONNRESET ? -EPIPE : -errno;
    }
    return n;
}

int
vhost_message_send(int socket, struct vhost_message *message, uint64_t deadline_ns)
{
    size_t total = sizeof(message->header) + message->header.size;
    size_t done = 0;

    if (message->header.size > VHOST_PAYLOAD_MAX || message->fds.count > VHOST_FDS_MAX) {
        return -EINVAL;
    }
    while (done < total) {
        ssize_t n = send_rest(socket, message, done);

        if (n == -EAGAIN) {
            n = wait_for(socket, POLLOUT, deadline_ns);
        }
        if (n < 0) {
            return (int)n;
        }
        done += (size_t)n;
    }
    return 0;
}

/* Append the descriptors of one control message; those without room are closed: -EPROTO. */
static int
keep_fds(struct cmsghdr *cmsg, struct message_fds *fds)
{
    size_t count = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    int r = 0;

    for (size_t i = 0; i < count; i++) {
        int fd;

        memcpy(&fd, CMSG_DATA(cmsg) + i * sizeof(int), sizeof(fd));
        if (fds->count < VHOST_FDS_MAX) {
            fds->fd[fds->count++] = fd;
        } else {
            close(fd);
            r = -EPROTO;
        }
    }
    return r;
}

/* Collect what SCM_RIGHTS brought; -EPROTO when there was more than fits. */
static int
get_fds(struct msghdr *header, struct message_fds *fds)
{
    int r = header->msg_flags & MSG_CTRUNC ? -EPROTO : 0;

    for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(header); cmsg; cmsg = CMSG_NXTHDR(header, cmsg)) {
        if (cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SCM_RIGHTS &&
            keep_fds(cmsg, fds) < 0) {
            r = -EPROTO;
        }
    }
    return r;
}

/* Read exactly `size` bytes; descriptors are taken when `fds` is not NULL, refused otherwise. */
static int
receive_full(int socket, void *data, size_t size, struct message_fds *fds, uint64_t deadline_ns)
{
    union control_buffer control;
    size_t done = 0;

    while (done < size) {
        struct iovec iov = {(char *)data + done, size - done};
        struct msghdr header = {.msg_iov = &iov, .msg_iovlen = 1};
        ssize_t n;
        int r = 0;

        if (fds) {
            header.msg_control = control.bytes;
            header.msg_controllen = sizeof(control);
        }
        n = recvmsg(socket, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (n == 0) {
            return -EPIPE;
        }
        if (n > 0) {
            done += (size_t)n;
            r = fds ? get_fds(&header, fds) : 0;
        } else if (errno == EAGAIN) {
            r = wait_for(socket, POLLIN, deadline_ns);
        } else if (errno != EINTR) {
            r = errno == ECONNRESET ? -EPIPE : -errno;
        }
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

int
vhost_message_receive(int socket, struct vhost_message *ret_message, uint64_t deadline_ns)
{
    struct message_fds fds = {.count = 0};
    int r;

    r = receive_full(socket, &ret_message->header, sizeof(ret_message->header), &fds, deadline_ns);
    if (r == 0 && ret_message->header.size > VHOST_PAYLOAD_MAX) {
        r = -EPROTO;
    }
    if (r == 0) {
        r = receive_full(socket, ret_message->payload.bytes, ret_message->header.size, NULL,
                         deadline_ns);
    }
    if (r < 0) {
        message_close_fds(&fds);
    }
    ret_message->fds = fds;
    return r;
}
