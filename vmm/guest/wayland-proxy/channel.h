/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One cross-domain context (vmm/protocol/cross-domain.h) as a client's session uses it: the kernel's
 * virtio-gpu (virtgpu.c), or what a test puts in its place. Errors are -errno.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm/protocol/cross-domain.h"

/* Memory that the host sees too, mapped here. */
struct channel_blob {
    uint32_t handle;   /* the channel's own */
    uint32_t resource; /* its name in messages to the host */
    uint64_t size;     /* bytes, whole pages */
    uint8_t *map;
};

/* A client's dmabuf, as this device knows it. */
struct channel_import {
    uint32_t handle;   /* the same for the same memory */
    uint32_t resource; /* its name in messages to the host */
    bool drawn;        /* by the host: this kernel's pages are old until they are read back */
};

struct channel_rows {
    uint32_t width; /* pixels */
    uint32_t first;
    uint32_t count;
    uint64_t offset; /* bytes, of the first in the guest's pages */
};

struct channel_ops {
    /* Have the host run commands, in order. */
    int (*submit)(void *data, const void *commands, size_t size);
    /* The same, and wait until it wrote its answer to the query page. */
    int (*query)(void *data, const struct cross_get_image *command, struct cross_image *ret_image);
    /* Ask for one message: channel::fd becomes readable when it is there. */
    int (*poll)(void *data);
    /* Copy the message out: 1, or 0 when there is none yet. */
    int (*answer)(void *data, uint8_t page[CROSS_PAGE_SIZE]);
    int (*blob_create)(void *data, uint32_t blob_id, uint64_t size, struct channel_blob *ret_blob);
    void (*blob_destroy)(void *data, struct channel_blob *blob);
    /* What a compositor must know of a resource; size 0: it cannot be sent. */
    int (*describe)(void *data, uint32_t resource, struct cross_image *ret_image);
    /* -errno when it is no memory of this device. */
    int (*import)(void *data, int dmabuf, struct channel_import *ret_import);
    void (*import_drop)(void *data, uint32_t handle);
    /* Rows that the host drew are in this kernel's pages afterwards. */
    int (*read_back)(void *data, const struct channel_import *import,
                     const struct channel_rows *rows);
    void (*destroy)(void *data);
};

struct channel {
    const struct channel_ops *ops;
    void *data;
    int fd;
    uint64_t device;      /* dev_t of the node, for clients that draw with it */
    bool makes_dmabufs;   /* images of the host may be dmabufs */
    bool sends_resources; /* describe() may find some */
};

/*
 * Open the render node at `path` and start a context. On failure one sentence for people that names
 * the thing and the cure is in `ret_why`.
 */
int virtgpu_open(const char *path, struct channel *ret_channel, const char **ret_why);
/* 0 when the device there can do it, else as virtgpu_open(). */
int virtgpu_probe(const char *path, const char **ret_why);
