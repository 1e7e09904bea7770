/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What virgl.c and virgl-start.c share. */

#include <stdatomic.h>

#include "vmm/devices/gpu/virgl-library.h"
#include "vmm/devices/gpu/virgl.h"

enum {
    VIRGL_CAPSETS = 3,
    CAPSET_VENUS = GPU_CAPSET_VENUS,
};

/* A fence on a ring that ended. */
struct ended {
    struct ended *next;
    struct renderer_fence fence;
};

struct virgl {
    struct renderer renderer;
    struct virgl_library library;
    struct virgl_renderer_callbacks callbacks;
    struct renderer_capset capsets[VIRGL_CAPSETS];
    uint8_t *capset_data[VIRGL_CAPSETS]; /* as the library had it at the start, in no jail yet */
    unsigned int n_capsets;
    struct gpu *gpu;
    struct loop_source *wake;
    int wake_fd;
    int render_fd;
    int venus_fd;       /* until the library has taken it */
    int venus_watch_fd; /* the same socket, to see its end */
    struct loop_source *venus_watch;
    bool has_venus;
    bool started;

    /* Written by the library's thread. */
    _Atomic uint32_t last_token;
    _Atomic bool global_ended;
    _Atomic(struct ended *) ended;
};

/* Fill in callbacks and start the library; capsets are known then. -errno with *ret_why. */
int virgl_start_library(struct virgl *virgl, const char **ret_why);

/* virgl-export.c: as renderer_ops::export_dmabuf. */
int virgl_export_dmabuf(struct renderer *renderer, uint32_t id, struct renderer_dmabuf *ret);

/* What the library calls. */
void virgl_on_fence(void *cookie, uint32_t token);
void virgl_on_context_fence(void *cookie, uint32_t context, uint32_t ring, uint64_t token);
int virgl_on_get_drm_fd(void *cookie);
int virgl_on_get_server_fd(void *cookie, uint32_t version);
void virgl_on_message(const char *format, va_list arguments);
