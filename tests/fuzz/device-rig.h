/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A device's own objects in this process, and a guest and a front end made of an input's bytes: what
 * the targets of all vhost-user devices share.
 */

#include <stdbool.h>

#include "tests/fuzz/fuzz.h"
#include "vmm/base/loop.h"
#include "vmm/vhost/socket.h"

#define DEVICE_RIG_HIGH UINT64_C(0x100000000)
#define DEVICE_RIG_USER UINT64_C(0x7f0000000000)

enum {
    DEVICE_RIG_LOW_SIZE = 256 << 10, /* guest memory: at 0, and as much again at DEVICE_RIG_HIGH */
    DEVICE_RIG_QUEUES = 2,
    DEVICE_RIG_QUEUE_SIZE = 16,
    DEVICE_RIG_RINGS_AT = 0x1000, /* 12 KiB each: descriptors, available, used */
    DEVICE_RIG_TABLE_AT = 0x8000, /* indirect descriptors */
    DEVICE_RIG_DATA_AT = 0x10000,
};

struct device_rig {
    struct loop *loop;
    int fd;        /* the front end's end */
    int device_fd; /* for the device's constructor, which owns it then */
    int ram_fd;
    int loose_fd; /* a file that is not sealed */
    int kick_fd[DEVICE_RIG_QUEUES];
    int call_fd[DEVICE_RIG_QUEUES];
    uint8_t *ram;
    uint16_t next_descriptor[DEVICE_RIG_QUEUES];
};

/* Everything but the device. */
void device_rig_open(struct device_rig *rig);
/* What a polite front end does until the driver's DRIVER_OK. */
void device_rig_start(struct device_rig *rig, unsigned int n_queues);
/* After the device was destroyed. */
void device_rig_close(struct device_rig *rig);
void device_rig_run(struct device_rig *rig);

struct device_rig_buffer {
    uint64_t address;
    uint32_t size;
    bool writable;
};

/*
 * Put `size` bytes of request into guest memory and offer it with buffers for an answer, cut into
 * descriptors as the input says.
 */
void device_rig_request(struct device_rig *rig, struct fuzz_input *input, unsigned int queue,
                        const void *request, uint32_t size);
/* One thing that no good guest or front end does: a ring, an index, a message, guest memory. */
void device_rig_nonsense(struct device_rig *rig, struct fuzz_input *input);
/* One vhost-user message that is nearly right. */
void device_rig_message(struct device_rig *rig, struct fuzz_input *input);
