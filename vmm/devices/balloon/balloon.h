/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * virtio-balloon (virtio 1.2 section 5.5): pages that the guest gives up go back to the host, statistics
 * of its memory, and where the setup says so free page reporting. Without free page hints, so that
 * reports come on queue 3, as drivers and devices count.
 */

#include "vmm/base/loop.h"
#include "vmm/protocol/balloon.h"
#include "vmm/protocol/device.h"

struct balloon;

/* `answer` is the callee's to send; may be called from inside balloon_ask(). */
typedef void (*balloon_answered)(void *data, const struct balloon_answer *answer);

/* Serve the front end on setup->device.vhost_fd (taken over). NULL with errno set on failure. */
struct balloon *balloon_create(struct loop *loop, const struct balloon_setup *setup,
                               balloon_answered answered, void *data);
/* Each question gets one answer. */
void balloon_ask(struct balloon *balloon, const struct balloon_question *question);
void balloon_destroy(struct balloon *balloon);
CLEANUP_DEFINE(struct balloon, balloon_destroy)
