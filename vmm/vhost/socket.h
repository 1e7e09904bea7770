/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One vhost-user message on a stream socket, with a time limit. Used by both ends; the socket may be
 * blocking or not. Nothing in a received message is checked beyond its length.
 */

#include <stdint.h>

#include "vmm/base/message.h"
#include "vmm/vhost/vhost-protocol.h"

/* No time limit. */
#define VHOST_NO_DEADLINE UINT64_MAX

struct vhost_message {
    struct vhost_header header;
    union {
        uint64_t u64;
        struct vhost_vring_state state;
        struct vhost_vring_addr addr;
        struct vhost_memory memory;
        struct vhost_memory_single memory_single;
        struct vhost_config config;
        struct vhost_shmem_config shmem;
        struct vhost_mmap mmap;
        struct vhost_inflight inflight;
        uint8_t bytes[VHOST_PAYLOAD_MAX];
    } payload;
    struct message_fds fds; /* received: the receiver's; sent: stay the caller's */
};

/* CLOCK_MONOTONIC now plus `ms`, in ns. */
uint64_t vhost_deadline(unsigned int ms);

/*
 * Send header.size bytes of payload (at most VHOST_PAYLOAD_MAX) and the descriptors. 0, -ETIMEDOUT
 * when the peer does not take it before `deadline_ns`, -EPIPE when it is gone, or another -errno.
 */
int vhost_message_send(int socket, struct vhost_message *message, uint64_t deadline_ns);

/*
 * Receive one message. 0; -ETIMEDOUT; -EPIPE at end of file; -EPROTO when the payload or the
 * descriptors are more than the limits; or another -errno. On failure no descriptor is left.
 */
int vhost_message_receive(int socket, struct vhost_message *ret_message, uint64_t deadline_ns);
