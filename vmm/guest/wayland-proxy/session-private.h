/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files of a session share. */

#include <stdbool.h>

#include "vmm/base/list.h"
#include "vmm/base/message.h"
#include "vmm/guest/wayland-proxy/region.h"
#include "vmm/guest/wayland-proxy/session.h"
#include "vmm/wayland-wire/outbox.h"
#include "vmm/wayland-wire/wire.h"
#include "wayland-wire-protocols.h"

enum {
    SESSION_FDS_MAX = 128, /* that came before their message */
    SESSION_PIPES_MAX = 64,
    SESSION_QUEUED_MAX = 4 << 20, /* bytes for the client; the host has to wait then */
    SESSION_SPARES = 4,           /* buffers that are kept for the next of the same size */
    SESSION_FILE_MAX = 16 << 20,  /* of a keymap */
    SESSION_DMABUFS_MAX = 256,    /* that wait for their create request */
    DMABUF_FORMATS = 16,
    PLANES_MAX = 3,
};

/* A descriptor of the host's that has not met its message yet. */
struct session_item {
    uint32_t id;
    uint32_t type; /* enum cross_identifier */
    uint32_t size;
};

/* Bytes for the host, sent when the batch is over. */
struct session_batch {
    struct cross_message message;
    uint8_t data[CROSS_RECEIVE_MAX];
    size_t size;
    uint32_t n_ids;
};

/* wl_shm_pool */
struct shm_pool {
    uint32_t refs; /* the object and its buffers */
    int fd;
    uint8_t *map; /* the client's memory, only to read */
    size_t size;
};

/* What host memory shows: a surface as it was, in rows as the client laid them out. */
struct shm_shown {
    uint32_t surface; /* 0: nothing that is known */
    uint32_t width, height, stride, bytes;
    struct region stale; /* changed on the surface since it was copied */
};

/* Host memory whose buffer the client destroyed. */
struct shm_spare {
    struct channel_blob blob;
    struct shm_shown shown;
};

/* How the pixels of a plane lie: one has `bytes`, and stands for x * y pixels of the picture. */
struct plane_shape {
    uint8_t bytes;
    uint8_t x, y;
};

/* A part of a picture in a client's memory. */
struct shm_plane {
    struct shm_pool *pool; /* NULL: the buffer has no such plane */
    uint32_t offset;       /* there */
    uint32_t stride;       /* there */
    uint64_t at;           /* in the host's memory, with the rows of shm_shown */
    struct plane_shape shape;
    struct session_import *import; /* of a client's dmabuf, or NULL */
};

/* A wl_buffer that is copied: from a client's memory to the host's. */
struct shm_buffer {
    struct list link;
    struct shm_plane plane[PLANES_MAX];
    struct channel_blob blob;
    struct shm_shown shown; /* `bytes` are of a pixel of the first plane */
    bool busy;              /* the compositor may read it */
    bool dmabuf;            /* for both sides */
};

/* A client's dmabuf that is memory of the same device. */
struct session_import {
    struct list link; /* session::imports */
    uint32_t refs;
    struct channel_import it;
};

struct session {
    struct loop *loop;
    struct channel channel;
    struct wire_objects *objects;
    void (*ended)(void *data);
    void *data;
    bool over;

    int client;
    struct loop_source *client_watch;
    struct loop_source *channel_watch;
    bool polled;
    struct outbox outbox; /* for the client */

    uint8_t from_client[2 * WIRE_MESSAGE_MAX];
    size_t n_from_client;
    int client_fds[SESSION_FDS_MAX];
    size_t n_client_fds;

    uint8_t from_host[WIRE_MESSAGE_MAX + CROSS_PAGE_SIZE];
    size_t n_from_host;
    struct session_item items[SESSION_FDS_MAX];
    size_t n_items;

    struct session_batch batch;
    struct list pipes; /* struct pipe_end */
    uint32_t n_pipes;
    uint32_t last_read_pipe;

    struct list buffers; /* struct shm_buffer */
    struct list hidden;  /* struct hidden_delete */
    uint32_t shm;        /* the wl_shm that was bound, or made a pool, last; 0: none */
    struct channel_blob placeholder;
    struct shm_spare spares[SESSION_SPARES];
    uint32_t next_spare;
    uint32_t n_dmabufs; /* of SESSION_DMABUFS_MAX */
    struct {
        uint32_t width, height;
        uint32_t blob_id;
        uint64_t size;
    } image;             /* the last one that was asked about */
    struct list imports; /* struct session_import */
    struct {
        uint32_t width, height, format;
        uint32_t blob_id, stride;
        uint64_t size;
    } dmabuf_image;                         /* the last one that was asked about */
    uint8_t dmabuf_offered[DMABUF_FORMATS]; /* by the host: enum dmabuf_offer */
    struct session_statistics statistics;
};

/* session.c */
/* Close this session: an error of the protocol that the client is told, or NULL. */
void session_end(struct session *session, const char *why);
/* Bytes of a message for the host; descriptors' names go first. -errno ends the session. */
int session_to_host(struct session *session, const void *data, size_t size);
int session_name_to_host(struct session *session, uint32_t type, uint32_t id, uint32_t size);
int session_flush_host(struct session *session);
/* A message for the client; descriptors are taken over. */
int session_to_client(struct session *session, const void *data, size_t size, const int *fds,
                      size_t n_fds);
/* What we keep with an object of the client's; nothing where there is none. */
void session_set_data(struct session *session, uint32_t id, void *data);
/* Ask the host for its next message, unless too much waits here. */
void session_poll(struct session *session);

/* forward.c */
/* One message at `data`, already read; 0 or -errno, with call->why set for -EPROTO. */
int forward_request(struct session *session, struct wire_call *call, const uint8_t *data);
int forward_event(struct session *session, struct wire_call *call, const uint8_t *data);
int session_take_client_fd(struct session *session);
/* A descriptor for the client for the next one of the host; where it cannot be had, an empty file. */
int session_take_item(struct session *session);

/* shm.c: 1 when it is done with the request, 0 when it shall pass on, -errno. */
int shm_request(struct session *session, struct wire_call *call, const uint8_t *data);
/* The same for events. */
int shm_event(struct session *session, const struct wire_call *call);
void shm_clear(struct session *session);
void shm_pool_unref(struct shm_pool *pool);
void shm_buffer_destroy(struct session *session, struct shm_buffer *buffer);
/*
 * Memory of wl_shm for a buffer that cannot be a dmabuf: its wl_buffer `id`, of that format, is made with the
 * id of these parameters, which are destroyed on the host; a pool has it there from then on. -errno.
 */
int shm_stand_in(struct session *session, struct shm_buffer *buffer, uint32_t params, uint32_t id,
                 uint32_t format);
/* Pixels of the picture as pixels of a plane: all that they touch, inside. */
struct region_rect shm_plane_rect(const struct shm_buffer *buffer, const struct shm_plane *plane,
                                  struct region_rect rect);

/* dmabuf.c: zwp_linux_dmabuf_v1; the same for requests */
bool dmabuf_usable(const struct session *session);
int dmabuf_request(struct session *session, struct wire_call *call);
/* After a passed event was applied. */
void dmabuf_applied(struct session *session, const struct wire_call *call);
void dmabuf_clear_object(struct wire_object *object);
void import_unref(struct session *session, struct session_import *import);
/* Before and after a client's dmabuf is read; nothing for other buffers. */
void dmabuf_begin(struct session *session, struct shm_buffer *buffer);
void dmabuf_end(struct shm_buffer *buffer);

/* dmabuf-formats.c: the same for events */
int dmabuf_event(struct session *session, struct wire_call *call);

/* pipes.c */
/* The client's end of a pipe whose content goes to the host as `id`; -errno. */
int pipe_to_host(struct session *session, uint32_t id);
/* Name a new pipe of the host whose content goes into `fd` (taken over): *ret_id. */
int pipe_to_client(struct session *session, int fd, uint32_t *ret_id);
void pipe_data(struct session *session, uint32_t id, const uint8_t *data, size_t size,
               bool hang_up);
uint64_t pipes_queued(const struct session *session);
void pipes_clear(struct session *session);
