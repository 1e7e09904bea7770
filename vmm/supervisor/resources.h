/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Everything of the host that one machine uses, opened: only the supervisor opens. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "vmm/base/message.h"
#include "vmm/config/machine-config.h"
#include "vmm/protocol/device.h"
#include "vmm/supervisor/failure.h"
#include "vmm/supervisor/gdb-socket.h"

enum {
    IMAGES_CHAIN_MAX = 8, /* files behind a qcow2 image */
};

struct disk_resource {
    int fd;
    uint64_t size;   /* bytes, as the guest sees it */
    uint32_t format; /* enum block_format */
    struct block_file
        more[BLOCK_FILES_MAX]; /* behind it, nearest first, or its parts; open files */
    size_t n_more;
    int counters_fd;                       /* -1: it is not counted */
    const struct block_counters *counters; /* mapped, or NULL */
};

struct overlays;

struct resources {
    int kvm_fd;
    int kernel_fd;
    int initrd_fd; /* or -1 */
    int ram_fd;
    struct disk_resource disk[CONFIG_BLOCKS_MAX];
    int gpu_record_fd;                        /* or -1 */
    int udmabuf_fd;                           /* or -1: the host has it not, or not for us */
    int serial_output_fd[CONFIG_SERIALS_MAX]; /* of type stdout and file, else -1 */
    int serial_input_fd[CONFIG_SERIALS_MAX];
    int vhost_user_fd[CONFIG_VHOST_USERS_MAX];    /* connected to the user's own back ends */
    pid_t vhost_user_pid[CONFIG_VHOST_USERS_MAX]; /* of them; 0: not known */
    struct gdb_socket gdb;
};

/* All -1. */
void resources_init(struct resources *resources);
/*
 * Open and check all of them and make guest memory. Writable disks are locked against other
 * programs until resources_close(). With `handles` (the caller's, not NULL) no path is opened: each
 * must be "fd:N", an index into it. `overlays` (the caller's) take what is written to the disks of a
 * disposable machine; NULL where there can be none. 0, or -1 with *failure set and everything closed.
 */
int resources_open(const struct machine_config *config, const struct message_fds *handles,
                   struct overlays *overlays, struct resources *ret_resources,
                   struct failure *failure);
void resources_close(struct resources *resources);

/* MiB of memory in this computer, and those that a new program could take now; 0 when unknown. */
uint64_t host_memory_mib(void);
uint64_t host_free_memory_mib(void);
