/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One datagram with descriptors over a SOCK_SEQPACKET socket: the form of every private edge
 * (vmm/protocol). The structures on the wire are plain C structures in host byte order, because both
 * ends are on one machine and come from one build.
 */

#include <stddef.h>
#include <sys/types.h>

enum {
    MESSAGE_FDS_MAX = 32
};

/* Descriptors that came with a message; the receiver owns fd[0..count). */
struct message_fds {
    int fd[MESSAGE_FDS_MAX];
    size_t count;
};

/*
 * Send one message; the descriptors stay the caller's. 0, or -EAGAIN when the socket is full and
 * non-blocking, -EPIPE when the peer is gone (never SIGPIPE), or another -errno.
 */
int message_send(int socket, const void *data, size_t size, const int *fds, size_t n_fds);

/*
 * Receive one message of at most `capacity` bytes. Returns its length, 0 at end of file, -EAGAIN, or
 * -EMSGSIZE when the message or its descriptors were longer than there was room for, or descriptors
 * came although `fds` is NULL (all of them are closed then). Received descriptors are close-on-exec.
 */
ssize_t message_receive(int socket, void *data, size_t capacity, struct message_fds *fds);

/* The same without waiting, for a part of a byte stream; `fds` must not be NULL. */
ssize_t message_receive_part(int socket, void *data, size_t capacity, struct message_fds *fds);

/*
 * Send what fits of a byte stream, without waiting; the descriptors (stay the caller's) go with the
 * first byte. Bytes sent, -EAGAIN when there is no room, or another -errno as message_send(). The
 * other end may use message_receive().
 */
ssize_t message_send_part(int socket, const void *data, size_t size, const int *fds, size_t n_fds);

/* Take descriptor `index` out of the set (-1 stays behind); -1 when there is none. */
int message_take_fd(struct message_fds *fds, size_t index);

/* Close what is left in the set. */
void message_close_fds(struct message_fds *fds);
