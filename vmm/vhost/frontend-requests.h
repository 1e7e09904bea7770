/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The back end's own channel: what it asks of the front end. Everything here is touched by the loop's thread only,
 * once the channel is served; a back end that breaks the rules is not listened to any more. Part of frontend.h's.
 */

#include "vmm/vhost/frontend.h"
#include "vmm/vhost/socket.h"

struct frontend_requests {
    int fd; /* our end; -1: there is no channel */
    uint8_t shmem_id;
    uint64_t shmem_size; /* 0: there is no shared memory region */
    const struct frontend_ops *ops;
    void *data;
    struct loop_source *source;
    struct {
        struct vhost_header header;
        struct vhost_mmap map; /* the beginning of the payload */
        uint32_t done;         /* bytes of header and payload that were read */
        struct message_fds fds;
    } incoming;
};

/* The rest is zero. */
void frontend_requests_init(struct frontend_requests *requests);
void frontend_requests_finish(struct frontend_requests *requests);

/* A channel: the back end's end goes to the caller, ours is kept. 0 or -errno. */
int frontend_requests_open(struct frontend_requests *requests, int *ret_fd);
/* Serve it from now on, if it is there. `ops` stay the caller's. 0 or -errno. */
int frontend_requests_watch(struct frontend_requests *requests, struct loop *loop,
                            const struct frontend_ops *ops, void *data);
