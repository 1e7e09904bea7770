/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files of the cross-domain renderer share. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm/base/list.h"
#include "vmm/base/log.h"
#include "vmm/base/message.h"
#include "vmm/devices/gpu/cross-domain.h"
#include "vmm/protocol/cross-domain.h"

struct cross_domain {
    struct renderer renderer; /* first */
    struct loop *loop;
    const struct cross_domain_host *host;
    void *data;
    struct list contexts; /* struct cross_context */
    struct list blobs;    /* struct cross_blob */
    bool makes_dmabufs;
    bool sends_resources;
    uint64_t next_serial;
    uint32_t n_fds;
    struct log_limit limit;
};

enum cross_source_kind {
    CROSS_SOURCE_CHANNEL,    /* the compositor's socket, both ways */
    CROSS_SOURCE_READ_PIPE,  /* host to guest */
    CROSS_SOURCE_WRITE_PIPE, /* guest to host */
};

/* A descriptor of the host that bytes go through. */
struct cross_source {
    struct list link; /* cross_context::sources */
    struct cross_context *context;
    enum cross_source_kind kind;
    uint32_t id; /* of a pipe */
    int fd;      /* -1: the channel is not connected yet */
    struct loop_source *watch;
    uint32_t events;
    struct list outbox; /* struct cross_chunk: what the host did not take yet */
    bool closing;       /* close when the outbox is empty */
};

/* Something of the compositor's that the guest may make a resource of. */
struct cross_item {
    struct list link;
    uint32_t id;
    uint64_t size; /* bytes, whole pages */
    int fd;
};

/* Host memory that the guest made a resource of. */
struct cross_blob {
    struct list link; /* cross_domain::blobs */
    uint32_t id;      /* of the resource */
    uint64_t size;
    uint64_t charged;
    bool wants_dmabuf;
    int fd;
    int dmabuf; /* of the same pages, once it was sent; or -1 */
};

struct cross_attachment {
    struct list link;
    struct resource *resource;
    uint32_t id;
};

/* A fence of the channel's timeline. */
struct cross_poll {
    struct list link;
    struct renderer_fence fence;
    bool wants_message;
};

struct cross_context {
    struct list link;
    struct cross_domain *domain;
    uint32_t id;
    bool initialised;
    bool dead;                     /* POLL says that the host hung up, all else is refused */
    bool polled;                   /* the stream in hand has a POLL */
    uint64_t serial;               /* of host->connect(), 0: none is under way */
    struct list attached;          /* struct cross_attachment */
    struct resource *query_page;   /* NULL when the guest took it away */
    struct resource *channel_page; /* the same */
    struct list sources;           /* struct cross_source, whose turn it is first */
    struct cross_source *channel;  /* one of them, or NULL */
    uint32_t n_pipes;
    struct list items; /* struct cross_item, oldest first */
    uint32_t n_items;
    uint32_t last_item;
    uint32_t last_read_pipe;
    struct list polls; /* struct cross_poll */
    uint64_t queued;   /* bytes in all outboxes */
    uint32_t n_fds;
};

/* cross-domain.c */
/*
 * Count `fd`, which was just made or came, as one of the context's: it, or -EMFILE after closing it
 * at the limit; an error in place of it passes through. cross_close_fd() closes it.
 */
int cross_own_fd(struct cross_context *context, int fd);
void cross_close_fd(struct cross_context *context, int *fd);
struct cross_blob *cross_find_blob(const struct cross_domain *domain, uint32_t id);

/* cross-domain-context.c */
int cross_context_submit(struct cross_context *context, const uint8_t *commands, uint32_t size);
/* End it: what the host gave is closed, POLL answers that the host hung up. */
void cross_context_kill(struct cross_context *context, const char *why);
/* Close and forget everything; the context may be freed then. */
void cross_context_clear(struct cross_context *context);
/* Write `size` bytes to the beginning of the page; false when the guest took it away. */
bool cross_page_write(struct cross_context *context, const struct resource *page, const void *data,
                      size_t size);

/* cross-domain-poll.c: messages to the guest, one for each POLL. */
/* As renderer_ops::fence. */
int cross_poll_add(struct cross_context *context, const struct renderer_fence *fence);
/* Listen to the host where a POLL waits for it. */
void cross_poll_arm(struct cross_context *context);
/* Something can be read: tell the first POLL. */
void cross_poll_serve(struct cross_context *context);

/* cross-domain-source.c */
/* `fd` is taken over and counted already; -1 for a channel that is not connected yet. */
struct cross_source *cross_source_add(struct cross_context *context, enum cross_source_kind kind,
                                      uint32_t id, int fd);
void cross_source_remove(struct cross_source *source);
struct cross_source *cross_source_find(const struct cross_context *context,
                                       enum cross_source_kind kind, uint32_t id);
void cross_source_connect(struct cross_source *source, int fd);
/* Listen for these events besides room for what waits. */
void cross_source_listen(struct cross_source *source, bool on);
/*
 * Send, or keep until there is room. The descriptors stay the caller's. -ENOBUFS when too much
 * waits, -EPIPE when nobody reads any more, or another -errno.
 */
int cross_source_send(struct cross_source *source, const void *data, size_t size, const int *fds,
                      size_t n_fds);

/* cross-domain-item.c */
/* Give the guest a name for `fd` (taken over), which came from the compositor. */
void cross_item_receive(struct cross_context *context, int fd, struct cross_message *message,
                        size_t index);
struct cross_item *cross_item_find(const struct cross_context *context, uint32_t id);
void cross_item_remove(struct cross_context *context, struct cross_item *item);

/* cross-domain-image.c */
/*
 * Linear layout in shared memory, or for graphics cards, which want their rows aligned; -EINVAL for a
 * size or format that we do not know.
 */
int cross_image_layout(const struct cross_get_image *request, bool dmabuf,
                       struct cross_image *ret_image);
/* What an image's name says, which may be a guest's invention; false when none has it. */
bool cross_image_find(const struct cross_domain *domain, uint32_t id, uint64_t *ret_size,
                      bool *ret_dmabuf);

/* cross-domain-dmabuf.c */
/* A dmabuf of an image, which the blob keeps; or its memory file where none can be made. */
int cross_blob_send_fd(struct cross_domain *domain, struct cross_blob *blob);
/* Of a resource that another renderer has: a descriptor for the caller, or -errno. */
int cross_resource_send_fd(const struct resource *resource);
/* The answer to DESCRIBE_RESOURCE; size 0 when it cannot be sent. NULL: there is none. */
void cross_resource_describe(const struct resource *resource, struct cross_image *ret_image);
