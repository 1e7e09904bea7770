/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What backend.c (the connection) and backend-requests.c (what is asked over it) share. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm/vhost/backend.h"
#include "vmm/vhost/ring.h"
#include "vmm/vhost/socket.h"

struct backend {
    struct loop *loop;
    int fd;
    struct loop_source *source;
    const struct backend_ops *ops;
    void *device;
    struct guest_memory *memory;
    uint64_t features; /* accepted by the driver, and the front end's own bit */
    uint64_t protocol_features;
    uint8_t status;
    int request_fd; /* our requests to the front end, or -1 */
    int answer_fd;  /* goes with the next answer, or -1 */
    struct {
        void *area; /* mapped, or NULL */
        uint64_t size;
        uint16_t n_queues;
        uint16_t queue_size;
    } inflight;
    struct log_limit limit;
    struct ring rings[BACKEND_QUEUES_MAX];
};

/* What is noted of a ring's requests from its next start on. */
struct inflight_queue *backend_inflight(const struct backend *backend, unsigned int index);
/* No ring runs. */
void backend_drop_inflight(struct backend *backend);

/*
 * Handlers: 0, or -errno when the front end asked for something that cannot be done. Those of
 * requests with an answer put it in place of the request.
 */
typedef int (*backend_handler)(struct backend *backend, struct vhost_message *message);

/* What a request looks like. Size and fd count are checked before the handler runs. */
struct backend_request {
    backend_handler handle;
    bool answers;
    uint32_t min_size;
    uint32_t max_size;
    size_t min_fds;
    size_t max_fds;
    uint64_t needs; /* protocol feature bits */
};

/* NULL for a request that is unknown or needs a protocol feature that was not negotiated. */
const struct backend_request *backend_find_request(const struct backend *backend,
                                                   const struct vhost_message *message);
