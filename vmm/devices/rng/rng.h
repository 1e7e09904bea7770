/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* virtio-rng (virtio 1.2 section 5.4): fills the guest's buffers with bytes of getrandom(2). */

#include "vmm/base/loop.h"

struct rng;

/* Serve the front end on `vhost_fd` (taken over). NULL with errno set on failure. */
struct rng *rng_create(struct loop *loop, int vhost_fd);
void rng_destroy(struct rng *rng);
CLEANUP_DEFINE(struct rng, rng_destroy)
