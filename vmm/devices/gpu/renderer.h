/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What draws for contexts. The device itself knows 2D resources, guest blobs, scanouts and the order
 * of fences; a renderer adds capsets, contexts, resources of its own, command streams, fences and
 * host blobs. Each capset belongs to one renderer, each context to one capset. All calls happen on
 * the loop's thread. Every number in them was checked against the resource and the protocol; what
 * only the renderer can judge (formats, command streams) it judges itself. Errors are -errno.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

struct gpu;
struct renderer;
struct resource;

enum {
    RENDERERS_MAX = 4,
    RENDERER_NAME_SIZE = 64, /* of a context, NUL included */
};

struct renderer_capset {
    uint32_t id; /* virtio 1.2 section 5.7.6.10: 1 virgl, 2 virgl2, 4 venus, 5 cross-domain */
    uint32_t version;
    uint32_t size; /* bytes */
};

struct renderer_context {
    uint32_t id;
    uint32_t capset;               /* one of this renderer's */
    char name[RENDERER_NAME_SIZE]; /* printable */
};

/* CREATE_3D, with the guest's words for target, format, bind and flags. */
struct renderer_texture {
    uint32_t target; /* enum pipe_texture_target */
    uint32_t format; /* enum virgl_formats */
    uint32_t bind;
    uint32_t width;
    uint32_t height;
    uint32_t depth;
    uint32_t array_size;
    uint32_t last_level;
    uint32_t samples;
    uint32_t flags;
};

struct renderer_blob {
    uint32_t context; /* 0: none */
    uint32_t memory;  /* VIRTIO_GPU_BLOB_MEM_... */
    uint32_t flags;
    uint64_t blob_id;
    uint64_t size;
    struct iovec *pages; /* taken over on success; NULL for host memory */
    uint32_t n_pages;
};

struct renderer_box {
    uint32_t x, y, z;
    uint32_t width, height, depth;
};

/* Copy between a resource and pages: the attached ones, or `pages` where there are any. */
struct renderer_transfer {
    bool to_host;
    uint32_t context; /* 0: none */
    uint32_t level;
    uint32_t stride; /* 0: rows follow each other */
    uint32_t layer_stride;
    struct renderer_box box;
    uint64_t offset;
    struct iovec *pages;
    uint32_t n_pages;
};

/* What another program of the host must know of a resource to use it. */
struct renderer_dmabuf {
    int fd;              /* the caller's; of all planes */
    uint64_t size;       /* bytes */
    uint64_t modifier;   /* drm_fourcc.h */
    uint32_t fourcc;     /* drm_fourcc.h; 0: only the guest knows */
    bool y_0_top;        /* of a texture: its first row is the top one */
    uint32_t n_planes;   /* at least 1 */
    uint32_t strides[4]; /* 0: only the guest knows */
    uint32_t offsets[4];
};

struct renderer_fence {
    bool on_ring;     /* the timeline (context, ring), else the global one */
    uint32_t context; /* 0: none */
    uint32_t ring;
    uint32_t token; /* ours, in the order of the timeline; wraps */
};

/* A renderer leaves out what it does not have. */
struct renderer_ops {
    const char *name;
    bool counts_blobs; /* charges the memory of its host blobs itself; else blob.c does */

    /* Capsets: false when there is no such index. `fill` writes capset->size bytes. */
    bool (*capset)(struct renderer *renderer, unsigned int index, struct renderer_capset *ret);
    void (*fill_capset)(struct renderer *renderer, const struct renderer_capset *capset,
                        void *data);

    /* Contexts. */
    int (*create_context)(struct renderer *renderer, const struct renderer_context *context);
    void (*destroy_context)(struct renderer *renderer, uint32_t context);
    /* The context may (no longer) use the resource. */
    int (*attach)(struct renderer *renderer, uint32_t context, struct resource *resource);
    void (*detach)(struct renderer *renderer, uint32_t context, struct resource *resource);

    /* Resources, by their ids. Pages are malloc'ed and taken over on success. */
    int (*create_resource)(struct renderer *renderer, uint32_t id,
                           const struct renderer_texture *texture);
    int (*create_blob)(struct renderer *renderer, uint32_t id, const struct renderer_blob *blob);
    void (*destroy_resource)(struct renderer *renderer, uint32_t id);
    int (*attach_pages)(struct renderer *renderer, uint32_t id, struct iovec *pages, uint32_t n);
    void (*detach_pages)(struct renderer *renderer, uint32_t id);
    int (*transfer)(struct renderer *renderer, uint32_t id,
                    const struct renderer_transfer *transfer);

    /* A command stream, already copied out of guest memory. */
    int (*submit)(struct renderer *renderer, uint32_t context, void *commands, uint32_t size);

    /*
     * 1: everything before is done. 0: fences_retire() will be called. An error counts as done, so
     * that a guest never waits for ever.
     */
    int (*fence)(struct renderer *renderer, const struct renderer_fence *fence);

    /* A descriptor of a host blob's memory for SHMEM_MAP, the caller's; *ret_map_info is the guest's. */
    int (*export_blob)(struct renderer *renderer, uint32_t id, int *ret_fd, uint32_t *ret_map_info);

    /* A resource, texture or blob, as a dmabuf of the host's graphics card; -errno where it is none. */
    int (*export_dmabuf)(struct renderer *renderer, uint32_t id, struct renderer_dmabuf *ret);

    /* The guest reset the device: contexts and resources are gone already. */
    void (*reset)(struct renderer *renderer);
    /*
     * Begin anew while the guest goes on: contexts and resources are gone already. 0 when it draws,
     * -EIO when it does not. Left out where there is no use in that.
     */
    int (*restart)(struct renderer *renderer);
    void (*destroy)(struct renderer *renderer);
};

/* First member of every renderer. */
struct renderer {
    const struct renderer_ops *ops;
};
