/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A vhost-user back end (vhost-user specification; virtio 1.2 for the devices). One object per
 * process: it reads the front end's messages from a connected stream socket inside the caller's
 * loop, maps guest memory, runs the kick descriptors, and calls the device. All callbacks run on the
 * loop's thread. Protocol features offered: MQ, REPLY_ACK, CONFIG, RESET_DEVICE, STATUS,
 * BACKEND_REQ, CONFIGURE_MEM_SLOTS, with a shared memory region SHMEM and BACKEND_SEND_FD, and
 * INFLIGHT_SHMFD for a device that can go on where a process before it ended. A ring runs from when
 * it is complete and enabled, without waiting for its first kick, until GET_VRING_BASE or a reset;
 * while it is disabled it looks empty. System calls used beyond vmm/base: fcntl, fstat, mmap, poll;
 * with in-flight tracking memfd_create, ftruncate and fcntl's F_ADD_SEALS.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm/base/cleanup.h"
#include "vmm/base/loop.h"
#include "vmm/virtio/queue.h"

enum {
    BACKEND_QUEUES_MAX = 16,
    BACKEND_CONFIG_MAX = 256
};

struct backend;

struct backend_ops {
    uint64_t features;     /* device feature bits; ring features and VERSION_1 are added */
    unsigned int n_queues; /* most queues the device has */
    /* Mandatory: queue `index` was kicked (or was just started with requests in it). */
    void (*kicked)(void *device, unsigned int index);
    /* Optional: the driver accepted these features. */
    void (*features_set)(void *device, uint64_t features);
    /* Optional: fill `size` bytes of config space from `offset`; both already checked to fit. */
    void (*config_read)(void *device, uint32_t offset, void *data, uint32_t size);
    uint32_t config_size; /* bytes of config space; at most BACKEND_CONFIG_MAX */
    uint64_t shmem_size;  /* bytes of the shared memory region, a power of two; 0: there is none */
    uint8_t shmem_id;
    bool tracks_inflight; /* chain::again is understood */
    /* Optional: the driver wrote config space. */
    void (*config_write)(void *device, uint32_t offset, const void *data, uint32_t size);
    /*
     * Optional: a queue stops (reset, or GET_VRING_BASE). Push back or forget every chain of that
     * queue: they are freed when this returns.
     */
    void (*queue_stopped)(void *device, unsigned int index);
    /* Optional: the device was reset: forget everything the driver said. */
    void (*reset)(void *device);
    /* Optional: the memory table changed: addresses kept as pointers must be translated again. */
    void (*memory_changed)(void *device);
};

/*
 * Serve `fd` (taken over, closed by backend_destroy) in `loop` for `device`. When the front end goes
 * away the loop is left with status 0, when it breaks the protocol with status 1. `ops` must stay valid. NULL with errno set on failure.
 */
struct backend *backend_create(struct loop *loop, int fd, const struct backend_ops *ops,
                               void *device);
void backend_destroy(struct backend *backend);
CLEANUP_DEFINE(struct backend, backend_destroy)

/* The running queue `index`, or NULL while it is stopped. */
struct queue *backend_queue(struct backend *backend, unsigned int index);
/* Have `kicked` called again in the next round: for devices that stop popping to let others in. */
void backend_serve_again(struct backend *backend, unsigned int index);
/* After pushing chains: interrupt the driver if it asked for that. */
void backend_notify(struct backend *backend, unsigned int index);
/* Tell the front end that config space changed (VHOST_USER_BACKEND_CONFIG_CHANGE_MSG). 0 or -errno. */
int backend_config_changed(struct backend *backend);
/* Whether the front end serves the shared memory region. */
bool backend_has_shmem(const struct backend *backend);
/*
 * Have `size` bytes of `fd` (stays the caller's) from its beginning on put into the region at
 * `offset`, or taken out again; whole pages. Waits for the answer, at most 1 s. -EREMOTEIO: refused.
 */
int backend_shmem_map(struct backend *backend, int fd, uint64_t offset, uint64_t size);
int backend_shmem_unmap(struct backend *backend, uint64_t offset, uint64_t size);
/* Guest memory as the front end last set it; pointers die in the next loop round. */
const struct guest_memory *backend_memory(struct backend *backend);
