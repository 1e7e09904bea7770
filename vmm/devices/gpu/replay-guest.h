/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The guest of a replay: its memory, in which each resource has one piece, and its two rings. */

#include <stdbool.h>
#include <stdint.h>

#include "vmm/base/loop.h"

struct gpu;
struct replay_guest;

/* What the card answered. */
struct replay_answers {
    uint64_t requests;
    uint64_t failed;
};

/* `fd`: the front end's end of the card's socket, the caller's. NULL with errno set. */
struct replay_guest *replay_guest_create(struct loop *loop, int fd);
void replay_guest_destroy(struct replay_guest *guest);

/* What a front end and a driver do before the first request, also after a reset. 0 or -errno. */
int replay_guest_start(struct replay_guest *guest);
/* The driver starts anew: all pieces are free. 0 or -errno. */
int replay_guest_reset(struct replay_guest *guest);

/* A piece for the resource, filled with zeros: its guest address, or 0 when there is no room. */
uint64_t replay_guest_take(struct replay_guest *guest, uint32_t resource, uint32_t size);
void replay_guest_give(struct replay_guest *guest, uint32_t resource);
/* Into the piece of the resource; false when it does not fit. */
bool replay_guest_write(struct replay_guest *guest, uint32_t resource, uint64_t offset,
                        const void *data, uint64_t size);

/*
 * Send a request of at most RECORD_SIZE_MAX bytes and have the card execute it; its answer may come
 * later. 0; -ETIMEDOUT when the card answers nothing any more.
 */
int replay_guest_send(struct replay_guest *guest, const struct gpu *gpu, unsigned int queue,
                      const void *request, uint32_t size);
/* Until every answer is here. 0 or -ETIMEDOUT. */
int replay_guest_finish(struct replay_guest *guest, struct replay_answers *ret_answers);
