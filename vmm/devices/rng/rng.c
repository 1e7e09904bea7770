/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/devices/rng/rng.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vmm/base/bytes.h"
#include "vmm/base/memory.h"
#include "vmm/vhost/backend.h"

enum {
    PIECE_SIZE = 4096,        /* of one getrandom() call */
    CHAIN_BYTES_MAX = 65536,  /* the rest of a longer buffer stays as it is */
    ROUND_BYTES_MAX = 262144, /* then other descriptors of the loop get their turn */
};

struct rng {
    struct backend *backend;
};

/* Returns the number of bytes written. */
static uint32_t
fill_chain(struct chain *chain)
{
    uint8_t piece[PIECE_SIZE];
    uint32_t filled = 0;

    while (filled < CHAIN_BYTES_MAX) {
        uint64_t left = MIN_OF(chain->in_size - chain->in_position, (uint64_t)PIECE_SIZE);
        /* not by the C library, whose newer ones keep a state in memory that they map */
        long n = syscall(SYS_getrandom, piece,
                         (size_t)MIN_OF(left, (uint64_t)(CHAIN_BYTES_MAX - filled)), 0);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            break; /* the buffer is full */
        }
        filled += (uint32_t)chain_write(chain, piece, (size_t)n);
    }
    explicit_bzero(piece, sizeof(piece));
    return filled;
}

static void
rng_kicked(void *device, unsigned int index)
{
    struct rng *rng = device;
    struct queue *queue = backend_queue(rng->backend, index);
    struct chain *chain;
    size_t done = 0;

    do {
        while (done < ROUND_BYTES_MAX && queue_pop(queue, &chain) > 0) {
            uint32_t filled = fill_chain(chain);

            /* An empty chain costs as well. */
            done += MAX_OF(filled, (uint32_t)PIECE_SIZE);
            queue_push(queue, chain, filled);
        }
    } while (done < ROUND_BYTES_MAX && queue_enable_kicks(queue, true));
    if (done >= ROUND_BYTES_MAX) {
        backend_serve_again(rng->backend, index);
    }
    backend_notify(rng->backend, index);
}

static const struct backend_ops rng_ops = {
    .n_queues = 1,
    .kicked = rng_kicked,
};

struct rng *
rng_create(struct loop *loop, int vhost_fd)
{
    struct rng *rng = xalloc(sizeof(*rng));

    rng->backend = backend_create(loop, vhost_fd, &rng_ops, rng);
    if (!rng->backend) {
        free(rng);
        return NULL;
    }
    return rng;
}

void
rng_destroy(struct rng *rng)
{
    if (rng) {
        backend_destroy(rng->backend);
        free(rng);
    }
}
