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

int
vhost_message_send(int socket, struct vhost_message *message, uint64_t deadline_ns)
{
    union control_buffer control = {.bytes = {0}};
    size_t total = sizeof(message->header) + message->header.size;
    size_t done = 0;

    if (message->header.size > VHOST_PAYLOAD_MAX || message->fds.count > VHOST_FDS_MAX) {
        return -EINVAL;
    }
    while (done < total) {
        /* The payload follows the header in the structure, without a gap on the wire. */
        size_t in_header = done < sizeof(message->header) ? sizeof(message->header) - done : 0;
        size_t in_payload = total - done - in_header;
        struct iovec iov[2] = {
            {(char *)&message->header + (sizeof(message->header) - in_header), in_header},
            {message->payload.bytes + (message->header.size - in_payload), in_payload},
        };
        struct msghdr header = {.msg_iov = iov, .msg_iovlen = 2};
        ssize_t n;

        if (done == 0) {
            put_fds(&header, &control, &message->fds);
        }
        n = sendmsg(socket, &header, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n > 0) {
            done += (size_t)n;
        } else if (n < 0 && errno == EAGAIN) {
            int r = wait_for(socket, POLLOUT, deadline_ns);
            if (r < 0) {
                return r;
            }
        } else if (n < 0 && errno != EINTR) {
            return errno == ECONNRESET ? -EPIPE : -errno;
        }
    }
    return 0;
}

/* Collect what SCM_RIGHTS brought; -EPROTO when there was more than fits. */
static int
get_fds(struct msghdr *header, struct message_fds *fds)
{
    int r = header->msg_flags & MSG_CTRUNC ? -EPROTO : 0;

    for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(header); cmsg; cmsg = CMSG_NXTHDR(header, cmsg)) {
        size_t count;

        if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        count = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
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
