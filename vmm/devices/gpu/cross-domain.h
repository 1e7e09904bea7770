/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Cross-domain contexts: a program in the guest speaks with the host's Wayland compositor. A
 * renderer like the others (vmm/devices/gpu/renderer.h), with all contexts in the device's one
 * loop. Messages pass through; descriptors become resources (files), pipes, or images that the
 * guest draws into and the compositor maps. A context that breaks a rule or a limit is ended alone.
 *
 * What it needs of its device comes as functions, so that tests can be the device.
 */

#include <stdbool.h>
#include <stdint.h>

#include "vmm/base/loop.h"
#include "vmm/devices/gpu/renderer.h"
#include "vmm/virtio/guest-memory.h"

enum {
    CROSS_FDS_MAX = 1024,        /* of all contexts together */
    CROSS_CONTEXT_FDS_MAX = 384, /* of one */
    CROSS_ITEMS_MAX = 256,       /* descriptors that the guest has not made a resource of */
    CROSS_PIPES_MAX = 64,
    CROSS_FILE_MAX = 16 << 20,   /* larger files of the compositor are not passed on */
    CROSS_DMABUF_MAX = 64 << 20, /* of an image that is one, as the kernel has it by default */
    CROSS_QUEUED_MAX = 16 << 20, /* bytes that wait for the host, per context */
    /* bytes of an image, however wide: sommelier asks for a pool of N bytes as one row of N pixels */
    CROSS_IMAGE_MAX = 0x7ffff000,
};

struct cross_domain_host {
    const struct guest_memory *(*memory)(void *data);
    /* A POLL of that timeline has its message. */
    void (*retire)(void *data, const struct renderer *renderer, const struct renderer_fence *fence);
    /*
     * Have somebody connect to the compositor; cross_domain_connected() will be called with
     * `serial`. 0 or -errno.
     */
    int (*connect)(void *data, uint64_t serial);
    /* Count host memory against the device's limit: -ENOMEM when it is reached. */
    int (*charge)(void *data, uint64_t bytes);
    void (*refund)(void *data, uint64_t bytes);
    /*
     * The first bytes of a memory file, whole pages, as a dmabuf: a descriptor, or -errno where there
     * is none. NULL: never.
     */
    int (*make_dmabuf)(void *data, int memory, uint64_t size);
};

/*
 * `host` must stay valid. `sends_resources`: the device's other renderers may have resources that the
 * host's programs can use (ops->export_dmabuf). Never NULL; destroyed by ops->destroy.
 */
struct renderer *cross_domain_create(struct loop *loop, const struct cross_domain_host *host,
                                     void *data, bool sends_resources);
/* The answer to host->connect(): a stream socket (taken over), or -1 when there is none. */
void cross_domain_connected(struct renderer *renderer, uint64_t serial, int fd);
/* Whoever connects has forgotten what it was asked: host->connect() is called again. */
void cross_domain_connect_again(struct renderer *renderer);
/* Whoever connects is gone: contexts that wait for it end. */
void cross_domain_no_connections(struct renderer *renderer);
