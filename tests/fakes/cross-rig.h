/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The cross-domain renderer with this process as its device, its guest and its compositor: resources
 * in guest memory of our own, fences that are counted, sockets that we hold the other end of.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm/devices/gpu/cross-domain.h"
#include "vmm/devices/gpu/resource.h"
#include "vmm/protocol/cross-domain.h"

enum {
    CROSS_RIG_RESOURCES = 16,
    CROSS_RIG_PAGES = 16, /* two for each resource, in reverse order */
    CROSS_QUERY = 1,      /* resource ids of the pages */
    CROSS_CHANNEL = 2,
};

/* What the device can: nothing at first. */
struct cross_rig_how {
    int udmabuf;          /* /dev/udmabuf, or -1 */
    bool makes_dmabufs;   /* without it: memory files stand in */
    bool sends_resources; /* of other renderers */
};

struct cross_rig {
    struct cross_rig_how how;
    unsigned int n_dmabufs; /* that were made */
    struct loop *loop;
    struct renderer *renderer;
    struct guest_memory *memory;
    int ram_fd;
    uint8_t *ram;
    struct resource_table resources;
    uint64_t serial;    /* of the last connection asked for */
    unsigned int asked; /* connections */
    int compositor;     /* our end of the last one, or -1 */
    uint32_t token;     /* of the last fence */
    uint32_t retired;   /* the same, told by the renderer */
    unsigned int n_retired;
};

bool cross_rig_open(struct cross_rig *rig);
bool cross_rig_open_how(struct cross_rig *rig, struct cross_rig_how how);
void cross_rig_close(struct cross_rig *rig);
/* Make guest blob `id` of one page and attach it to the context. */
bool cross_rig_page(struct cross_rig *rig, uint32_t context, uint32_t id);
/* The page's content as the guest sees it: 4096 bytes. */
void *cross_rig_look(struct cross_rig *rig, uint32_t id);
/* Context `id` with both pages, CROSS_INIT, and a connection, whose end is rig->compositor. */
bool cross_rig_context(struct cross_rig *rig, uint32_t id);
int cross_rig_submit(struct cross_rig *rig, uint32_t context, const void *commands, size_t size);
/* Submit and ask for a fence on that ring; 1 when it is done at once, else 0. */
int cross_rig_submit_fenced(struct cross_rig *rig, uint32_t context, const void *commands,
                            size_t size, uint32_t ring);
/* A POLL with its fence. */
int cross_rig_poll(struct cross_rig *rig, uint32_t context);
/* Let the loop run until all that is ready was served. */
void cross_rig_run(struct cross_rig *rig);
/* Make host blob `id` of blob_id and attach it; 0 or -errno. */
int cross_rig_blob(struct cross_rig *rig, uint32_t context, uint32_t id, uint64_t blob_id,
                   uint64_t size);

/* CROSS_SEND with some bytes. */
struct cross_rig_send {
    struct cross_message message;
    uint8_t data[64];
};

/* `text` has at most 64 bytes. */
struct cross_rig_send cross_rig_make_send(const char *text);
/* Ask context 1 for an image; 0 or -errno. The answer is on page CROSS_QUERY. */
int cross_rig_ask_image(struct cross_rig *rig, uint32_t width, uint32_t height, uint32_t fourcc,
                        uint32_t flags);
/* How many descriptors this process has open. */
unsigned int cross_rig_descriptors(void);
