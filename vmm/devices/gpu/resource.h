/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The guest's resources (virtio 1.2 section 5.7). A 2D resource owns its pixels: a sealed memfd that
 * the display process maps as it is. A blob is guest memory only. A texture lives in a renderer, and
 * so does the working copy of a 2D resource that a context uses. Together they stay below a limit.
 */

#include <stdbool.h>
#include <stdint.h>

#include "vmm/base/list.h"
#include "vmm/devices/gpu/backing.h"
#include "vmm/devices/gpu/rect.h"
#include "vmm/devices/gpu/renderer.h"

enum {
    RESOURCES_MAX = 32768,
    RESOURCES_2D_MAX = 256, /* each holds a descriptor */
    RESOURCE_BUCKETS = 512,
    BYTES_PER_PIXEL = 4 /* of every format that we accept */
};

/* Gallium's numbers, which are virtio-gpu's 3D protocol. */
enum texture_target {
    TEXTURE_BUFFER = 0,
    TEXTURE_2D = 2,
    TEXTURE_3D = 3,
    TEXTURE_CUBE = 4,
    TEXTURE_RECT = 5,
    TEXTURE_LAST = 8,
};

struct link_buffer;

enum resource_kind {
    RESOURCE_2D,
    RESOURCE_BLOB,      /* guest memory */
    RESOURCE_TEXTURE,   /* a renderer's, CREATE_3D */
    RESOURCE_HOST_BLOB, /* memory that a renderer brings */
};

struct resource {
    struct list link;
    uint32_t id;
    enum resource_kind kind;
    uint64_t size; /* bytes of pixels, or of the blob */
    struct backing *backing;
    struct renderer *renderer; /* that knows the resource, or NULL */
    uint32_t uuid;             /* number of its UUID, or 0: nobody asked for one */
    uint32_t journal;          /* journal.c's: where it is noted, or 0 */
    uint64_t transfers;        /* that the guest asked for, and flushes */
    uint64_t flushes;
    uint8_t *recorded; /* record.c's: its memory as the recording has it, or NULL */

    struct renderer_texture texture; /* RESOURCE_TEXTURE */

    /* RESOURCE_HOST_BLOB */
    uint64_t charged; /* of the limit, given back at the end */
    bool mapped;      /* in the window, from map_offset on */
    uint64_t map_offset;

    /* 2D, and textures that a scanout can show */
    uint32_t width;
    uint32_t height;
    uint32_t format;            /* DRM fourcc, 0 when there is none */
    struct link_buffer *buffer; /* scanout.c's or shown-texture.c's, while the display knows it */
    bool is_not_shared;         /* a texture that cannot be had as a dmabuf */
    /* 2D only */
    uint8_t *pixels; /* stride is width * BYTES_PER_PIXEL */
    int fd;
    bool unfilled; /* taken over: what the guest's pages hold is not in `pixels` yet */
};

struct resource_table {
    struct list buckets[RESOURCE_BUCKETS];
    uint32_t count;
    uint32_t count_2d;
    uint64_t limit; /* bytes */
    uint64_t used;
};

/* DRM fourcc of a virtio-gpu format with four bytes per pixel, or 0. */
uint32_t resource_fourcc(uint32_t virtio_format);
/* Whether it is one of enum gpu_format. */
bool resource_is_shown_format(uint32_t fourcc);

void resource_table_init(struct resource_table *table, uint64_t limit);
/* -ENOMEM when the limit is reached. */
int resource_table_charge(struct resource_table *table, uint64_t bytes);
void resource_table_refund(struct resource_table *table, uint64_t bytes);

/* Its memory is not the device's: the guest's, or a renderer's. */
static inline bool
resource_is_blob(const struct resource *resource)
{
    return resource->kind == RESOURCE_BLOB || resource->kind == RESOURCE_HOST_BLOB;
}

/* The renderer that brought its memory has begun anew; the guest can only give it up. */
static inline bool
resource_is_lost(const struct resource *resource)
{
    return (resource->kind == RESOURCE_TEXTURE || resource->kind == RESOURCE_HOST_BLOB) &&
           !resource->renderer;
}

/* NULL when there is none. */
struct resource *resource_find(const struct resource_table *table, uint32_t id);
/* -EEXIST, -EINVAL for id 0, a bad format or size, -ENOMEM. */
int resource_create_2d(struct resource_table *table, uint32_t id, uint32_t virtio_format,
                       uint32_t width, uint32_t height);
/* The caller makes it in the renderer. As above; `size` is what it is taken to cost. */
int resource_create_texture(struct resource_table *table, uint32_t id,
                            const struct renderer_texture *texture, uint64_t size,
                            struct resource **ret_resource);
/* Takes the backing over on success, which may be shorter than `size`. */
int resource_create_blob(struct resource_table *table, uint32_t id, uint64_t size,
                         struct backing *backing);
/* The caller makes it in the renderer, which counts what it costs. */
int resource_create_host_blob(struct resource_table *table, uint32_t id, uint64_t size,
                              struct resource **ret_resource);
/* Give a resource that is no blob its pages (taken over on success). -EBUSY when it has some. */
int resource_attach(struct resource_table *table, struct resource *resource,
                    struct backing *backing);
void resource_detach(struct resource_table *table, struct resource *resource);
/*
 * Its renderer forgets it. What has memory of its own or of the guest's goes on without; else it is lost,
 * and no context may hold it any more.
 */
void resource_leave_renderer(struct resource_table *table, struct resource *resource);
/* The caller took it off its scanouts, its contexts and the display. */
void resource_destroy(struct resource_table *table, struct resource *resource);

/*
 * The one copy of a 2D resource: guest memory from `offset` on, rows width * 4 bytes apart, to the
 * rectangle's pixels. -EINVAL when the rectangle or the pages do not reach, -ENXIO without pages.
 */
int resource_transfer(struct resource *resource, const struct guest_memory *memory,
                      const struct rect *rect, uint64_t offset);
/*
 * Before the pixels of a 2D resource are looked at, or a part of them changes, or it loses its pages: copy
 * what was put off when it was taken over (journal.h).
 */
void resource_fill(struct resource *resource, const struct guest_memory *memory);
