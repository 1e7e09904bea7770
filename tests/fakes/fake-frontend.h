/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A device process under test and the machine's side of it: starts the real executable over its
 * setup protocol, speaks vhost-user with it, and builds rings by hand in shared memory. What can be
 * wrong can be made wrong: every part is open. Nothing here waits longer than FAKE_LIMIT_MS.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "vmm/protocol/device.h"
#include "vmm/vhost/socket.h"

/*
 * Guest memory: two regions of FAKE_REGION bytes with a hole between them, at 0 and at
 * FAKE_HIGH_BASE, one after the other in the file. The front end's addresses are the guest's plus
 * FAKE_USER_BASE.
 */
#define FAKE_HIGH_BASE UINT64_C(0x100000000)
#define FAKE_USER_BASE UINT64_C(0x7f0000000000)

enum {
    FAKE_LIMIT_MS = 10000,
    FAKE_REGION = 4 << 20,
    FAKE_QUEUES = 2,
    FAKE_QUEUE_SIZE = 64,
    FAKE_RINGS_AT =
        0x10000, /* 64 KiB for each queue: descriptors, +16 KiB available, +32 KiB used */
    FAKE_DATA_AT = 0x100000,
    FAKE_FD_VHOST = START_FD_FIRST,
    FAKE_FD_MORE, /* the first of fake_start()'s descriptors */
};

struct fake_queue {
    int kick_fd;
    int call_fd;
    int error_fd;
    uint16_t available; /* next index */
    uint16_t used;      /* next index that was not seen yet */
    uint16_t next_descriptor;
};

struct fake {
    pid_t pid;
    int control_fd;
    int fd;         /* vhost-user */
    int request_fd; /* fake_open_requests()'s, 0 before */
    int ram_fd;
    uint8_t *ram;
    uint64_t features; /* offered by the device */
    uint64_t protocol_features;
    bool
        tracks_inflight; /* fake_open() sets up in-flight tracking, anew unless inflight_fd is there */
    int inflight_fd;     /* 0: none */
    struct vhost_inflight inflight;
    uint64_t accept; /* feature bits that fake_open() accepts, of those offered; default all */
    struct fake_queue queues[FAKE_QUEUES];
};

struct fake_segment {
    uint64_t address;
    uint32_t length;
    bool writable;
};

/*
 * Start the executable named by environment variable `variable` with `setup` (its header, flags,
 * name and vhost_fd are filled in) and `fds` at FAKE_FD_MORE and up, and wait for START_READY.
 */
bool fake_start(struct fake *fake, const char *variable, void *setup, size_t size,
                const int fds[2]);
/* Negotiate, set memory, and start `n` queues. */
bool fake_open(struct fake *fake, unsigned int n);
/* Give the device a socket for its own requests: before fake_open(). */
bool fake_open_requests(struct fake *fake);
/*
 * Wait for the device's SHMEM_MAP or _UNMAP and answer it with `answer`: 0 done, 1 refused. The
 * descriptor, or -1 for none; -2 when nothing came.
 */
int fake_serve_shmem(struct fake *fake, uint64_t answer, struct vhost_mmap *ret_map);
/* Kill the process and wait for its end; memory and rings stay. */
void fake_kill(struct fake *fake);
/* Another process for the same guest: as fake_start() and fake_open(), with the rings as they are. */
bool fake_take_over(struct fake *fake, const char *variable, void *setup, size_t size,
                    const int fds[2]);
/* Both at once, for a device with no descriptors of its own. */
bool fake_start_and_open(struct fake *fake, const char *variable, unsigned int n);
/* Exit status of the process after the vhost-user socket is closed; -1 when it hangs (then killed). */
int fake_end(struct fake *fake);
/* Only wait: exit status, or -signal, or -1000 when it hangs (then killed). Frees everything. */
int fake_wait_exit(struct fake *fake);

/* Send one message. */
bool fake_send(struct fake *fake, struct vhost_message *message);
/* Send one and wait for the answer, which replaces it. */
bool fake_ask(struct fake *fake, struct vhost_message *message);
/* Send with NEED_REPLY; returns the answer: 0 done, others refused; -1 when none came. */
int fake_tell(struct fake *fake, struct vhost_message *message);
int fake_tell_u64(struct fake *fake, uint32_t request, uint64_t value);
int fake_tell_state(struct fake *fake, uint32_t request, uint32_t index, uint32_t num);
int fake_tell_fd(struct fake *fake, uint32_t request, uint64_t value, int fd);
uint64_t fake_ask_u64(struct fake *fake, uint32_t request);
int fake_set_memory(struct fake *fake);
int fake_set_addresses(struct fake *fake, unsigned int queue);
/* All messages that start a queue. */
bool fake_start_queue(struct fake *fake, unsigned int queue);
/* GET_VRING_BASE; -1 on failure. */
int fake_stop_queue(struct fake *fake, unsigned int queue);
bool fake_get_config(struct fake *fake, uint32_t offset, void *data, uint32_t size);
int fake_set_config(struct fake *fake, uint32_t offset, const void *data, uint32_t size);

/* Our view of guest memory. */
void *fake_ram(struct fake *fake, uint64_t guest_address);
/* Put one chain into the ring; returns its head. Does not kick. */
uint16_t fake_offer(struct fake *fake, unsigned int queue, const struct fake_segment *segments,
                    size_t n);
void fake_kick(struct fake *fake, unsigned int queue);
/* Wait for the next used entry. False when none comes in time, or no interrupt came with it. */
bool fake_wait(struct fake *fake, unsigned int queue, uint16_t *ret_head, uint32_t *ret_written);
/* Whether nothing is used within `ms`. */
bool fake_is_quiet(struct fake *fake, unsigned int queue, int ms);
/* Offer, kick and wait: bytes written, or -1. */
int fake_request(struct fake *fake, unsigned int queue, const struct fake_segment *segments,
                 size_t n);
