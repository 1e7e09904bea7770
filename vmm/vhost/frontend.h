/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A vhost-user front end: the machine's side of one device (vhost-user specification). The back end
 * is hostile or slow until proven otherwise: every operation here has a limit of FRONTEND_LIMIT_MS in
 * total (before the guest runs, FRONTEND_SETUP_LIMIT_MS), every reply is checked, and after the first
 * failure of the connection the front end has failed for good and answers -ENOTCONN at once.
 *
 * Operations may come from any thread, one at a time: the caller serialises them.
 */

#include <stdbool.h>
#include <stdint.h>

#include "vmm/base/cleanup.h"
#include "vmm/base/loop.h"
#include "vmm/vhost/vhost-protocol.h"

enum {
    FRONTEND_LIMIT_MS = 1000,
    FRONTEND_SETUP_LIMIT_MS = 5000, /* frontend_negotiate() and frontend_probe_config() */
};

struct frontend;

/* Called on the loop's thread, while another thread may be inside an operation. */
struct frontend_ops {
    void (*config_changed)(void *data); /* VHOST_BACKEND_CONFIG_CHANGE */
    void (*lost)(void *data); /* the back end closed the connection by itself; called once */
    /*
     * Optional, with frontend_shmem(): put memory of `fd` (not the handler's) into the shared memory
     * region, or take it out. Nothing in `map` was checked. 0 or -errno.
     */
    int (*map)(void *data, const struct vhost_mmap *map, int fd);
    int (*unmap)(void *data, const struct vhost_mmap *map);
};

struct frontend_region {
    struct vhost_memory_region region;
    int fd;
};

struct frontend_vring {
    uint32_t index;
    uint32_t size;       /* entries */
    uint64_t descriptor; /* user addresses, as in the memory table */
    uint64_t available;
    uint64_t used;
    int kick_fd; /* stay the caller's */
    int call_fd;
};

/* What a back end notes of the requests that it has, for the one after it; `fd` -1: nothing yet. */
struct frontend_inflight {
    struct vhost_inflight area;
    int fd;
};

/* Takes over `fd`, a connected stream socket, also on failure. NULL with errno set. */
struct frontend *frontend_create(int fd);
void frontend_destroy(struct frontend *fe);
CLEANUP_DEFINE(struct frontend, frontend_destroy)

/* Ask for in-flight tracking where the back end has it; before frontend_negotiate(). */
void frontend_want_inflight(struct frontend *fe);
/* First operation: features, protocol features, ownership, back end's request socket. */
int frontend_negotiate(struct frontend *fe);
/* Serve the back end's requests and notice its end. After frontend_negotiate(). */
int frontend_watch(struct frontend *fe, struct loop *loop, const struct frontend_ops *ops,
                   void *data);

/* What was negotiated. */
uint64_t frontend_features(const struct frontend *fe); /* without vhost-user's own bit */
bool frontend_has(const struct frontend *fe, enum vhost_protocol_feature feature);
uint32_t frontend_queue_count(const struct frontend *fe); /* 0: the back end has no MQ */
bool frontend_failed(const struct frontend *fe);
/* It failed, and not because the back end ended: that was silent, or answered nonsense. */
bool frontend_gave_up(const struct frontend *fe);

/* The back end's first shared memory region: its id; its size, or 0 when there is none. */
uint64_t frontend_shmem(const struct frontend *fe, uint8_t *ret_id);

/*
 * Bytes of config space that the back end serves, found by asking for less and less from `most`
 * (at most VHOST_CONFIG_MAX) down; 0 without VHOST_PROTOCOL_CONFIG.
 */
int frontend_probe_config(struct frontend *fe, uint32_t most, uint32_t *ret_size);
/* Read config space from its beginning, as several back ends ignore an offset. -EREMOTEIO: refused. */
int frontend_get_config(struct frontend *fe, void *data, uint32_t size);
int frontend_set_config(struct frontend *fe, uint32_t offset, const void *data, uint32_t size);

/*
 * Start the device: accepted features, memory, the rings (from index 0), and enable them; all within
 * one limit. -EREMOTEIO when the back end refused something.
 */
struct frontend_start {
    uint64_t features;
    const struct frontend_region *regions;
    unsigned int n_regions;
    const struct frontend_vring *vrings;
    unsigned int n_vrings;
    /*
     * Or NULL; with VHOST_PROTOCOL_INFLIGHT_SHMFD the area that another back end had, or a place for
     * a new one's, which is then the caller's to close.
     */
    struct frontend_inflight *inflight;
};
int frontend_start(struct frontend *fe, const struct frontend_start *start);
/* Let rings that were started wait, or go on; without vhost-user's own feature bit they go on. */
int frontend_hold(struct frontend *fe, const struct frontend_vring *vrings, unsigned int n_vrings,
                  bool hold);
/* Stop the rings with these indices and reset the device; within one limit. */
int frontend_stop(struct frontend *fe, const struct frontend_vring *vrings, unsigned int n_vrings);
