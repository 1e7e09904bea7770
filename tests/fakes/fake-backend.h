/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A vhost-user back end on a thread that follows the protocol until it is told to misbehave. */

#include <stdbool.h>
#include <stdint.h>

#include "vmm/base/cleanup.h"
#include "vmm/vhost/vhost-protocol.h"

enum fake_mood {
    FAKE_POLITE,
    FAKE_SILENT,     /* no answer */
    FAKE_WRONG_SIZE, /* a shorter payload */
    FAKE_WRONG_TYPE, /* the answer to another request */
    FAKE_NO_REPLY_FLAG,
    FAKE_HALF,   /* half a header, then nothing */
    FAKE_GIANT,  /* a header that announces 4 GiB */
    FAKE_REFUSE, /* REPLY_ACK with 1 */
    FAKE_CLOSE,  /* hang up */
    FAKE_FDS,    /* a correct answer with descriptors */
};

struct fake_backend;

struct fake_backend_options {
    uint64_t features; /* bit 30 is added */
    uint64_t protocol_features;
    uint32_t n_queues;
    uint32_t config_size;
    uint64_t shmem_size; /* of region 1 */
};

/* *ret_fd: the front end's socket. */
struct fake_backend *fake_backend_create(const struct fake_backend_options *options, int *ret_fd);
/* Close the front end's socket before this. */
void fake_backend_destroy(struct fake_backend *be);
CLEANUP_DEFINE(struct fake_backend, fake_backend_destroy)

/* From now on behave like `mood` when `request` comes. */
void fake_backend_misbehave(struct fake_backend *be, uint32_t request, enum fake_mood mood);
/* How often a request came. */
unsigned int fake_backend_count(struct fake_backend *be, uint32_t request);
/* Signal the ring's call eventfd; false when there is none. */
bool fake_backend_call(struct fake_backend *be, unsigned int index);
/* Kicks that arrived since the last call; -1 when the ring has no kick eventfd. */
int fake_backend_kicks(struct fake_backend *be, unsigned int index);
bool fake_backend_enabled(struct fake_backend *be, unsigned int index);
struct vhost_vring_addr fake_backend_addr(struct fake_backend *be, unsigned int index);
uint32_t fake_backend_num(struct fake_backend *be, unsigned int index);
void fake_backend_set_config(struct fake_backend *be, uint32_t offset, uint8_t value);
/* SHMEM_MAP (with a descriptor) or _UNMAP; what the front end answers, -1 when it does not in time. */
int fake_backend_shmem(struct fake_backend *be, const struct vhost_mmap *map, int fd);
/* Raw bytes on the back end's request channel; a config change request when `data` is NULL. */
void fake_backend_request(struct fake_backend *be, const void *data, size_t size);
