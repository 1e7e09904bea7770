/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Bytes and descriptors on their way into a socket or pipe that may be full. */

#include <stddef.h>
#include <stdint.h>

#include "vmm/base/list.h"

enum {
    OUTBOX_FDS_MAX = 28, /* that go with the bytes of one addition; libwayland takes no more */
};

struct outbox {
    struct list chunks;
    uint64_t queued; /* bytes */
};

void outbox_init(struct outbox *outbox);
/* Forget what waits. */
void outbox_clear(struct outbox *outbox);
/* Add a copy; the descriptors are taken over. -ENOMEM, which closes them, or 0. */
int outbox_add(struct outbox *outbox, const void *data, size_t size, const int *fds, size_t n_fds);
/* Write what fits: 0 also when something is left, or -errno when nobody will take it any more. */
int outbox_send(struct outbox *outbox, int socket);
int outbox_write(struct outbox *outbox, int pipe);
